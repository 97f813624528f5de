"""Matrix products of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Acc, Load, Nest, Number, Read, Reduction, axes_of, call
from lowtide.ops.eight.finish import EIGHT, ENDS, above, factor_types, finished
from lowtide.ops.entry import Bound, entry


@entry(
    "QDense",
    attributes={**ENDS, "w_zero": 0},
    order="row_major",
    take=EIGHT,
    other_types={2: (I32,), **factor_types(3)},
)
def dense(op: Bound) -> Nest:
    """clamp(round((bias[c] + sum over i of (x[.., i] - x_zero) * (w[c, i] - w_zero)) * factor)
    + y_zero)"""
    axes, (outside, inside) = axes_of(op.out), op.shape(1)
    if op.shape(0) != (*op.out[:-1], inside) or outside != op.out[-1]:
        raise op.refuse(f"weights {op.shape(1)} do not fit {op.shape(0)} -> {op.out}")
    inner = Var("i", inside)
    i = index_of(inner)
    reads = [Read(0, (*axes[:-1], i)), Read(1, (axes[-1], i))]
    start: Load | Number = Number(0)
    if op.has(2):
        if op.shape(2) != (outside,):
            raise op.refuse(f"a bias of shape {op.shape(2)} for {outside} channels")
        start = Load(2)
        reads.append(Read(2, (axes[-1],)))
    left, right = (above(Load(k), int(op.attribute(f"{'xw'[k]}_zero"))) for k in range(2))
    sums = Reduction((inner,), start, call("add", Acc(0), call("mul", left, right)))
    finish = finished(op, Acc(0), 3, reads, axes[-1])
    return Nest(op.out, axes, tuple(reads), (sums,), finish, I32)
