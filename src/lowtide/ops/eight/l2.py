"""Vectors of length 1 of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Load, Number, call
from lowtide.ops.eight.finish import EIGHT, above, kept
from lowtide.ops.entry import Bound, entry

FRACTION = 7
"""The result counts in parts of 2^7."""


@entry(
    "QL2",
    attributes={"axis": -1, "x_zero": 0, "y_zero": 0, "low": -128, "high": 127, "raised": 0},
    take=EIGHT,
)
def l2(op: Bound) -> Nest:
    """8-bit numbers divided by their length:
    clamp(128 * x / sqrt(sum of x * x) + y_zero), x above its zero point

    The 128 are in the root's shift, or, where `raised`, in what is shifted.
    """
    axes, axis = axes_of(op.out), int(op.attribute("axis")) % len(op.out)
    loop, zero = Var(f"r{axis}", op.out[axis]), int(op.attribute("x_zero"))
    inside = (*axes[:axis], index_of(loop), *axes[axis + 1 :])
    there = above(Load(0), zero)
    squares = Reduction((loop,), Number(0), call("add", Acc(0), call("mul", there, there)))
    root = Reduction((), Number(0), call("inverse_root", Acc(0)))
    shift = Reduction((), Number(0), call("inverse_root_shift", Acc(0)))
    here = above(Load(1), zero)
    if op.attribute("raised"):
        value = call("rescale", call("mul", here, 1 << FRACTION), Acc(1), Acc(2))
    else:
        value = call("rescale", here, Acc(1), call("add", Acc(2), FRACTION))
    finish = kept(op, call("add", value, int(op.attribute("y_zero"))))
    reads = (Read(0, inside), Read(0, axes))
    return Nest(op.out, axes, reads, (squares, root, shift), finish, I32)
