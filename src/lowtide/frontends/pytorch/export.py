"""From a module to an ONNX network, by torch.export and torch.onnx."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import onnx
import onnxscript  # noqa: F401  torch.onnx needs it, and says so late
import torch
from torch.utils import _pytree as pytree

from lowtide.errors import ModelError, UnsupportedModel, UsageError
from lowtide.frontends.onnx.load import strip
from lowtide.frontends.onnx.long_names import rename_tensors
from lowtide.frontends.onnx.module_names import name_tensors
from lowtide.frontends.onnx.nodes import name_nodes
from lowtide.frontends.onnx.original import with_name
from lowtide.frontends.pytorch.exported import Exported
from lowtide.frontends.pytorch.module import Prepared, prepare
from lowtide.frontends.pytorch.unsupported import unsupported
from lowtide.frontends.pytorch.where import module_of, place, told


def export(module: object, example: object, called: str = "") -> Exported:
    """The network that a module computes in evaluation; the module is left as it is.

    `example` is a tensor, a tuple of them or a dict by the names of forward(). Nodes are called as
    the modules they come from, the network as `called`, or else the module's class. Raises
    UsageError and ModelError.
    """
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    called = called or type(module).__name__
    try:
        held = prepare(module, example)
        with _silence():
            program = _traced(held)
            proto = _translated(program)
            _check_computed(proto.graph)
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from error
    except ModelError as error:
        raise error.within(file=called) from error.__cause__
    names = [str(name) for name in program.graph_signature.user_inputs]
    leaves = pytree.tree_leaves((held.args, dict(held.kwargs)))
    return Exported(
        _settled(proto, names, held.outputs, called),
        {name: x.numpy() for name, x in zip(names, leaves, strict=True)},
        held.runner(names, torch.float32),
        held.runner(names, torch.float64),
    )


def _traced(held: Prepared) -> Any:
    try:
        return torch.export.export(held.module, held.args, dict(held.kwargs), strict=False)
    except Exception as error:
        within = module_of(error, held.module)
        if "data-dependent" in str(error) or "DataDependent" in type(error).__name__:
            raise UnsupportedModel(
                f"a branch or a size depends on the values of a tensor{within}{place(error)}",
                hint="compute both ways and choose with torch.where, or split the module there",
            ) from error
        raise UnsupportedModel(
            f"torch.export cannot trace the module: {told(error)}",
            hint="torch.export.export(module, (example,)) says more",
        ) from error


def _translated(program: Any) -> onnx.ModelProto:
    try:
        made = torch.onnx.export(program, (), dynamo=True, verbose=False, external_data=False)
        assert made is not None
        return made.model_proto
    except Exception as error:
        missing = unsupported(program)
        if missing:
            raise UnsupportedModel(
                f"operators that ONNX does not have: {missing}",
                hint="compute the same with others, or split the module there",
            ) from error
        raise UnsupportedModel(
            f"torch.onnx cannot write the module: {told(_root(error))}",
            hint="torch.onnx.export(module, (example,), dynamo=True, report=True) says more",
        ) from error


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _check_computed(graph: onnx.GraphProto) -> None:
    if not graph.node:
        raise UnsupportedModel(
            "the module returns a constant, whatever its input is",
            hint="have forward() return what it computes of its input",
        )


def _settled(
    proto: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str], called: str
) -> onnx.ModelProto:
    """Without the lines of the user's code that torch notes, and with names that users know."""
    producer = (proto.producer_name, proto.producer_version)
    strip(proto)
    proto.producer_name, proto.producer_version = producer
    name_tensors(proto.graph, name_nodes(proto.graph.node))
    graph = proto.graph
    taken = {x for node in graph.node for x in (*node.input, *node.output)}
    taken |= {x.name for x in (*graph.input, *graph.output, *graph.initializer)}
    new = dict[str, str]()
    for value, name in zip(graph.input, inputs, strict=True):  # x_orig of one that is returned
        new[value.name] = value.name = name
    for value, name in zip(graph.output, outputs, strict=True):
        while name in inputs or (name in taken and name != value.name):
            name += "_out"
        taken.add(name)
        new[value.name] = value.name = name
    rename_tensors(graph, new)
    graph.name = called
    return with_name(proto, called)


@contextmanager
def _silence() -> Iterator[None]:
    """What torch logs, prints and warns of while it exports is not the user's to mend."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),  # torch prints graphs there when it fails
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
