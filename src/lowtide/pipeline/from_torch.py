"""A PyTorch module where a network is read: exported, and held to what the module computes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lowtide.check.difference import distance
from lowtide.check.ends import Ends
from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.evaluate import NotEvaluated, evaluate
from lowtide.check.expected import SUSPECT, share
from lowtide.check.fed import Carry, Fed
from lowtide.check.numbers import Reference, Sample
from lowtide.clock import Clock, quiet
from lowtide.errors import CheckError, UnreadableModel, UsageError, extra
from lowtide.files.listing import EXPORTED
from lowtide.frontends.onnx.load import PYTHON
from lowtide.frontends.pytorch.exported import Exported, Run
from lowtide.frontends.pytorch.factory import drawn, is_factory, make
from lowtide.ir.graph import Array
from lowtide.pipeline.read import Model, read

if TYPE_CHECKING:
    from lowtide.pipeline.fitted import Fitted

MISSING = f"PyTorch modules need PyTorch and onnxscript; {extra('torch')}"

_DIFFERS = "{}: what PyTorch exported differs from the module on {} by {:.2e} of the largest value"
_PERHAPS = (
    "does forward() do something else while it is exported (torch.compiler.is_exporting), or draw "
    "random numbers?"
)


class Module(Protocol):
    """A torch.nn.Module, for those who read types without torch."""

    training: bool

    def named_modules(self) -> Any:
        """Its modules with their paths."""


def open_model(model: Model | Module | Exported, example: object = None) -> Model | Exported:
    """A module as what it was exported to; files and ONNX as they are.

    Raises UsageError and ModelError, CheckError where what was exported computes something else.
    """
    if isinstance(model, str) and example is not None and is_factory(model):
        return exported(make(model), example, called=Path(model).name)
    if isinstance(model, Exported) or not hasattr(model, "named_modules"):
        if example is not None and not (isinstance(model, str) and Path(model).suffix in PYTHON):
            raise UsageError("an example is for a torch.nn.Module; a file says its own shapes")
        return model
    if example is None:
        raise UsageError(
            "a torch.nn.Module needs an example of its input: "
            "lowtide.fit(module, torch.zeros(1, 3, 224, 224))"
        )
    return exported(model, example)


def exported(module: object, example: object, called: str = "") -> Exported:
    """The network that a module computes, found to compute what the module does."""
    _needs_torch()
    from lowtide.frontends.pytorch.export import export

    made = export(module, example, called)
    _compare(made)
    return made


def _compare(made: Exported) -> None:
    """Raises CheckError where onnxruntime and the module part, and float64 does not explain it."""
    name = made.proto.graph.name
    try:
        got = Reference(made.proto.SerializeToString(), name, optimised=False).run(made.example)
    except UnreadableModel:
        return  # what onnxruntime has no operator for is judged, or refused, like any other network
    off = _apart(got.outputs, made.run(made.example))
    if off > SUSPECT and not _explained(made):
        read(
            made.proto, Clock(quiet), made.shapes, sys.maxsize
        )  # what is not taken in is said first
        raise CheckError(_DIFFERS.format(name, "the example", off), hint=_PERHAPS)


def _explained(made: Exported) -> bool:
    try:
        exact = evaluate(made.proto, made.example)
        return _apart(exact, made.run64(made.example)) <= SUSPECT
    except (NotEvaluated, RuntimeError):
        return False


def _apart(made: Sequence[Array], own: Sequence[Array]) -> float:
    """The largest difference from the module's own, as a share of its output's largest value."""
    if len(made) != len(own):
        return float("inf")
    pairs = zip(made, own, strict=True)
    return max((share(distance(y, ref), largest_of(ref)) for y, ref in pairs), default=0.0)


def beside_module(fitted: Fitted, made: Exported) -> Fitted:
    """What was fitted, with the network that was exported, and how far the module is from exact.

    That is not known of rows without end, and of what approximates the module.
    """
    memory, checks, plan, error = fitted.memory, fitted.checks, fitted.plan, None
    own = plan.source.original is None and plan.layout.graph.pushes is None
    if own and checks is not None and checks.against.kind == "float64":
        carry = Ends(memory.inputs, memory.outputs, memory.states).carry
        begin = {name: np.zeros_like(made.example[name]) for name in carry}
        error = _error(made.run, checks.samples, carry, begin)
        if error > SUSPECT and _error(made.run64, checks.samples, carry, begin) > SUSPECT:
            what = _DIFFERS.format(made.proto.graph.name, "a random input", error)
            raise CheckError(what, hint=_PERHAPS)
    files = {**fitted.files, EXPORTED: made.content}
    return replace(fitted, files=files, module_error=error)


def _error(run: Run, samples: Sequence[Sample], carry: Carry, begin: Mapping[str, Array]) -> float:
    """How far a module is from what is expected of its program."""
    fed, worst = Fed(carry), 0.0
    for sample in samples:
        outputs = run(fed.inputs({**begin, **sample.inputs}))
        fed.made(outputs)
        worst = max(worst, _apart(outputs, sample.outputs))
    return worst


def exported_from(word: str, shapes: Sequence[str]) -> Exported:
    """The network of the module that a factory makes, on inputs of these shapes."""
    if not shapes:
        raise UsageError(
            f"{word} needs the shapes of its inputs: --input 1x3x224x224, for each of them, in the "
            "order of forward() or as NAME=1x16"
        )
    example = drawn(shapes)
    _needs_torch()
    return exported(make(word), example, called=Path(word).name)


def _needs_torch() -> None:
    try:
        import lowtide.frontends.pytorch.export  # noqa: F401
    except ImportError as error:
        raise UsageError(MISSING) from error
