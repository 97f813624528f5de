"""Matrix products of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of, broadcast
from lowtide.ir.value import Acc, Load, Number, call
from lowtide.ops.eight.finish import EIGHT, ENDS, above, factor_types, finished, wrapped
from lowtide.ops.entry import Bound, entry

_ATTRIBUTES = {**ENDS, "w_zero": 0}
_OTHERS = {2: (I32,), **factor_types(3)}


@entry(
    "QDense",
    attributes=_ATTRIBUTES,
    order="row_major",
    take=EIGHT,
    other_types=_OTHERS,
)
def dense(op: Bound) -> Nest:
    """A dense layer of 8-bit numbers:
    clamp(round((bias[c] + sum over i of (x[.., i] - x_zero) * (w[c, i] - w_zero)) * factor)
    + y_zero)"""
    return _summed(op)


@entry(
    "QDenseWrapped",
    attributes=_ATTRIBUTES,
    order="row_major",
    take=EIGHT,
    other_types=_OTHERS,
)
def dense_wrapped(op: Bound) -> Nest:
    """QDense, but the bias is added to the sum of products last, in 32 bits that wrap."""
    return wrapped(_summed(op))


def _summed(op: Bound) -> Nest:
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


@entry(
    "QMatMul",
    attributes={**ENDS, "b_zero": 0, "across": (0, 0)},
    order="row_major",
    take=EIGHT,
    other_types=factor_types(2),
)
def matmul(op: Bound) -> Nest:
    """A matrix product of 8-bit numbers:
    clamp(round((sum of (a - x_zero) * (b - b_zero)) * factor) + y_zero) over rows of a and
    columns of b; `across` says which of the two is transposed; leading axes broadcast."""
    left, right = op.shape(0), op.shape(1)
    axes, (turned, turned_too) = axes_of(op.out), op.attribute("across")
    inner = Var("i", left[-2 if turned else -1])
    if min(len(left), len(right)) < 2 or inner.extent != right[-1 if turned_too else -2]:
        raise op.refuse(f"{left} and {right} cannot be multiplied")
    i, batch = index_of(inner), axes[:-2]
    a = (i, axes[-2]) if turned else (axes[-2], i)
    b = (axes[-1], i) if turned_too else (i, axes[-1])
    reads = [
        Read(0, (*broadcast(batch, left[:-2]), *a)),
        Read(1, (*broadcast(batch, right[:-2]), *b)),
    ]
    x, w = (above(Load(k), int(op.attribute(f"{'xb'[k]}_zero"))) for k in range(2))
    sums = Reduction((inner,), Number(0), call("add", Acc(0), call("mul", x, w)))
    finish = finished(op, Acc(0), 2, reads)
    return Nest(op.out, axes, tuple(reads), (sums,), finish, I32)
