"""Functions of one number: 256 numbers."""

from __future__ import annotations

import numpy as np

from lowtide.errors import ModelError
from lowtide.frontends.onnx.eight.logistic import logistic
from lowtide.frontends.onnx.eight.moves import moved
from lowtide.frontends.onnx.eight.site import Site, operator
from lowtide.frontends.onnx.eight.whole import Whole
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ops import ENTRIES
from lowtide.ops.fold import folded


def look_up(op: Site, held: Whole, made: Whole, table: Array) -> None:
    """Adds the operator that looks a tensor's numbers up in a table of 256."""
    tensor = Tensor(made.name, op.out, made.dtype, made.quant)
    op.net.add(op.op, "QLookup", [held.name], [tensor], {"table": table.tolist()})
    op.net.done.add(made.name)


def function(op: Site) -> bool:
    """Element-wise operators one after the other, of one operand and of single numbers."""
    graph = op.net.graph
    if not is_function(op.op, graph):
        return moved(op)
    held, end = op.active(0), op.ending(lambda behind: is_function(behind, graph))
    if held is None or end is None:
        return False
    real = held.real(held.all)
    try:
        for one in (op.op, *end.between):
            real = _applied(one, graph, real)
    except ModelError:
        return False
    if np.isnan(real).any():
        return False
    look_up(op, held, end.made, end.made.numbers(real))
    op.net.done |= {*end.passed}
    return True


def is_function(op: Operator, graph: Graph) -> bool:
    """Whether each number of the result is a function of the number there of input 0."""
    entry = ENTRIES.get(op.type)
    others = [graph.constants.get(name) for name in op.inputs[1:] if name]
    return (
        entry is not None
        and entry.pointwise
        and op.inputs[0] in graph.tensors
        and graph.shape(op.inputs[0]) == graph.shape(op.output)
        and all(held is not None and held.size == 1 for held in others)
    )


def _applied(op: Operator, graph: Graph, real: Array) -> Array:
    """What an element-wise operator makes of a few real numbers, in float32."""
    if op.type == "Sigmoid":
        return logistic(real)
    name, made = op.inputs[0], Tensor(op.output, real.shape, F32)
    constants = {n: graph.constants[n].reshape(()) for n in op.inputs[1:] if n}
    return folded(op, {op.output: made}, {**constants, name: real})[op.output]


for _type, _entry in ENTRIES.items():
    if _entry.pointwise and not _type.startswith("Q"):
        operator(_type)(function)
