"""What ends every 8-bit operator: a sum times a factor, rounded, moved to the zero point, clamped.

rounding "tflite"    inputs m, n (int32, int8): sum * m * 2^(n - 31), rounded twice
rounding "float"     input M (float32): sum * M in float32, halves to even
"""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import F32, I8, I32, U8, DType
from lowtide.ir.graph import Array
from lowtide.ir.index import Index, number
from lowtide.ir.nest import Load, Number, Read, Value, call
from lowtide.ir.whole import LEAST, MOST
from lowtide.ops.entry import Bound

EIGHT = (I8, U8)
FACTOR = {"tflite": ("rescale", 2), "once": ("rescale_once", 2), "float": ("scale", 1)}

ENDS = {"x_zero": 0, "y_zero": 0, "low": -128, "high": 127, "rounding": "tflite"}
"""Attributes: the zero points of input 0 and of the output, and what the result is kept within."""


def sums_fit(
    kind: DType, x_zero: int, weights: Array, w_zero: int, bias: Array | None, along: int = 0
) -> bool:
    """Whether sums of products, and what is on the way to them, need 32 bits at most, whatever the
    numbers of type `kind` are; the weights of one sum lie together along axis `along`."""
    ends, filters = np.iinfo(kind.name), np.moveaxis(weights, along, 0)
    above = filters.reshape(len(filters), -1).astype(np.int64) - w_zero
    more, less = above.clip(min=0).sum(1), above.clip(max=0).sum(1)
    high, low = int(ends.max) - x_zero, int(ends.min) - x_zero
    first = np.zeros(1, np.int64) if bias is None else bias.astype(np.int64)
    if first.shape != more.shape:  # channels in groups
        more, less = more.max(), less.min()
    most, least = first + more * high + less * low, first + more * low + less * high
    return bool(most.max() <= MOST and least.min() >= LEAST)


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
        raise op.refuse(f"rounding '{name}' is not understood")
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
