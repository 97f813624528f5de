"""Rows placed one by one: each row of a streamed plan has an address of its own.

A row is a bar: so many bytes, from the moment it is made to that of its last read. Some storages
must stay in one piece (the caller writes an image into it); their rows keep their distances.

    bytes
      |  [====== image, row after row dies ======]        bars are placed in turn, each as low as
      |        [b]   [d]  [b]                             it goes under the limit
      |  [a]   [c]   [a]  [c]
      0---------------------------------------> steps

The order of turns is learnt: a bar that found no room under the limit gets more weight and comes
earlier in the next pass ("squeaky wheel" optimisation, Joslin and Clements, 1999). When all fit,
the limit falls. The work is counted in bars, never in seconds: the same problem, the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from lowtide.index import IntArray

NOWHERE = 1 << 62
"""Where a bar lies that is not placed."""

WORK = {"greedy": 40_000, "exact": 400_000}
"""Bars placed in all passes together: about a second, and ten."""

PATIENCE = 40
"""Passes in vain after which a limit is raised."""


@dataclass(frozen=True, eq=False)
class RowProblem:
    """Bar i has `sizes[i]` bytes and lives in [start[i], stop[i]] (start > stop: never).

    `straight` are groups of bars that lie one after the other, in order, without a gap.
    `lower_bound` is the most that lives at one time, in bytes.
    """

    sizes: IntArray
    start: IntArray
    stop: IntArray
    straight: tuple[IntArray, ...]
    align: int
    lower_bound: int


@dataclass(frozen=True, eq=False)
class RowPlacement:
    """The first byte of each bar, and the last byte of all plus one."""

    at: IntArray
    arena_bytes: int


def place_rows(problem: RowProblem, how: str) -> RowPlacement:
    """The least arena found with the work of `how` ("greedy" or "exact")."""
    work, best = WORK[how], None
    for low in (True, False):
        found = _Packer(problem, low, work // 2).run()
        if best is None or found.arena_bytes < best.arena_bytes:
            best = found
        if best.arena_bytes == problem.lower_bound or not problem.straight:
            break
    assert best is not None
    return best


class _Packer:
    """Passes over the bars, with the largest straight group at the bottom, or at the limit."""

    def __init__(self, problem: RowProblem, low: bool, work: int) -> None:
        self.problem, self.low, self.work = problem, low, work
        groups = sorted(problem.straight, key=lambda rows: -int(problem.sizes[rows].sum()))
        self.groups = groups
        alive = problem.start <= problem.stop
        alive[[bar for rows in groups for bar in rows]] = False
        self.bars = np.flatnonzero(alive)
        self.meets = dict(_meetings(problem, self.bars))
        self.core = self._core()

    def run(self) -> RowPlacement:
        """The best placement that the work allows."""
        problem, dice = self.problem, Random(0)
        best = min((self._first(order) for order in self._orders()), key=lambda p: p.arena_bytes)
        weight = dict(zip(self.core, problem.sizes[self.core].astype(float), strict=True))
        limit, vain = self._between(problem.lower_bound, best.arena_bytes), 0
        while self.work > 0 and best.arena_bytes > problem.lower_bound:
            order = sorted(self.core, key=lambda bar: (-weight[bar], problem.start[bar], bar))
            at, failed = self._pass(order, limit)
            if at is not None and not failed:
                best, vain = self._finished(at), 0
                limit = self._between(problem.lower_bound, best.arena_bytes)
                continue
            vain += 1
            for bar in failed:
                weight[bar] = 1.5 * weight[bar] + int(problem.sizes[bar]) * dice.randrange(2)
            if at is None or vain == PATIENCE:
                vain, raised = 0, self._between(limit, best.arena_bytes)
                if raised <= limit:
                    break
                limit = raised
        return best

    def _between(self, low: int, high: int) -> int:
        """Half way from `low` to `high`, aligned: below `high`, or `low` itself."""
        align = self.problem.align
        return max(low, (low + high) // 2 // align * align)

    def _orders(self) -> Iterator[list[int]]:
        size, start, stop = self.problem.sizes, self.problem.start, self.problem.stop
        bars = self.core
        yield sorted(bars, key=lambda bar: (-size[bar], start[bar], bar))
        yield sorted(bars, key=lambda bar: (-size[bar], start[bar] - stop[bar], bar))
        yield sorted(bars, key=lambda bar: (start[bar] - stop[bar], -size[bar], bar))
        yield sorted(bars, key=lambda bar: (-size[bar] * (stop[bar] - start[bar] + 1), bar))
        yield sorted(bars, key=lambda bar: (start[bar], -size[bar], bar))

    def _first(self, order: Sequence[int]) -> RowPlacement:
        """A placement without a limit."""
        low, self.low = self.low, True
        at, _ = self._pass(order, NOWHERE // 4)
        self.low = low
        assert at is not None
        return self._finished(at)

    def _pass(self, order: Sequence[int], limit: int) -> tuple[IntArray | None, list[int]]:
        """The bars in turn, and those that found no room; None if a straight group has none."""
        sizes = self.problem.sizes
        at = self._straight(limit)
        if at is None:
            return None, []
        end = self._ends(at)
        failed = []
        for bar in order:
            place = _lowest(at, end, self.meets[bar], int(sizes[bar]))
            if place + sizes[bar] > limit:
                failed.append(bar)
            else:
                at[bar], end[bar] = place, place + sizes[bar]
        self.work -= len(order)
        return at, failed

    def _straight(self, limit: int) -> IntArray | None:
        """Addresses with only the straight groups placed."""
        problem = self.problem
        at = np.full(len(problem.sizes), NOWHERE, np.int64)
        for k, rows in enumerate(self.groups):
            size = problem.sizes[rows]
            offset = np.cumsum(size) - size
            taken = self._taken(rows, offset, at)
            most = (limit - int(size.sum())) // problem.align * problem.align
            base = _base(taken, most, high=not self.low and k == 0)
            if base is None:
                return None
            at[rows] = base + offset
        return at

    def _ends(self, at: IntArray) -> IntArray:
        """Where the next bar may begin after each placed one."""
        align = self.problem.align
        return np.where(at == NOWHERE, 0, -(-(at + self.problem.sizes) // align) * align)

    def _taken(self, rows: IntArray, offset: IntArray, at: IntArray) -> list[tuple[int, int]]:
        """Open intervals in which a straight group cannot begin, for the groups placed so far."""
        problem, found, align = self.problem, [], self.problem.align
        placed = np.flatnonzero(at != NOWHERE)
        for bar, off in zip(rows.tolist(), offset.tolist(), strict=True):
            both = (problem.start[placed] <= problem.stop[bar]) & (
                problem.start[bar] <= problem.stop[placed]
            )
            for other in placed[both].tolist():
                low = int(at[other]) - off - int(problem.sizes[bar])
                high = int(at[other] + problem.sizes[other]) - off
                found.append((low // align * align, -(-high // align) * align))
        return sorted(found)

    def _finished(self, at: IntArray) -> RowPlacement:
        """The placement with the bars that find a place in any case."""
        sizes, end = self.problem.sizes, self._ends(at)
        core = set(self.core)
        for bar in self.bars.tolist():
            if bar not in core:
                at[bar] = _lowest(at, end, self.meets[bar], int(sizes[bar]))
                end[bar] = at[bar] + sizes[bar]
        at = np.where(at == NOWHERE, 0, at)
        alive = self.problem.start <= self.problem.stop
        return RowPlacement(at, int((at + sizes)[alive].max(initial=0)))

    def _core(self) -> list[int]:
        """The bars but those that find room wherever their neighbours lie, longest first.

        In an arena of n units a bar of h has n - h + 1 places, of which one of k takes h + k - 1.
        """
        problem = self.problem
        sizes = -(-problem.sizes // problem.align)
        places = problem.lower_bound // problem.align - sizes + 1
        kept = np.ones(len(sizes), bool)
        bars = self.bars.tolist()
        while True:
            gone = [
                bar
                for bar in bars
                if (sizes[self.meets[bar]] + sizes[bar] - 1)[kept[self.meets[bar]]].sum()
                < places[bar]
            ]
            if not gone:
                return bars
            kept[gone] = False
            bars = [bar for bar in bars if kept[bar]]


def _lowest(at: IntArray, end: IntArray, meets: IntArray, size: int) -> int:
    """The lowest address at which `size` bytes are free of the placed ones among `meets`."""
    begin = at[meets]
    order = np.argsort(begin, kind="stable")
    begin = np.append(begin[order], NOWHERE)
    top = np.maximum.accumulate(np.append(0, end[meets[order]]))
    return int(top[np.argmax(begin - top >= size)])


def _base(taken: Sequence[tuple[int, int]], most: int, high: bool) -> int | None:
    """The lowest (or highest) base from 0 to `most` that lies in no open interval."""
    base = most if high else 0
    for low, end in sorted(taken, key=lambda span: -span[1]) if high else taken:
        if low < base < end:
            base = low if high else end
    return base if 0 <= base <= most else None


def _meetings(problem: RowProblem, bars: IntArray) -> Iterator[tuple[int, IntArray]]:
    """For each bar those that live at some time when it does."""
    alive = np.flatnonzero(problem.start <= problem.stop)
    alive = alive[np.argsort(problem.start[alive], kind="stable")]
    start, stop = problem.start[alive], problem.stop[alive]
    for bar in bars.tolist():
        before = alive[: np.searchsorted(start, problem.stop[bar], side="right")]
        found = before[stop[: len(before)] >= problem.start[bar]]
        yield bar, found[found != bar]
