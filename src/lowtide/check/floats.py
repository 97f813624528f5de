"""What of a network's numbers its reference computes in floats, which may round them elsewhere.

x ─> Q ─> QLinearConv ─> DQ ─> y            nothing: y is equal
x ─> Q ─> DQ ─> Erf ─> DQ ─> y              Erf, as floats: y is near
x ─> Q ─> DQ ─> Erf ─> Q ─> Conv ─> Q ─> y  Erf, in whole numbers: y may be a step off
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from lowtide.check.exact.blocks import largest_of
from lowtide.check.exact.evaluate import in_order
from lowtide.check.expected import TOLERANCE
from lowtide.frontends.onnx.qlinear import FORMS
from lowtide.ir.dtype import F32, I8
from lowtide.ir.graph import Array, Graph, Operator
from lowtide.ops import ENTRIES
from lowtide.ops.definition import definition

REALS_INSIDE = ("QLinearAveragePool", "QLinearSoftmax")
"""Of onnxruntime's operators on 8-bit numbers those that add floats."""

_ENDS = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True)
class Part:
    """An operator; if it `computes`, then with floats, and `rounds` says it makes whole numbers."""

    type: str
    reads: Sequence[str]
    makes: Sequence[str]
    computes: bool
    rounds: bool


@dataclass(frozen=True)
class Floats:
    """The types of those that stand before a tensor: `near` ones made it or floats that it is made
    of, the results of the others in `rounded` were made whole numbers on the way."""

    near: frozenset[str] = field(default_factory=frozenset)
    rounded: frozenset[str] = field(default_factory=frozenset)

    def __or__(self, other: Floats) -> Floats:
        return Floats(self.near | other.near, self.rounded | other.rounded)

    def gap(self, y: Array, quantum: float) -> float:
        """How far an output may be off; `quantum` is a step of one that is made real again."""
        if not self.near | self.rounded:
            return 0.0
        if y.dtype.kind in "iu":
            return 1.0
        return TOLERANCE * largest_of(y) + (quantum if self.rounded else 0.0)


def floats_before(parts: Sequence[Part], outputs: Sequence[str]) -> list[Floats]:
    """What of each output is computed in floats, by the network's operators in order."""
    known: dict[str, Floats] = {}
    for part in parts:
        read = [known[name] for name in part.reads if name in known]
        near = frozenset({part.type} if part.computes else ()).union(*(one.near for one in read))
        rounded = frozenset[str]().union(*(one.rounded for one in read))
        made = Floats(frozenset(), near | rounded) if part.rounds else Floats(near, rounded)
        known |= dict.fromkeys(part.makes, made)
    return [known.get(name, Floats()) for name in outputs]


def said(names: Sequence[str], found: Sequence[Floats]) -> list[str]:
    """Which outputs may be a step off, and why, in words; nothing where none may."""
    loose = {n: one.rounded for n, one in zip(names, found, strict=True) if one.rounded}
    if not loose:
        return []
    which = ", ".join(f"'{name}'" for name in [*loose][:3]) + (", .." if len(loose) > 3 else "")
    types = ", ".join(sorted(frozenset[str]().union(*loose.values())))
    return [f"{which} may be one step off, since the reference computes floats in {types}"]


def parts_of(graph: Graph) -> list[Part]:
    """The operators of a .tflite file's graph."""
    return [_part(op, graph) for op in graph.operators]


def _part(op: Operator, graph: Graph) -> Part:
    real = any(n in graph.tensors and graph.tensors[n].dtype == F32 for n in op.read)
    whole = graph.tensors[op.output].dtype != F32
    computes = real and not whole and definition(op, graph) is not None
    return Part(op.type, op.read, op.outputs, computes, whole)


def quantum(graph: Graph, name: str) -> float:
    """The step of an output that is whole numbers made real again; 0 of any other."""
    while name in graph.producer:
        name = graph.producer[name].inputs[0]
        quant = graph.tensors[name].quant if name in graph.tensors else None
        if quant is not None:
            return quant.scales[0]
    return 0.0


def floats_as_run(optimised: Path, model: onnx.ModelProto) -> list[Floats]:
    """What of a quantised network's outputs onnxruntime, which made it `optimised`, makes so.

    Of what is quantised, made real and quantised again it leaves out one or the other.
    """
    as_run = [_as_run(node) for node in onnx.load(optimised).graph.node]
    as_is = _as_written(model.graph)
    outputs = [value.name for value in model.graph.output]
    ways = (floats_before(parts, outputs) for parts in (as_run, as_is))
    return [one | other for one, other in zip(*ways, strict=True)]


def _as_run(node: onnx.NodeProto) -> Part:
    rounds = node.op_type.startswith("Q")
    return Part(node.op_type, node.input, node.output, not _is_whole(node), rounds)


def _is_whole(node: onnx.NodeProto) -> bool:
    """Whether a node computes with whole numbers, or moves numbers or chooses among them."""
    kind = node.op_type.removeprefix("Nhwc")
    if kind in FORMS or kind.endswith("Integer"):
        return kind not in REALS_INSIDE
    entry = ENTRIES.get(kind)
    moves = entry is not None and {F32, I8} <= {*entry.types}
    return moves or kind in (*_ENDS, "Relu")


def _as_written(graph: onnx.GraphProto) -> list[Part]:
    known = {value.name for value in (*graph.input, *graph.initializer)}
    real = {name for n in graph.node if n.op_type == "DequantizeLinear" for name in n.output}
    return [
        Part(n.op_type, n.input, n.output, rounds and n.input[0] in real, rounds)
        for n in in_order(graph.node, known)
        for rounds in (n.op_type == "QuantizeLinear",)
    ]
