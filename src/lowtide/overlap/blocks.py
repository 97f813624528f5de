"""Where two storages of many spans collide, without a look at every pair of spans.

Span i of a down, span j of b across; x where both live at one time. A convolution reads a while it
makes b: span j is made when the first spans of a are dead.

      j  0 1 2 3 4 5 6 7
    i 0  x x . . . . . .      b.first[j] - a.end[i] < A_a - A_b < b.end[j] - a.first[i]
      1  x x x . . . . .      is forbidden for each x: the union over all x is sought.
      2  x x x x . . . .
      3  x x x x x . . .      A block is judged by the steps in which some of it and all of it
      4  x x x x x x . .      lives: the lower left quarter here is all x, one interval; the others
      5  x x x x x x x .      are mixed, and divided into quarters again, unless all that they could
      6  x x x x x x x x      add is known already. So only blocks along the stairs are looked at,
      7  x x x x x x x x      and few of them.
"""

from __future__ import annotations

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.overlap.spans import Spans
from lowtide.placers.intervals import Intervals, union

MOST_BLOCKS = 1 << 17
"""So many mixed blocks of one size are divided; if there are more, they count as all x."""


def by_pairs(a: Spans, b: Spans) -> Intervals:
    """Compares every span of `a` with every span of `b`; returns the forbidden differences.

    Neighbours in b that one span of a meets count as one.
    """
    both = (a.start[:, None] <= b.stop) & (b.start <= a.stop[:, None])
    edges = np.diff(np.pad(both, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    at, first = np.nonzero(edges == 1)
    last = np.nonzero(edges == -1)[1] - 1
    return union(b.first[first] - a.end[at], b.end[last] - a.first[at])


def by_blocks(a: Spans, b: Spans, most: int = MOST_BLOCKS) -> Intervals:
    """The differences of address at which two spans that live at one time share a byte.

    Exact, unless more than `most` pairs of blocks of one size have to be looked into and could add
    to what larger ones gave. Then gaps inside the union may be lost, all or in part; its ends are
    always exact:

        exact        |======|  |==|       |=====|
        cut short    |===============|    |=====|
    """
    lowest, highest = _lowest(a, b), _lowest(b, a)
    if lowest is None or highest is None:
        return union(a.first[:0], a.first[:0])
    # The two rows that hold the ends of the union often hold most of it.
    rows = a.only(np.array([lowest[0], highest[1]]))
    return _divide(a, b, by_pairs(rows, b), most)


def _divide(a: Spans, b: Spans, found: Intervals, most: int) -> Intervals:
    """`found`, whose lowest and highest ends are final, with all that is missing between them."""
    ends = found.low[0], found.high[-1]
    up, down = len(a.levels) - 1, len(b.levels) - 1
    i = j = np.zeros(1, np.int64)
    while True:
        one, two = a.levels[up], b.levels[down]
        some = (one.start[i] <= two.stop[j]) & (two.start[j] <= one.stop[i])
        i, j = i[some], j[some]
        full = (one.full_from[i] <= two.full_until[j]) & (two.full_from[j] <= one.full_until[i])
        low = np.clip(two.first[j] - one.end[i], *ends)
        high = np.clip(two.end[j] - one.first[i], *ends)
        found = found.and_also(low[full], high[full])
        mixed = ~found.covers(low, high)
        i, j = i[mixed], j[mixed]
        if not len(i):  # as it is at the latest when all blocks are single spans
            return found
        if len(i) > most:
            return found.and_also(low[mixed], high[mixed])
        larger = max(up, down)
        if up == larger:
            up, i, j = up - 1, *_halves(i, j, len(a.levels[up - 1]))
        if down == larger:
            down, j, i = down - 1, *_halves(j, i, len(b.levels[down - 1]))


def _halves(block: IntArray, other: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Both halves of each block, with the other of its pair; an odd last block is its own half."""
    half = np.append(2 * block, 2 * block + 1)
    there = half < count
    return half[there], np.append(other, other)[there]


def _lowest(a: Spans, b: Spans) -> tuple[int, int] | None:
    """The spans i and j that live at one time and have the least b.first[j] - a.end[i].

    Of two lives that meet, one begins during the other:

        i  =======             i      ====          left: for each i the first such j is enough,
        j     =======          j   =========        right: for each j the last such i
    """
    i0, j0 = _first_made_during(a, b)
    j1, i1 = _first_made_during(b, a, sign=-1)
    i, j = np.append(i0, i1), np.append(j0, j1)
    if not len(i):
        return None
    best = np.argmin(b.first[j] - a.end[i])
    return int(i[best]), int(j[best])


def _first_made_during(held: Spans, other: Spans, sign: int = 1) -> tuple[IntArray, IntArray]:
    """Spans of `held` in whose life some of `other` are made; the first, or last, of those."""
    order, made = other.by_start
    begin = np.searchsorted(made, held.start, side="left")
    end = np.searchsorted(made, held.stop, side="right")
    some = np.flatnonzero(begin < end)
    return some, sign * least(sign * order, begin[some], end[some])


def least(values: IntArray, begin: IntArray, end: IntArray) -> IntArray:
    """The least of values[begin[q]:end[q]] for every q; no range may be empty.

    A range is covered by two of a power of two in length; minima of such ranges double in length:

        values    3 1 4 1 5 9 2 6          begin 1, end 7: the least of values[1:5], values[3:7]
        length 4    |-----|
                        |-----|
    """
    result = np.empty(len(begin), np.int64)
    power = np.frexp(end - begin)[1] - 1
    for n in range(int(power.max(initial=-1)) + 1):
        length = 1 << n
        if n:
            values = np.minimum(values[: -length // 2], values[length // 2 :])
        at = np.flatnonzero(power == n)
        result[at] = np.minimum(values[begin[at]], values[end[at] - length])
    return result
