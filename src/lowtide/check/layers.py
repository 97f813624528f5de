"""The first operator of a program whose result is not the reference's.

Whole numbers have to be equal, or a step apart behind what the reference computes in floats; floats
may be off by 1e-3 of the largest. What only the program has (parts of a tensor, what was made into
one) is not compared, and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import helper

from lowtide.check.as_used import as_used
from lowtide.check.ends import Ends, numbers
from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.quanta import quanta
from lowtide.check.expected import SUSPECT
from lowtide.check.floats import Floats, floats_as_run, floats_before, parts_of
from lowtide.check.in_child import LARGE, in_child
from lowtide.check.numbers import Reference
from lowtide.check.runtimes import LITERT, TFLM, installed, run_all
from lowtide.check.tflite_truth import runtime_of
from lowtide.check.traced import PORTS, Output, outputs_of, traced
from lowtide.check.truth import read_whole
from lowtide.check.verify import Folder, check_model, read_folder
from lowtide.clock import Progress, quiet
from lowtide.errors import CheckError, UsageError, extra
from lowtide.frontends.onnx.eight.group import group
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load, simplified
from lowtide.frontends.tflite.load import is_tflite, named_tensors
from lowtide.frontends.tflite.network import FIRST
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Graph

Tensors = Mapping[str, Array]
Expected = Mapping[str, tuple[Array, Floats]]
"""Tensors by name, and what stands before them."""
Every = tuple[str, Graph, Iterator[Expected]]
"""What the reference is, the network, and its tensors for each sample."""


@dataclass(frozen=True)
class Differs:
    """So many of an operator's values are not the reference's, on a sample; the first is `at`."""

    operator: str
    type: str
    tensor: str
    sample: str
    unequal: int
    of: int
    most: float
    at: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"{self.operator} ({self.type}) is the first operator that differs: in {self.unequal} "
            f"of {self.of} values of '{self.tensor}', by {self.most:g} at most, first at "
            f"{[*self.at]}, on sample '{self.sample}'"
        )


@dataclass(frozen=True)
class Layers:
    """How many of a program's operators were compared, with what, and the first that differs."""

    compared: int
    operators: int
    by: str
    first: Differs | None

    def facts(self) -> dict[str, Any]:
        """What `verify --layers --json` prints beside the rest."""
        first = vars(self.first) if self.first else None
        return {
            "layers_compared": self.compared,
            "layers": self.operators,
            "layers_reference": self.by,
            "first_different": first,
        }

    def __str__(self) -> str:
        of = f"{self.compared} of {self.operators} operators compared with {self.by}"
        return f"  layers         {of}: {self.first or 'none differs'}"


def compare_layers(folder: Path, model: Path, progress: Progress = quiet) -> Layers:
    """Runs net.c and the reference on each sample; raises UsageError, CheckError, ModelError."""
    held = read_folder(folder)
    check_model(model, held.memory)
    if held.memory.states:
        raise UsageError("--layers is not for networks that keep state from call to call yet")
    reference = _tflite if is_tflite(model) else _onnx
    progress("running every operator of the reference")
    by, graph, expected = reference(model, held)
    progress("running every operator of net.c")
    outputs = [output for output in outputs_of(held) if _is_of(graph, output)]
    compared, found = set[str](), dict[int, Differs]()
    for sample, made, right in zip(held.samples, traced(held, outputs), expected, strict=True):
        for k, output in enumerate(outputs):
            name = output.tensor.name
            if name in right and right[name][0].shape == made[name].shape:
                compared.add(name)
                differs = _differs(output, made[name], *right[name], sample.name)
                found |= {k: differs} if differs and k not in found else {}
    count = sum(op.type not in PORTS for op in held.memory.operators)
    return Layers(len(compared), count, by, found[min(found)] if found else None)


def _is_of(graph: Graph, output: Output) -> bool:
    """Whether a tensor is the network's: one behind which something was fused through a view has
    the name of what is before that."""
    maker, types = graph.producer.get(output.tensor.name), output.operator.type.split("+")
    return maker is not None and (len(types) == 1 or maker.type == types[-1])


@contextmanager
def naming(found: Layers | None) -> Iterator[None]:
    """A failed check also names the first operator that differs."""
    try:
        yield
    except CheckError as error:
        if found is not None:
            error.args = (f"{error.args[0]}; {found.first or 'no operator differs'}",)
        raise


def _differs(
    output: Output, made: Array, right: Array, floats: Floats, sample: str
) -> Differs | None:
    whole = made.dtype.kind in "iu"
    gap = floats.gap(right, 0.0) if whole else SUSPECT * largest_of(right)
    off = np.abs(made.astype(np.float64) - right.astype(np.float64))
    wrong = ~(off <= gap) & ~(np.isnan(made) & np.isnan(right)) & output.seen
    if not wrong.any():
        return None
    at = tuple(int(k) for k in np.argwhere(wrong)[0])
    most, op = float(np.nanmax(np.where(wrong, off, 0))), output.operator
    return Differs(
        op.name, op.type, output.tensor.name, sample, int(wrong.sum()), wrong.size, most, at
    )


def _onnx(model: Path, held: Folder) -> Every:
    """onnxruntime on the network that hands out all its tensors which the program has.

    A float network is the one that was planned: with folded constants tensors have other numbers.
    """
    shapes = {port.name: port.shape for port in held.memory.inputs}
    graph = group(freeze(load(model, shapes, eight=True), eight=True))
    proto = onnx.ModelProto()
    proto.CopyFrom(read_whole(as_used(model)))
    whole = quanta(proto) is not None
    if not whole:
        proto = simplified(model, shapes)
    made = {name for node in proto.graph.node for name in node.output}
    made -= {value.name for value in proto.graph.output}
    wanted = [
        op.output
        for op in held.memory.operators
        if op.output in made & graph.tensors.keys()
        and not (whole and graph.tensors[op.output].dtype == F32)
    ]
    proto.graph.output.extend(map(helper.make_empty_tensor_value_info, dict.fromkeys(wanted)))
    names = [value.name for value in proto.graph.output]
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        kept = Path(folder) / "fused.onnx"
        content = proto.SerializeToString()
        own = Reference(content, str(model), optimised=whole, kept=kept if whole else None)
        floats = floats_as_run(kept, proto) if whole else [Floats()] * len(names)
    real = [name for name, kind in own.types.items() if kind == F32.name]
    expected = (
        _as_handed_out(held, names, own.run(inputs).outputs, floats)
        for inputs in _given(held, real)
    )
    return f"onnxruntime {own.version}", graph, expected


def _tflite(model: Path, held: Folder) -> Every:
    """The runtime that defines the file, which keeps all tensors."""
    graph, known = named_tensors(model)
    maker, content = held.samples[0].expected.maker, model.read_bytes()
    runtime = maker if maker in (TFLM, LITERT) else runtime_of(graph)
    if installed(runtime) is None:
        raise UsageError(f"--layers needs {runtime}; {extra('tflite')}")
    made = {op.output for op in held.memory.operators}
    names = [name for name in known if name in made and name in graph.producer]
    where = [known[name] for name in names]
    floats = floats_before(parts_of(graph), names)

    def run(inputs: Tensors) -> Iterator[Array]:
        numbers = [number for number, _ in where]
        try:
            values = in_child(LARGE + 1, run_all, runtime, content, inputs, numbers)
        except (RuntimeError, ValueError) as error:
            raise UsageError(
                f"--layers: {runtime} cannot run {model}; leave --layers out"
            ) from error
        for y, (_, image) in zip(values, where, strict=True):
            if y is None:
                yield np.empty(0)  # of no tensor's shape
            else:
                yield y.transpose(FIRST) if image and y.ndim == len(FIRST) else y

    real = [name for name in graph.inputs if graph.tensors[name].dtype == F32]
    expected = (
        _as_handed_out(held, names, run({n: inputs[n] for n in graph.inputs}), floats)
        for inputs in _given(held, real)
    )
    return f"{runtime} {installed(runtime)}", graph, expected


def _given(held: Folder, real: Collection[str]) -> list[dict[str, Array]]:
    """The samples as the file takes them."""
    ends = Ends(held.memory.inputs)
    return [*ends.of_file({s.name: s.inputs for s in held.samples}, real).values()]


def _as_handed_out(
    held: Folder, names: Sequence[str], values: Iterable[Array], floats: Sequence[Floats]
) -> Expected:
    """Tensors by name, outputs as the program has them."""
    ports = {port.tensor: port for port in held.memory.outputs}
    found = zip(names, values, floats, strict=True)
    return {name: (numbers(y, ports.get(name)), one) for name, y, one in found}
