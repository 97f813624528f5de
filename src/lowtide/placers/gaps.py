"""Where there is room between bars that are placed already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowtide.ir.index import IntArray

NOWHERE = 1 << 62
"""Where a bar lies that is not placed."""


def lowest(at: IntArray, end: IntArray, meets: IntArray, size: int) -> int:
    """The lowest address at which `size` bytes are free of the placed ones among `meets`."""
    if not len(meets):
        return 0
    begin = at[meets]
    order = begin.argsort(kind="stable")
    room, top = begin[order], np.maximum.accumulate(end[meets[order]])
    room[1:] -= top[:-1]
    fits = room >= size
    k = int(fits.argmax())
    if not fits[k]:
        return int(top[-1])
    return int(top[k - 1]) if k else 0


def highest(at: IntArray, end: IntArray, meets: IntArray, size: int, limit: int) -> int:
    """The highest address below a limit at which `size` bytes are free; negative if none is."""
    meets = meets[at[meets] != NOWHERE]
    top = end[meets]
    order = np.argsort(-top, kind="stable")
    low = np.minimum.accumulate(np.append(limit, at[meets[order]]))
    return int(low[np.argmax(low - np.append(top[order], -NOWHERE) >= size)]) - size


def first_base(taken: Sequence[tuple[int, int]], most: int, high: bool) -> int | None:
    """The lowest (or highest) base from 0 to `most` that lies in no open interval."""
    base = most if high else 0
    for low, end in sorted(taken, key=lambda span: -span[1]) if high else taken:
        if low < base < end:
            base = low if high else end
    return base if 0 <= base <= most else None
