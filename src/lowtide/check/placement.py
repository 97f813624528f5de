"""Is a placement sound? Every two rows that share a byte are compared.

This shares no code with the placers, nor with what tells them which offsets are forbidden. Two rows
that share a byte and a step are at fault, of two storages or of one (a ring with too few rows).

Here the addresses are known, and the rows of a storage are equally long. So those that share a byte
with a given row are neighbours in order of address:

    one    row at a             |===========|                  a .. a+R-1
    other            |=====|=====|=====|=====|=====|           from address > a-S to address < a+R
                        no   yes   yes   yes   no

Rows of `other` may lie on each other, as in a ring; more of them are compared then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

AT_ONCE = 1 << 18
"""About so many pairs of rows are compared at a time: it bounds the memory that is needed."""

MOST_FAULTS = 10_000
"""Where there are more, nobody reads on."""


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
    ordered = [by_address for rows in storages for by_address in _ordered(rows)]
    found = (fault for pair in _meeting(ordered) for fault in _clashes(*pair))
    return list(islice(found, MOST_FAULTS))


def _meeting(ordered: Sequence[_Ordered]) -> Iterator[tuple[_Ordered, _Ordered]]:
    """Each with itself and with those behind it that use some of its bytes in some of its steps."""
    ranges = np.array([[*one.bytes, *one.steps] for one in ordered], np.int64).reshape(-1, 4)
    for i, one in enumerate(ordered):
        low, high, first, last = ranges[i]
        rest = ranges[i:].T
        meets = (rest[0] <= high) & (low <= rest[1]) & (rest[2] <= last) & (first <= rest[3])
        for j in np.flatnonzero(meets).tolist():
            yield one, ordered[i + j]


def _own_faults(rows: Rows, arena_bytes: int, align: int) -> Iterator[str]:
    if rows.row_bytes < 1 or not len(rows.address) == len(rows.start) == len(rows.stop) > 0:
        yield f"{rows.name}: needs rows of 1 byte or more, each with address, start and stop"
        return
    if rows.address[0] % align:
        yield f"{rows.name}: row 0 at byte {rows.address[0]} is not aligned to {align}"
    outside = (rows.address < 0) | (rows.address + rows.row_bytes > arena_bytes)
    for row in np.flatnonzero(outside & (rows.start <= rows.stop))[:1]:
        yield f"{_place(rows, row)} is outside the arena of {arena_bytes} bytes"


@dataclass(frozen=True)
class _Ordered:
    """The numbers of the rows that ever live, in order of address.

    `bytes` and `steps` are the first and the last that they use.
    """

    rows: Rows
    number: IntArray
    address: IntArray
    bytes: tuple[int, int]
    steps: tuple[int, int]


def _ordered(rows: Rows) -> Iterator[_Ordered]:
    """Nothing if no row ever lives."""
    number = np.flatnonzero(rows.start <= rows.stop)
    if len(number):
        steps = int(rows.start[number].min()), int(rows.stop[number].max())
        number = number[np.argsort(rows.address[number], kind="stable")]
        address = rows.address[number]
        used = int(address[0]), int(address[-1]) + rows.row_bytes - 1
        yield _Ordered(rows, number, address, used, steps)


def _clashes(one: _Ordered, other: _Ordered) -> Iterator[str]:
    """The first two rows that share a byte and a step, by number: `one` before `other`."""
    a, b = one.rows, other.rows
    for row, across in _sharing_bytes(one, other):
        first = np.maximum(a.start[row], b.start[across])
        last = np.minimum(a.stop[row], b.stop[across])
        clash = first <= last
        if one is other:
            clash &= row < across  # a row may well be where it is itself
        for k in np.flatnonzero(clash)[:1]:
            candidates = np.flatnonzero(clash & (row == row[k]))
            at = candidates[np.argmin(across[candidates])]
            steps = f"steps {first[at]} to {last[at]}"
            yield f"{_place(a, row[at])} and {_place(b, across[at])} are both live in {steps}"
            return


def _sharing_bytes(one: _Ordered, other: _Ordered) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of rows that share a byte, `AT_ONCE` or so at a time; those of one row stay together.

    Rows of `one` come in order of their numbers. Left out are those beyond all bytes or all steps
    of `other`.
    """
    a, row = one.rows, np.sort(one.number)
    near = (a.start[row] <= other.steps[1]) & (other.steps[0] <= a.stop[row])
    row = row[near]
    begin = np.searchsorted(other.address, a.address[row] - other.rows.row_bytes, side="right")
    end = np.searchsorted(other.address, a.address[row] + a.row_bytes, side="left")
    meets = np.flatnonzero(begin < end)
    row, begin, count = row[meets], begin[meets], (end - begin)[meets]
    cuts = np.flatnonzero(np.diff(np.cumsum(count) // AT_ONCE)) + 1
    for part in np.split(np.arange(len(row)), cuts):
        pairs = count[part]
        ahead = np.cumsum(pairs) - pairs
        at = np.arange(pairs.sum()) + (begin[part] - ahead).repeat(pairs)
        yield row[part].repeat(pairs), other.number[at]


def _place(rows: Rows, row: int) -> str:
    last = rows.address[row] + rows.row_bytes - 1
    return f"{rows.name} row {row} (bytes {rows.address[row]} to {last})"
