"""Blocks that keep wholly apart, stacked from the ground: the ground so far and what is to come.

Time is cut into sections, one from each step at which a block starts to the next. `floor[s]` is
the height below which section s is settled, `load[s]` the height of the bars that are to come
there: floor + load is at most the arena, and what is left between them may be wasted.

    height          |                  A valley is a run of equal floor between higher walls. Bars
      ^   +---+     +-----             that fit between its walls can lie on its floor; all that
      |   |   | a+--+                  others reach over a wall. So a stretch that no inside bar
      |   |   +--+                     covers rises to the lower wall (`_flood`), and at an end, a,
      +---+-------------> sections     lies a bar that begins right there, or nothing for a while.

The search (`skyline.py`) decides what lies at one end of one valley at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lowtide.placers.grid import UNPLACED

HIGH = 1 << 62
"""The wall where nothing that is to come reaches over."""


@dataclass(frozen=True)
class Bar:
    """A block of `height` units, live in sections [first, stop), at unit `most` at the highest."""

    first: int
    stop: int
    height: int
    most: int


@dataclass(frozen=True)
class Valley:
    """A run of sections [left, right) at one height between higher walls.

    `inside` are the bars to come that fit between the walls.
    """

    left: int
    right: int
    height: int
    wall: int
    inside: tuple[int, ...]


class Terrain:
    """The ground of the bars laid so far; it is changed in place.

    `trouble` counts the dead ends that the search met in each section.
    """

    def __init__(self, bars: Sequence[Bar], arena: int) -> None:
        self.bars, self.arena = bars, arena
        self.count = count = max(bar.stop for bar in bars)
        self.floor, self.load = [0] * count, [0] * count
        self.bridges = [0] * count
        """How many bars to come live both in a section and the one before it."""
        self.at = [UNPLACED] * len(bars)
        self.laid: list[int] = []
        self.trouble = [1] * count
        self.starting: list[list[int]] = [[] for _ in range(self.count)]
        self.twin = _twins(bars)
        """The equal bar that is laid before a bar, or -1: their exchange would change nothing."""
        self._to_come = (1 << len(bars)) - 1
        self._from = [_mask(i for i, b in enumerate(bars) if b.first >= s) for s in range(count)]
        self._upto = [_mask(i for i, b in enumerate(bars) if b.stop <= s) for s in range(count + 1)]
        for bar in bars:
            for s in range(bar.first, bar.stop):
                self.load[s] += bar.height
            for s in range(bar.first + 1, bar.stop):
                self.bridges[s] += 1

    def restart(self, order: Sequence[int], *, forget: bool) -> None:
        """Takes all bars back; they are offered in `order` from now on.

        `forget`: the counts of dead ends start over.
        """
        self.take_back(0)
        self.floor = [0] * self.count
        if forget:
            self.trouble = [1] * self.count
        for row in self.starting:
            row.clear()
        for bar in order:
            self.starting[self.bars[bar].first].append(bar)

    def put(self, bar: int) -> None:
        """Lays a bar on the floor, which must be level where the bar lives."""
        own = self.bars[bar]
        first, stop, height = own.first, own.stop, own.height
        self.at[bar] = self.floor[first]
        self.laid.append(bar)
        self._to_come ^= 1 << bar
        self.floor[first:stop] = [self.floor[first] + height] * (stop - first)
        for s in range(first, stop):
            self.load[s] -= height
        for s in range(first + 1, stop):
            self.bridges[s] -= 1

    def take_back(self, count: int) -> None:
        """Takes back all but the first `count` bars that were laid; the floors stay as they are."""
        while len(self.laid) > count:
            bar = self.laid.pop()
            own = self.bars[bar]
            self.at[bar] = UNPLACED
            self._to_come ^= 1 << bar
            for s in range(own.first, own.stop):
                self.load[s] += own.height
            for s in range(own.first + 1, own.stop):
                self.bridges[s] += 1

    def parts(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Cuts sections [first, stop) where no bar to come crosses; omits parts without bars."""
        found = []
        while first < stop:
            try:
                end = self.bridges.index(0, first + 1, stop)
            except ValueError:
                end = stop
            if self.load[first]:
                found.append((first, end))
            first = end
        return sorted(found, key=lambda part: part[1] - part[0])

    def state(self, first: int, stop: int) -> tuple[object, ...]:
        """Everything that the search in a part depends on, to remember states that failed."""
        mine = self._to_come & self._from[first] & self._upto[stop]
        return first, stop, mine, tuple(self.floor[first:stop])

    def level(self, first: int, stop: int) -> list[Valley] | None:
        """Raises every floor as far as it must rise; returns the valleys, None if it cannot be."""
        while True:
            valleys = []
            for valley in self._valleys(first, stop):
                raised = self._flood(valley)
                if raised is None:
                    return None
                if raised:
                    break
                valleys.append(valley)
            else:
                return valleys

    def _valleys(self, first: int, stop: int) -> Iterator[Valley]:
        floor, right = self.floor, first
        while right < stop:
            left, height = right, floor[right]
            while right < stop and floor[right] == height:
                right += 1
            before = floor[left - 1] if left > first else HIGH
            after = floor[right] if right < stop else HIGH
            if before > height < after:
                inside = self._inside(left, right)
                yield Valley(left, right, height, min(before, after), inside)

    def _inside(self, left: int, right: int) -> tuple[int, ...]:
        """Bars to come within [left, right), by their first section and then by rank."""
        at, bars = self.at, self.bars
        return tuple(
            [
                bar
                for row in self.starting[left:right]
                for bar in row
                if at[bar] < 0 and bars[bar].stop <= right
            ]
        )

    def _flood(self, valley: Valley) -> bool | None:
        """Raise what no inside bar covers to the wall: was there any? None: no room to do so.

        Nor is there room if the inside bars do not fill a section up to the wall, and what else is
        to come there does not fit above the wall.
        """
        left, wall = valley.left, valley.wall
        if wall == HIGH:  # all that is to come lies inside
            return False
        change = [0] * (valley.right - left + 1)
        for bar in valley.inside:
            own = self.bars[bar]
            change[own.first - left] += own.height
            change[own.stop - left] -= own.height
        depth, above = wall - valley.height, self.arena - wall
        fill, raised = 0, False
        for s in range(left, valley.right):
            fill += change[s - left]
            if fill < depth and self.load[s] - fill > above:
                self.trouble[s] += 1
                return None
            if not fill:
                self.floor[s] = wall
                raised = True
        return raised


def _mask(members: Iterable[int]) -> int:
    return sum(1 << i for i in members)


def _twins(bars: Sequence[Bar]) -> list[int]:
    """For each bar the last equal one before it, or -1."""
    seen: dict[Bar, int] = {}
    twins = []
    for i, bar in enumerate(bars):
        twins.append(seen.get(bar, -1))
        seen[bar] = i
    return twins
