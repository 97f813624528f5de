"""What the kernels of dot products (c/eight_dot.h: AVX2, VNNI, sdot) read in ways of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.ir.graph import Array
from lowtide.kernels.calls import EightCall
from lowtide.kernels.ending import Ending, Sums
from lowtide.kernels.packing import BLOCK, InWords
from lowtide.ops.window import SlidingWindow

_PIXELS = 8
"""Pixels that are made of one table of columns."""


def in_words(constant: str, call: EightCall) -> InWords:
    """Weights as words of four inputs, of all columns of a row of the window where they lie so."""
    return InWords(constant, call.columns.kernel if call.columns.dilation == 1 else 1)


def in_blocks(ending: Ending, sums: Sums, weights: Array) -> tuple[int, ...]:
    """The numbers of `struct ending8` of 16 channels, those of each kind side by side.

    Behind them stand 128 times the sums of their weights, for inputs that are turned.
    """
    each = np.array(ending.together(BLOCK, sums), np.int64).reshape(-1, 4)
    over = 128 * weights.reshape(len(weights), -1).astype(np.int64).sum(1)
    every = np.pad(each, ((0, 0), (0, 1)))
    every[: len(over), 4] = over
    return tuple(every.reshape(-1, BLOCK, 5).swapaxes(1, 2).ravel().tolist())


def in_room(call: EightCall, room: int) -> EightCall:
    """A call with tiles as wide as the room for what is under them allows, one pixel at least."""
    return replace(call, wide=widest(call.rows.kernel, call.columns, call.channels, room))


def widest(height: int, columns: SlidingWindow, inside: int, room: int) -> int:
    """The most pixels of which so many bytes hold what is under their windows; one at least."""
    fits = (n for n in range(_PIXELS, 1, -1) if _under(height, columns, inside, n) <= room)
    return next(fits, 1)


def copied_bytes(call: EightCall) -> int:
    """Bytes of the columns under a tile, each row of them in whole words."""
    return _under(call.rows.kernel, call.columns, call.channels, call.wide)


def _under(height: int, columns: SlidingWindow, inside: int, pixels: int) -> int:
    together = columns.dilation == 1
    run = -(-(columns.kernel if together else 1) * inside // 4) * 4
    tap = 0 if together else (columns.kernel - 1) * columns.dilation * inside
    line = (pixels - 1) * columns.stride * inside + tap + run
    return height * -(-line // 4) * 4


def columns_of(call: EightCall) -> int:
    """How many pointers to columns there are under up to eight pixels of a row, in its windows."""
    columns = call.columns
    span = (4 * -(-columns.kernel // 4) - 1) * columns.dilation + 1
    return call.rows.kernel * (span + min(_PIXELS, columns.out) * columns.stride - columns.stride)
