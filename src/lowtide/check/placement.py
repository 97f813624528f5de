"""Is a placement sound? Every pair of rows is looked at, the slow way.

This shares no code with the placers, nor with what tells them which offsets are forbidden. Two rows
that share a byte and a step are at fault, of two storages or of one (a ring with too few rows).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Row r occupies bytes [address[r], address[r] + row_bytes) of the arena.

    It is live in steps [start[r], stop[r]], both included (start > stop: never live).
    """

    name: str
    row_bytes: int
    address: IntArray
    start: IntArray
    stop: IntArray


def check_placement(storages: Sequence[Rows], arena_bytes: int, align: int) -> list[str]:
    """What is wrong with a placement, one line a fault; nothing if it is valid."""
    faults = [fault for rows in storages for fault in _own_faults(rows, arena_bytes, align)]
    if faults:  # rows that are not well formed cannot be compared
        return faults
    return [
        fault for pair in combinations_with_replacement(storages, 2) for fault in _clashes(*pair)
    ]


def _own_faults(rows: Rows, arena_bytes: int, align: int) -> Iterator[str]:
    if rows.row_bytes < 1 or not len(rows.address) == len(rows.start) == len(rows.stop) > 0:
        yield f"{rows.name}: needs rows of 1 byte or more, each with address, start and stop"
        return
    if rows.address[0] % align:
        yield f"{rows.name}: row 0 at byte {rows.address[0]} is not aligned to {align}"
    outside = (rows.address < 0) | (rows.address + rows.row_bytes > arena_bytes)
    for row in np.flatnonzero(outside & (rows.start <= rows.stop))[:1]:
        yield f"{_place(rows, row)} is outside the arena of {arena_bytes} bytes"


def _clashes(one: Rows, other: Rows) -> Iterator[str]:
    """The first two rows that share a byte and a step: `one` down, `other` across."""
    a, start, stop = (column[:, None] for column in (one.address, one.start, one.stop))
    bytes_meet = (a < other.address + other.row_bytes) & (other.address < a + one.row_bytes)
    first, last = np.maximum(start, other.start), np.minimum(stop, other.stop)
    clash = bytes_meet & (first <= last)
    if one is other:
        clash = np.triu(clash, 1)  # a row may well be where it is itself
    for row, across in np.argwhere(clash)[:1]:
        steps = f"steps {first[row, across]} to {last[row, across]}"
        yield f"{_place(one, row)} and {_place(other, across)} are both live in {steps}"


def _place(rows: Rows, row: int) -> str:
    last = rows.address[row] + rows.row_bytes - 1
    return f"{rows.name} row {row} (bytes {rows.address[row]} to {last})"
