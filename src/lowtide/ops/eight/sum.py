"""Sums and means over axes of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Load, Number, call
from lowtide.ops.eight.finish import EIGHT, ENDS, factor_types, finished
from lowtide.ops.entry import Bound, entry, ints
from lowtide.ops.reduce import over


@entry(
    "QSum",
    attributes={**ENDS, "axes": (), "keepdims": 1},
    take=EIGHT,
    other_types=factor_types(1),
)
def sum_(op: Bound) -> Nest:
    """A sum or mean of 8-bit numbers:
    clamp(round((sum of (x - x_zero)) * factor) + y_zero); a mean's factor divides as well"""
    rank, reads = len(op.shape(0)), list[Read]()
    axes = tuple(a % rank for a in ints(op.attribute("axes")))
    found = over(op, axes, bool(op.attribute("keepdims")))
    reads.append(Read(0, found.index))
    start = Number(float(-found.count * int(op.attribute("x_zero"))))
    sums = Reduction(found.loops, start, call("add", Acc(0), Load(0)))
    finish = finished(op, Acc(0), 1, reads)
    return Nest(op.out, axes_of(op.out), tuple(reads), (sums,), finish, I32)
