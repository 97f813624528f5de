"""Softmax: a barrier over its axes, everything is read before anything is made."""

from __future__ import annotations

from math import inf

from lowtide.index import Var, index_of
from lowtide.nest import Acc, Load, Nest, Number, Read, Reduction, axes_of, call
from lowtide.ops.entry import Bound, entry


@entry("Softmax", attributes={"axis": None})
def softmax(op: Bound) -> Nest:
    """exp(x - max) / sum of exp(x - max), over one axis; before opset 13 over it and all after."""
    rank, given = len(op.out), op.attribute("axis")
    axis = int(given if given is not None else (-1 if op.opset >= 13 else 1)) % rank
    over = range(axis, axis + 1 if op.opset >= 13 else rank)
    axes = axes_of(op.out)
    loops = tuple(Var(f"r{a}", op.out[a]) for a in over)
    index = list(axes)
    for a, loop in zip(over, loops, strict=True):
        index[a] = index_of(loop)
    reads = (Read(0, tuple(index)), Read(0, axes))
    largest = Reduction(loops, Number(-inf), call("max", Acc(0), Load(0)))
    shifted = call("exp", call("sub", Load(0), Acc(0)))
    total = Reduction(loops, Number(0.0), call("add", Acc(1), shifted))
    finish = call("div", call("exp", call("sub", Load(1), Acc(0))), Acc(1))
    return Nest(op.out, axes, reads, (largest, total), finish)
