"""What ends every 8-bit operator: a sum times a factor, rounded, moved to the zero point, clamped.

rounding "tflite"    inputs m, n (int32, int8): sum * m * 2^(n - 31), rounded twice
rounding "float"     input M (float32): sum * M in float32, halves to even
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.ir.dtype import F32, I8, I32, U8, DType
from lowtide.ir.graph import Array
from lowtide.ir.index import Index, number
from lowtide.ir.nest import Nest, Read
from lowtide.ir.value import Acc, Load, Number, Value, call, rebuild
from lowtide.ir.whole import LEAST, MOST
from lowtide.ops.entry import Bound

EIGHT = (I8, U8)
FACTOR = {"tflite": ("rescale", 2), "once": ("rescale_once", 2), "float": ("scale", 1)}

ENDS = {"x_zero": 0, "y_zero": 0, "low": -128, "high": 127, "rounding": "tflite"}
"""Attributes: the zero points of input 0 and of the output, and what the result is kept within."""


def span_of_sums(
    kind: DType, x_zero: int, weights: Array, w_zero: int, channels: int, along: int = 0
) -> tuple[Array, Array]:
    """The least and the most that a channel's sum of products, and what is on the way to it, is
    from where it starts, whatever the numbers of type `kind` are.

    The weights of one sum lie together along axis `along`.
    """
    ends, filters = np.iinfo(kind.name), np.moveaxis(weights, along, 0)
    above = filters.reshape(len(filters), -1).astype(np.int64) - w_zero
    more, less = above.clip(min=0).sum(1), above.clip(max=0).sum(1)
    high, low = int(ends.max) - x_zero, int(ends.min) - x_zero
    least, most = more * low + less * high, more * high + less * low
    if len(filters) != channels:  # in groups
        least, most = (np.full(channels, end) for end in (least.min(), most.max()))
    return least, most


def fit(start: Array, span: tuple[Array, Array]) -> bool:
    """Whether sums that begin so never need more than 32 bits."""
    begun, (least, most) = start.astype(np.int64), span
    return bool((begun + least).min() >= LEAST and (begun + most).max() <= MOST)


def factor_types(first: int) -> dict[int, tuple[DType, ...]]:
    """The element types of a factor's inputs, `first` and the one behind."""
    return {first: (I32, F32), first + 1: (I8,)}


def rescaled(
    op: Bound, value: Value, first: int, reads: list[Read], at: Index | None = None, which: int = 0
) -> Value:
    """value * factor, rounded. The factor is in the inputs from number `first` on: one for all, one
    at each place `at`, or number `which` of a few."""
    name = str(op.attribute("rounding"))
    if name not in FACTOR:
        raise op.refuse(f"rounding '{name}' is not supported")
    function, parts = FACTOR[name]
    return call(function, value, *(_part(op, first + k, reads, at, which) for k in range(parts)))


def _part(op: Bound, operand: int, reads: list[Read], at: Index | None, which: int) -> Value:
    """A number where it is known and whole, else the element to load."""
    held, (extent,) = op.constants.get(operand), op.shape(operand)
    if at is None or extent == 1:
        if held is not None and held.dtype.kind == "i":
            return Number(float(held[which]))
        at = number(which)
    reads.append(Read(operand, (at,)))
    return Load(len(reads) - 1)


def above(value: Value, zero: int) -> Value:
    """value - zero"""
    return call("sub", value, zero) if zero else value


def kept(op: Bound, value: Value) -> Value:
    """The value kept within low .. high."""
    low, high = int(op.attribute("low")), int(op.attribute("high"))
    return call("smaller", call("larger", value, low), high)


def finished(
    op: Bound, value: Value, first: int, reads: list[Read], at: Index | None = None, which: int = 0
) -> Value:
    """round(value * factor) + y_zero, kept within low .. high."""
    made, zero = rescaled(op, value, first, reads, at, which), int(op.attribute("y_zero"))
    return kept(op, call("add", made, zero) if zero else made)


def wrapped(nest: Nest) -> Nest:
    """The nest of sums that begin with a bias, which is added last, in 32 bits that wrap."""
    (sums,) = nest.reductions
    total = call("add_wrapped", Acc(0), sums.start)
    finish = rebuild(nest.finish, lambda value: total if value == Acc(0) else value)
    return replace(nest, reductions=(replace(sums, start=Number(0)),), finish=finish)
