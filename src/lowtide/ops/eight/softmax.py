"""Softmax of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Chosen, Load, Number, Value, call
from lowtide.ir.whole import LEAST
from lowtide.ops.eight.finish import EIGHT, kept
from lowtide.ops.entry import Bound, entry

FURTHEST = -255
"""What an 8-bit number can lie below the largest."""

GUARD = 12
"""Bits that an exponential loses before it is added, so that thousands can be."""


@entry(
    "QSoftmax",
    attributes={
        "axis": -1,
        "exponentials": None,
        "y_zero": -128,
        "low": -128,
        "high": 127,
        "rounding": "tflite",
        "steps": 256.0,
    },
    take=EIGHT,
)
def softmax(op: Bound) -> Nest:
    """Softmax of 8-bit numbers: 256 * e[x - max] / (sum of e[x - max]) + y_zero

    `exponentials` has e[-255] .. e[0] in parts of 2^31; the quotient is TFLite's, by a reciprocal.
    """
    if op.attribute("rounding") == "float":
        return _in_float(op)
    table = tuple(int(v) for v in op.attribute("exponentials"))
    if len(table) != 1 - FURTHEST or op.shape(0) != op.out:
        raise op.refuse(f"{len(table)} exponentials for {op.shape(0)} -> {op.out}")
    loop, reads = _reads(op)

    def power(value: Value) -> Value:
        return Chosen(table, FURTHEST, call("sub", value, Acc(0)))

    largest = Reduction((loop,), Number(LEAST), call("max", Acc(0), Load(0)))
    rounded = call("halved", power(Load(0)), GUARD)
    total = Reduction((loop,), Number(0), call("add", Acc(1), rounded))
    inverse = Reduction((), Number(0), call("reciprocal", Acc(1)))
    value = call("share", power(Load(1)), Acc(2), Acc(1))
    finish = kept(op, call("add", value, int(op.attribute("y_zero"))))
    return Nest(op.out, axes_of(op.out), reads, (largest, total, inverse), finish, I32)


def _reads(op: Bound) -> tuple[Var, tuple[Read, Read]]:
    """A loop along the axis, and the elements there and here."""
    axes, axis = axes_of(op.out), int(op.attribute("axis")) % len(op.out)
    loop = Var(f"r{axis}", op.out[axis])
    inside = (*axes[:axis], index_of(loop), *axes[axis + 1 :])
    return loop, (Read(0, inside), Read(0, axes))


def _in_float(op: Bound) -> Nest:
    """clamp(round(steps * e[x - max] / (sum of e[x - max])) + y_zero), one after the other

    `exponentials` has e[-255] .. e[0] in float32.
    """
    table = tuple(float(v) for v in op.attribute("exponentials"))
    if len(table) != 1 - FURTHEST or op.shape(0) != op.out:
        raise op.refuse(f"{len(table)} exponentials for {op.shape(0)} -> {op.out}")
    loop, reads = _reads(op)

    def power(value: Value) -> Value:
        return Chosen(table, FURTHEST, call("sub", value, Acc(0)))

    largest = Reduction((loop,), Number(float(LEAST)), call("max", Acc(0), Load(0)))
    total = Reduction((loop,), Number(0), call("add", Acc(1), power(Load(0))))
    share = call("div", call("mul", power(Load(1)), float(op.attribute("steps"))), Acc(1))
    value = call("add", call("round", share), float(op.attribute("y_zero")))
    low, high = float(op.attribute("low")), float(op.attribute("high"))
    finish = call("smaller", call("larger", value, low), high)
    return Nest(op.out, axes_of(op.out), reads, (largest, total), finish)
