"""What the kernels of dot products (c/eight_dot.h: AVX2, VNNI, sdot) read in ways of their own."""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import I8, DType
from lowtide.kernels.calls import EightCall
from lowtide.kernels.ending import Ending, Sums
from lowtide.kernels.packing import BLOCK, InWords

_PIXELS = 8
"""Pixels that are made of one table of columns."""


def in_words(constant: str, call: EightCall, given: DType) -> InWords:
    """Weights as words of four inputs, turned to unsigned numbers if inputs are signed."""
    columns = call.columns
    return InWords(constant, columns.kernel if columns.dilation == 1 else 1, given == I8)


def in_blocks(ending: Ending, sums: Sums) -> tuple[int, ...]:
    """The numbers of `struct ending8` of 16 channels, those of each kind side by side."""
    each = np.array(ending.together(BLOCK, sums), np.int64).reshape(-1, BLOCK, 4)
    return tuple(each.swapaxes(1, 2).ravel().tolist())


def columns_of(call: EightCall) -> int:
    """How many pointers to columns there are under up to eight pixels of a row, in its windows."""
    columns = call.columns
    span = (4 * -(-columns.kernel // 4) - 1) * columns.dilation + 1
    return call.rows.kernel * (span + min(_PIXELS, columns.out) * columns.stride - columns.stride)
