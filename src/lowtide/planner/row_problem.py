"""The rows of a streamed plan as bars for the placer, and its answer as addresses of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Layout
from lowtide.placers.gaps import NOWHERE
from lowtide.placers.intervals import BoolArray
from lowtide.placers.rows import RowProblem, place_rows
from lowtide.planner.options import Options
from lowtide.rows.liveness import Life, Lives, live_bytes

Addresses = Mapping[str, IntArray]
"""The first byte of each row, by storage."""


WHOLE = 0.8
"""The share of its rows that live at one time in a storage that is no line buffer."""

MOST_BARS = 256
"""Bars of a storage; of one with more rows neighbours are placed together."""


@dataclass(frozen=True, eq=False)
class _Bars:
    """A storage's rows as bars: bar k holds `rows` rows from row k * rows on."""

    rows: int
    sizes: IntArray
    start: IntArray
    stop: IntArray

    def addresses(self, at: IntArray, life: Life) -> IntArray:
        """The addresses of the rows, from those of the bars."""
        row = np.arange(len(life.start), dtype=np.int64)
        return np.asarray(at[row // self.rows] + row % self.rows * life.cell_bytes, np.int64)


def _bars(life: Life) -> _Bars:
    count = len(life.start)
    rows = -(-count // MOST_BARS)
    first = np.arange(0, count, rows)
    sizes = (np.append(first[1:], count) - first) * life.cell_bytes
    start, stop = np.minimum.reduceat(life.start, first), np.maximum.reduceat(life.stop, first)
    return _Bars(rows, sizes, start, stop)


@dataclass(frozen=True, eq=False)
class Kept:
    """A placement to keep: rows that live in one of `moments`, both ends included, stay there.

    All others are placed anew, in `arena_bytes`.
    """

    addresses: Addresses
    moments: Sequence[tuple[int, int]]
    arena_bytes: int

    def pinned(self, start: IntArray, stop: IntArray) -> BoolArray:
        """Whether each bar lives in one of the moments, so that it stays."""
        found = np.zeros(len(start), bool)
        for first, last in self.moments:
            found |= (start <= last) & (first <= stop)
        return found & (start <= stop)


@dataclass(frozen=True, eq=False)
class RowBars:
    """The rows of a plan as a problem for the placer.

    `bars` gives, for each storage, the number of its first bar and how its rows became bars.
    """

    lives: Lives
    bars: Mapping[str, tuple[_Bars, int]]
    problem: RowProblem

    def place(self, how: str) -> tuple[int, Addresses, list[tuple[int, int]]]:
        """Places the rows; gives the arena's bytes and the address of each row, by storage.

        Then the moments, first and last, in which rows live that lie beyond the goal.
        """
        problem = self.problem
        placed = place_rows(problem, how)
        addresses = {
            name: bars.addresses(placed.at[at : at + len(bars.sizes)], self.lives[name])
            for name, (bars, at) in self.bars.items()
        }
        over = (placed.at + problem.sizes > problem.goal) & (problem.start <= problem.stop)
        moments = np.stack([problem.start[over], problem.stop[over]], axis=1)
        return placed.arena_bytes, addresses, [(a, b) for a, b in moments.tolist()]


def row_bars(
    layout: Layout, lives: Lives, live: int, options: Options, kept: Kept | None = None
) -> RowBars:
    """Turns the rows of a plan into bars; `live` is the most bytes that live at one time.

    What the caller sees as one array stays in one piece.
    """
    ports = {
        *(layout.graph.inputs if options.image != "streamed" else ()),
        *(layout.graph.outputs if options.result == "resident" else ()),
        *layout.graph.carried,
    }
    held = {layout.places[name].storage for name in ports}
    align, first = alignment(layout, options), 0
    found, sizes, straight, mostly = dict[str, tuple[_Bars, int]](), [], [], []
    for name, life in lives.items():
        bars = _bars(life)
        count, whole = len(bars.sizes), name in held and len(bars.sizes) > 1
        if whole:
            straight.append(np.arange(first, first + count))
        sizes.append(bars.sizes if whole else -(-bars.sizes // align) * align)
        mostly.append(np.full(count, _lives_whole(life)))
        found[name] = bars, first
        first += count
    start = np.concatenate([bars.start for bars, _ in found.values()])
    stop = np.concatenate([bars.stop for bars, _ in found.values()])
    pinned = np.full(len(start), NOWHERE, np.int64)
    if kept is not None:
        stays = kept.pinned(start, stop)
        for rows in straight:
            stays[rows] = stays[rows].any()
        at = [kept.addresses[name][:: bars.rows] for name, (bars, _) in found.items()]
        pinned[stays] = np.concatenate(at)[stays]
    problem = RowProblem(
        np.concatenate(sizes), start, stop, tuple(straight), np.concatenate(mostly), align, live,
        pinned, live if kept is None else kept.arena_bytes,
    )  # fmt: skip
    return RowBars(lives, found, problem)


def alignment(layout: Layout, options: Options) -> int:
    """What storages and rows begin at a multiple of: of every element's size too, where they are to
    be C, kernels' own in their scratch among them.
    """
    if layout.graph.as_if is not None:
        return options.align
    return lcm(options.align, *(s.dtype.bytes for s in layout.storages.values()))


def _lives_whole(life: Life) -> bool:
    """Whether most rows of a storage, more than one, live at one time: it is no line buffer."""
    alive = int((life.start <= life.stop).sum())
    at_once = int(live_bytes({"": life}, int(life.stop.max(initial=0))).max()) // life.cell_bytes
    return at_once >= max(2, WHOLE * alive)
