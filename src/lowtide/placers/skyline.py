"""Fit blocks that keep wholly apart into an arena: a search along the skyline.

Such blocks are bars of given time and height, and a solution can be pushed down until each bar
rests on the ground or on another. So the lowest free spot at an end of a valley (`terrain.py`)
leaves few ways to go on: one of the bars that begin right there and fit, or a gap under whatever
comes next.

    |         |       end a: bars b and c begin at a and fit between the walls, or a rises to where
    +-+     +-+       a bar may rest next: the lower wall, or the least height of an inside bar
      a     |         that does not live in a. Where that wastes more than the arena has to spare,
      +-----+         and no bar is left to choose, the branch is dead.

The end with the fewest ways is taken first, then low ones and those in sections that met dead ends
before. Parts that no bar to come joins are independent: when one fails, so does what split them.
States that failed are remembered. The search starts over again and again, with other ranks of the
bars and longer limits (Luby, Sinclair and Zuckerman 1993), and keeps the counts of dead ends for a
while: what is hard comes first (Boussemart et al. 2004, "Boosting systematic search by weighting
constraints").

Resting bars and the bound on what is to come in a section are also the ground of MiniMalloc
(Moffitt 2023, doi:10.1145/3623278.3624752), which branches over all bars by their offsets.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lowtide.placers.terrain import Bar, Terrain, Valley

GAP = -1
ORDERS = 3
"""Of so many runs all but one rank tall bars first, and one ranks long ones first."""
STATES = 4
"""States looked at for each bar in the shortest runs."""
FORGET = 9
"""Runs after which the counts of dead ends start over."""
REMEMBERED = 10_000
"""Failed states kept, at most: each holds the floors of a part."""

Todo = tuple[()] | tuple[tuple[int, int, int], "Todo"]
"""Parts still to fill, linked, each as (first, stop, the frame whose choice left it)."""


@dataclass(frozen=True)
class Filled:
    """The units of the bars if they fit, or None and whether that is proven; and what it cost."""

    at: list[int] | None
    impossible: bool
    work: int
    """Sections looked at."""


@dataclass(frozen=True)
class End:
    """What may lie next at one end of a valley: a bar, or a GAP, which raises `section`."""

    section: int
    step: int
    ways: list[int]
    """The last is tried first."""
    tight: bool
    """There is no room for a gap."""


@dataclass(frozen=True)
class Choice:
    """A choice at an end, and the state to return to before the next of its ways is tried."""

    first: int
    stop: int
    parent: int
    rest: Todo
    end: End
    floors: list[int]
    laid: int
    key: tuple[object, ...]


def fill(bars: Sequence[Bar], arena: int, work: int) -> Filled:
    """Looks for units for `bars` within `arena`; gives up after about `work` sections."""
    if not bars or any(bar.most < 0 for bar in bars):
        return Filled(None if bars else [], bool(bars), 0)
    search = _Search(Terrain(bars, arena), work)
    run, found = 0, None
    while found is None and search.work > 0:
        found = search.run(run)
        run += 1
    return Filled(search.terrain.at if found else None, found is False, work - search.work)


class _Search:
    """Runs of depth-first search that share what they learn; `work` is what is left to spend."""

    def __init__(self, terrain: Terrain, work: int) -> None:
        self.terrain, self.work = terrain, work
        self.dice = random.Random(0)
        self.failed: set[tuple[object, ...]] = set()
        self.frames: list[Choice] = []
        self.blame = True
        """Do ends that failed in all ways, for want of room for a gap, count as dead ends too?"""

    def run(self, number: int) -> bool | None:
        """Do the bars fit? None if this run was too short to tell."""
        terrain, self.dice = self.terrain, random.Random(number)
        order = _ranked(terrain.bars, number, self.dice)
        terrain.restart(order, forget=number % FORGET == 0)
        cycle = number // ORDERS + 1
        self.blame = cycle % 2 == 1  # some instances need it, others are hindered
        states = STATES * len(order) * (cycle & -cycle)  # 1 2 1 4 1 2 1 8 .. times the shortest
        self.frames.clear()
        todo: Todo | None = _linked(terrain.parts(0, terrain.count), -1, ())
        while todo and states > 0 and self.work > 0:
            (first, stop, parent), rest = todo
            frame = self._look(first, stop, parent, rest)
            if frame is not None:
                self.frames.append(frame)
                parent = len(self.frames) - 1
            todo = self._go_on(parent)
            states -= 1
        return None if todo else todo is not None

    def _look(self, first: int, stop: int, parent: int, rest: Todo) -> Choice | None:
        """Level a part and choose an end of one of its valleys; None if the part is dead."""
        terrain = self.terrain
        self.work -= stop - first
        valleys = terrain.level(first, stop)
        if valleys is None:
            return None
        key = terrain.state(first, stop)
        if key in self.failed:
            return None
        ends = [end for valley in valleys for end in self._ends(valley)]
        _, best = min(ends, key=lambda scored: scored[0])
        if not best.ways:
            terrain.trouble[best.section] += 1
            return None
        floors = terrain.floor[first:stop]
        return Choice(first, stop, parent, rest, best, floors, len(terrain.laid), key)

    def _ends(self, valley: Valley) -> Iterator[tuple[tuple[bool, float], End]]:
        """Both ends of a valley, each with the score by which the least is taken."""
        terrain, height = self.terrain, valley.height
        bars, at, twin = terrain.bars, terrain.at, terrain.twin
        for section in (valley.left, valley.right - 1):
            ways, rest = list[int](), valley.wall - height
            for i in valley.inside:
                bar = bars[i]
                if not bar.first <= section < bar.stop:
                    rest = min(rest, bar.height)
                elif height <= bar.most and (twin[i] < 0 or at[twin[i]] >= 0):
                    ways.append(i)
            ways.reverse()
            tight = height + rest + terrain.load[section] > terrain.arena
            if not tight:
                ways.insert(0, GAP)
            low = len(ways) * (height + terrain.arena / 10)
            often = terrain.trouble[section] * (1 + self.dice.random() / 5)
            yield (len(ways) > 1, low / often), End(section, rest, ways, tight)

    def _go_on(self, index: int) -> Todo | None:
        """Take the next way of frame `index`, or of the nearest above it that has one left."""
        terrain, frames = self.terrain, self.frames
        while index >= 0:
            del frames[index + 1 :]
            frame = frames[index]
            terrain.take_back(frame.laid)
            terrain.floor[frame.first : frame.stop] = frame.floors
            if frame.end.ways:
                way = frame.end.ways.pop()
                if way == GAP:
                    terrain.floor[frame.end.section] += frame.end.step
                    return (frame.first, frame.stop, index), frame.rest
                terrain.put(way)
                return _linked(terrain.parts(frame.first, frame.stop), index, frame.rest)
            if len(self.failed) >= REMEMBERED:
                self.failed.clear()
            self.failed.add(frame.key)
            if self.blame and frame.end.tight:
                terrain.trouble[frame.end.section] += 1
            index = frame.parent
        return None


def _linked(parts: Sequence[tuple[int, int]], parent: int, rest: Todo) -> Todo:
    """The parts, the first in front, before those in `rest`."""
    for first, stop in reversed(parts):
        rest = (first, stop, parent), rest
    return rest


def _ranked(bars: Sequence[Bar], number: int, dice: random.Random) -> list[int]:
    """The bars in the order to try them, a little shuffled in all runs but the first."""
    wide = number % ORDERS == ORDERS - 1
    key = [
        (bar.stop - bar.first if wide else bar.height) * (1 + 0.3 * dice.random() * (number > 0))
        for bar in bars
    ]
    return sorted(range(len(bars)), key=lambda i: (-key[i], bars[i].first - bars[i].stop, i))
