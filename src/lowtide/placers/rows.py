"""Rows placed one by one: each row of a streamed plan has an address of its own.

A row is a bar: so many bytes, from the moment it is made to that of its last read. Some storages
must stay in one piece (the caller writes an image into it); their rows keep their distances.

    limit  [====== image, row after row dies ======]
      |    [d]      [d]                                  bars are placed in turn: rows of storages
      |                                                  that come to live whole as high as it goes
      |        [b]     [b]     [b]                       under the limit, those of line buffers as
      0    [a] [c] [a] [c] [a] [c]   -> steps            low (or all: both are tried)

The order of turns is learnt: a bar that found no room gets more weight and comes earlier in the
next pass ("squeaky wheel" optimisation, Joslin and Clements, 1999). When all fit, the limit falls.
The work is counted in bars, never in seconds: the same problem, the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.placers.gaps import NOWHERE, first_base, highest, lowest
from lowtide.placers.intervals import BoolArray, union

WORK = {"steps": 10_000, "greedy": 40_000, "exact": 400_000}
"""Bars placed in all passes together: a part of a second, about a second, and ten."""

PASSES = 200
"""Of a few bars no more passes than this, twice."""

PATIENCE = 40
"""Passes in vain after which a limit is raised."""

HEAVIEST = 1e100

STEP = 0.2
"""By how much of the distance to the lower bound a limit lies below the best arena."""


@dataclass(frozen=True, eq=False)
class RowProblem:
    """Bars to place: bar i has `sizes[i]` bytes and lives in moments start[i] to stop[i].

    One with start > stop never lives. `straight` are groups of bars that must lie one after the
    other, in order, without a gap; `whole` are the rows of storages of which most rows live at one
    time. `lower_bound` is the most bytes that live at one time. Bars with an address in `pinned`
    (others: NOWHERE) lie there already. An arena of `goal` bytes is good enough.
    """

    sizes: IntArray
    start: IntArray
    stop: IntArray
    straight: tuple[IntArray, ...]
    whole: BoolArray
    align: int
    lower_bound: int
    pinned: IntArray
    goal: int

    @cached_property
    def free(self) -> BoolArray:
        """The bars that are to be placed: those that live, and are not pinned."""
        return np.asarray((self.start <= self.stop) & (self.pinned == NOWHERE))

    def clashes(self) -> list[tuple[int, int]]:
        """Moments at which pinned bars share a byte with one that came before."""
        bars = np.flatnonzero((self.start <= self.stop) & (self.pinned != NOWHERE))
        bars = bars[np.argsort(self.start[bars], kind="stable")]
        at, end = self.pinned[bars], self.pinned[bars] + self.sizes[bars]
        start, stop = self.start[bars], self.stop[bars]
        found = dict.fromkeys(
            int(start[k])
            for k in range(1, len(bars))
            if ((stop[:k] >= start[k]) & (at[:k] < end[k]) & (at[k] < end[:k])).any()
        )
        return [(moment, moment) for moment in found]


@dataclass(frozen=True, eq=False)
class RowPlacement:
    """The address of each bar, and the size of the arena: the end of the last bar."""

    at: IntArray
    arena_bytes: int


def place_rows(problem: RowProblem, how: str) -> RowPlacement:
    """Places bars as "greedy" or, with more work, "exact" does; returns the smallest arena."""
    ways = {(False, False), (False, True)}
    if problem.straight:
        ways |= {(True, False), (True, True)}
    shared = _Shared(problem)
    first = _first(shared)
    packers = [_Packer(shared, first, image, rows) for image, rows in sorted(ways)]
    for packer in packers:
        packer.run(WORK[how] // (2 * len(packers)))
        if packer.best.arena_bytes <= problem.goal:
            return packer.best
    most = min(packers, key=lambda packer: packer.best.arena_bytes)
    most.run(WORK[how] // 2)
    return most.best


def _first(shared: _Shared) -> RowPlacement:
    """What all packers begin with."""
    return _Packer(shared, None, image_high=False, whole_high=False).best


class _Shared:
    """What all packers need to know of a problem."""

    def __init__(self, problem: RowProblem) -> None:
        self.problem = problem
        groups = [rows for rows in problem.straight if problem.pinned[rows[0]] == NOWHERE]
        self.groups = sorted(groups, key=lambda rows: -int(problem.sizes[rows].sum()))
        free = problem.free.copy()
        free[[bar for rows in self.groups for bar in rows]] = False
        self.bars = np.flatnonzero(free)
        self.meets = dict(_meetings(problem, self.bars))
        self.core = self._core()

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


class _Packer:
    """Passes over the bars.

    The largest straight group lies at the limit with `image_high`, else at the bottom; with
    `whole_high` the rows of whole storages are placed from the limit down.
    """

    def __init__(
        self, shared: _Shared, first: RowPlacement | None, image_high: bool, whole_high: bool
    ) -> None:
        problem = shared.problem
        self.problem, self.groups, self.bars = problem, shared.groups, shared.bars
        self.meets, self.core = shared.meets, shared.core
        self.image_high, self.work, self.share, self.vain = image_high, 0, STEP, 0
        self.high = problem.whole if whole_high else np.zeros(len(problem.sizes), bool)
        self.straight: dict[int, IntArray | None] = {}
        self.dice = Random(0)
        self.weight = dict(zip(self.core, problem.sizes[self.core].astype(float), strict=True))
        self.best = first if first is not None else self.unlimited()

    def run(self, work: int) -> None:
        """Goes on for so many bars, or PASSES times."""
        problem, self.work = self.problem, min(work, PASSES * len(self.core))
        while self.work > 0 and self.best.arena_bytes > problem.goal:
            limit = self._limit()
            if limit >= self.best.arena_bytes:
                return
            order = sorted(self.core, key=lambda bar: (-self.weight[bar], problem.start[bar], bar))
            at, failed = self._pass(order, limit)
            self.work -= 1
            if at is not None and not failed:
                self.best, self.vain = self._finished(at), 0
                continue
            for bar in failed:
                more = int(problem.sizes[bar]) * self.dice.randrange(2)
                self.weight[bar] = min(1.5 * self.weight[bar] + more, HEAVIEST)
            self.vain += 1
            if at is None or self.vain == PATIENCE:
                self.vain, self.share = 0, self.share / 2

    def _limit(self) -> int:
        """Somewhat below the best arena, aligned; the goal at least."""
        low, high, align = self.problem.goal, self.best.arena_bytes, self.problem.align
        return max(low, int(high - max(1, (high - low) * self.share)) // align * align)

    def _orders(self) -> Iterator[list[int]]:
        size, start, stop = self.problem.sizes, self.problem.start, self.problem.stop
        bars = self.core
        yield sorted(bars, key=lambda bar: (-size[bar], start[bar], bar))
        yield sorted(bars, key=lambda bar: (-size[bar], start[bar] - stop[bar], bar))
        yield sorted(bars, key=lambda bar: (start[bar] - stop[bar], -size[bar], bar))
        yield sorted(bars, key=lambda bar: (-size[bar] * (stop[bar] - start[bar] + 1), bar))
        yield sorted(bars, key=lambda bar: (start[bar], -size[bar], bar))

    def unlimited(self) -> RowPlacement:
        """The best of a few orders without a limit, and all from the bottom."""
        found = []
        for order in self._orders():
            at, _ = self._pass(order, NOWHERE // 4)
            assert at is not None
            found.append(self._finished(at))
            if found[-1].arena_bytes <= self.problem.goal:
                break
        return min(found, key=lambda p: p.arena_bytes)

    def _pass(self, order: Sequence[int], limit: int) -> tuple[IntArray | None, list[int]]:
        """The bars in turn, and those that found no room; None if a straight group has none."""
        sizes, align = self.problem.sizes, self.problem.align
        at, failed = self._straight(limit), list[int]()
        if at is None:
            return None, failed
        end, top = self._ends(at), limit // align * align
        for bar in order:
            size = int(sizes[bar])
            if self.high[bar]:
                place = highest(at, end, self.meets[bar], size, top)
            else:
                place = lowest(at, end, self.meets[bar], size)
            if place < 0 or place + size > limit:
                failed.append(bar)
            else:
                at[bar], end[bar] = place, place + size
        self.work -= len(order)
        return at, failed

    def _straight(self, limit: int) -> IntArray | None:
        """Addresses with only the straight groups placed."""
        if limit not in self.straight:
            self.straight = {limit: self._placed_straight(limit)}
        found = self.straight[limit]
        return None if found is None else found.copy()

    def _placed_straight(self, limit: int) -> IntArray | None:
        problem = self.problem
        at = problem.pinned.copy()
        for k, rows in enumerate(self.groups):
            size = problem.sizes[rows]
            offset = np.cumsum(size) - size
            taken = self._taken(rows, offset, at)
            most = (limit - int(size.sum())) // problem.align * problem.align
            base = first_base(taken, most, high=self.image_high and k == 0)
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
        problem, align = self.problem, self.problem.align
        placed = np.flatnonzero(at != NOWHERE)
        both = (problem.start[rows][:, None] <= problem.stop[placed]) & (
            problem.start[placed] <= problem.stop[rows][:, None]
        )
        bar, other = np.nonzero(both)
        low = at[placed][other] - (offset + problem.sizes[rows])[bar]
        high = (at + problem.sizes)[placed][other] - offset[bar]
        return list(union(low // align * align, -(-high // align) * align).pairs())

    def _finished(self, at: IntArray) -> RowPlacement:
        """The placement with the bars that find a place in any case."""
        sizes, end = self.problem.sizes, self._ends(at)
        core = set(self.core)
        for bar in self.bars.tolist():
            if bar not in core:
                at[bar] = lowest(at, end, self.meets[bar], int(sizes[bar]))
                end[bar] = at[bar] + sizes[bar]
        at = np.where(at == NOWHERE, 0, at)
        alive = self.problem.start <= self.problem.stop
        return RowPlacement(at, int((at + sizes)[alive].max(initial=0)))


def _meetings(problem: RowProblem, bars: IntArray) -> Iterator[tuple[int, IntArray]]:
    """For each bar those that live at some time when it does."""
    alive = np.flatnonzero(problem.start <= problem.stop)
    alive = alive[np.argsort(problem.start[alive], kind="stable")]
    start, stop = problem.start[alive], problem.stop[alive]
    for bar in bars.tolist():
        before = alive[: np.searchsorted(start, problem.stop[bar], side="right")]
        found = before[stop[: len(before)] >= problem.start[bar]]
        yield bar, found[found != bar]
