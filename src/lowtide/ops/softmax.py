"""Softmax and its like: a barrier over their axes, everything is read before anything is made."""

from __future__ import annotations

from math import inf

from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, FromIndex, Load, Number, call
from lowtide.ops.entry import Bound, entry
from lowtide.ops.reduce import Over, in_rows, over, total


def _over(op: Bound) -> Over:
    """One axis; before opset 13 it and all after."""
    rank, given = len(op.out), op.attribute("axis")
    axis = int(given if given is not None else (-1 if op.opset >= 13 else 1)) % rank
    return over(op, tuple(range(axis, axis + 1 if op.opset >= 13 else rank)), kept=True)


@entry("Softmax", "LogSoftmax", attributes={"axis": None})
def softmax(op: Bound) -> Nest:
    """exp(x - max) / sum of exp(x - max), or the logarithm of that."""
    axes, found = axes_of(op.out), in_rows(_over(op))
    reads = (Read(0, found.index), Read(0, axes))
    largest = Reduction(found.loops, Number(-inf), call("max", Acc(0), Load(0)))
    sums = total(found, call("exp", call("sub", Load(0), Acc(0))), 1)
    below, whole = call("sub", Load(1), Acc(0)), Acc(len(sums))
    if op.type == "LogSoftmax":
        finish = call("sub", below, call("log", whole))
    else:
        finish = call("div", call("exp", below), whole)
    return Nest(op.out, axes, reads, (largest, *sums), finish)


@entry("Hardmax", attributes={"axis": None})
def hardmax(op: Bound) -> Nest:
    """1 where the first of the largest elements is, else 0."""
    axes, found = axes_of(op.out), _over(op)
    place, here = FromIndex(found.index[0] * 0), FromIndex(axes[0] * 0)
    for a, (inside, outside) in enumerate(zip(found.index, axes, strict=True)):
        if inside != outside:
            place = FromIndex(place.index * op.out[a] + inside)
            here = FromIndex(here.index * op.out[a] + outside)
    largest = Reduction(found.loops, Number(-inf), call("max", Acc(0), Load(0)))
    first = call("select", call("equal", Load(0), Acc(0)), place, inf)
    chosen = Reduction(found.loops, Number(inf), call("min", Acc(1), first))
    reads = (Read(0, found.index),)
    return Nest(op.out, axes, reads, (largest, chosen), call("equal", here, Acc(1)))
