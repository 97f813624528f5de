"""Means over windows of 8-bit numbers."""

from __future__ import annotations

from lowtide.ir.dtype import I32
from lowtide.ir.nest import Acc, Load, Nest, Number, Read, Reduction, axes_of, call
from lowtide.ops.eight.finish import EIGHT, kept
from lowtide.ops.entry import Bound, entry
from lowtide.ops.pool import ATTRIBUTES, counted, kernel_of, windows_of


@entry(
    "QAveragePool",
    attributes={**ATTRIBUTES, "low": -128, "high": 127},
    order="channels_last",
    take=EIGHT,
    kernel=kernel_of,
)
def average_pool(op: Bound) -> Nest:
    """clamp((the sum of a window's pixels in the image) / how many they are), halves away from 0"""
    axes, geometry = axes_of(op.out), windows_of(op)
    spatial = tuple(w.index(axis) for w, axis in zip(geometry, axes[2:], strict=True))
    loops = tuple(w.tap for w in geometry)
    sums = Reduction(loops, Number(0), call("add", Acc(0), Load(0)))
    finish = kept(op, call("mean", Acc(0), counted(geometry, axes[2:], include_pad=False)))
    return Nest(op.out, axes, (Read(0, (*axes[:2], *spatial)),), (sums,), finish, I32)
