"""What Helium's kernels of 8-bit numbers read and need, in their own way (c/eight_helium.h)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.ir.dtype import U8, DType
from lowtide.ir.graph import Array
from lowtide.kernels.calls import EightCall
from lowtide.kernels.ending import Ending, Sums
from lowtide.kernels.packing import BLOCK

WIDENED = (0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15)
"""Channels of a vector of bytes in the order in which they lie when widened twice."""

FOUR = (0, 1, 2, 3)

_FLIP = 128
"""Numbers from 0 to 255 are read as those from -128 to 127: so much is taken from each."""


def signed_starts(sums: Sums, weights: Array, given: DType) -> Sums:
    """What sums of signed numbers begin with."""
    if given != U8:
        return sums
    more = (_FLIP * weights.astype(int).reshape(len(weights), -1).sum(1)).tolist()
    return replace(sums, start=tuple(s + m for s, m in zip(sums.start, more, strict=True)))


def in_quads(ending: Ending, sums: Sums, order: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers of `struct ending8` of four channels side by side, their shifts to the left.

    Those of as many channels as `order` lists are taken in that order.
    """
    each = np.array(ending.numbers(sums), np.int64).reshape(-1, 4)
    filled = np.pad(each * [1, 1, 1, -1], ((0, -len(each) % len(order)), (0, 0)), "wrap")
    quads = filled.reshape(-1, len(order), 4)[:, order].reshape(-1, 4, 4)
    return tuple(int(n) for n in quads.swapaxes(1, 2).ravel())


def window_bytes(call: EightCall) -> int:
    """Bytes of two pixels' windows, each in whole blocks."""
    inputs = call.rows.kernel * call.columns.kernel * call.channels
    return 2 * -(-inputs // BLOCK) * BLOCK
