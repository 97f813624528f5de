"""Planning with stretches of operators made in parts, where that saves memory.

The operators in their order are a path of segments from cut to cut. A segment whose rows do not
fit a limit may do so when a stretch of it is made in parts, which may take work twice. A *route*
is a path all of whose segments fit; the cheapest of those that are known is a shortest path. Where
the path gets stuck, and only there, segments in parts are tried:

    cut 0 ---> 5 ---> 9 ---x  stuck: every plain segment from here needs more than the limit
               |      '---[pieces of rows, taking turns]--> 13       nothing twice
               '-------[bands, one after the other]----------> 15    halos twice

The limit falls from one route to the next until none is found within the work that is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from lowtide.clock import Progress
from lowtide.ir.graph import Graph
from lowtide.planner.routes import Edge, Route, operators_of
from lowtide.regions.footprint import Reach
from lowtide.rewrites.bands import COLUMNS, band_regions, extra_macs, in_bands
from lowtide.rewrites.channels import in_groups
from lowtide.rewrites.stretch import Stretch, alone, crossing_of
from lowtide.rows.row_graph import RowGraph
from lowtide.schedules.segments import Segments

MOST_PARTS = 16
"""The most bands, or groups of channels, of a stretch."""

LONGEST = 24
"""The most tasks of a plain segment of a route."""

BACK, STARTS, AHEAD, ENDS = 8, 2, 20, 4
"""How far around the place where a path is stuck bands begin and end, and how many of these."""

SEGMENTS, PIECES = 2, 4
"""Plain segments over that place of which a stretch is tried in pieces, and its most operators."""

MOST_TRIED = 160
"""Segments in parts that are tried in all; the work is never counted in seconds."""

FALL = 0.96
"""The next limit, of what the last route needs."""


Cut = Literal["columns", "channels"]
"""Column bands, or groups of channels."""

Ways = dict[int, tuple[tuple[int, int], Edge | None]]
"""By cut: what the cheapest way to it costs, and its last segment."""

Measure = Callable[[Graph, Stretch, Collection[str]], tuple[int, int]]
"""The bytes that live in operators with a stretch in parts, a graph of their own: all as one
segment, and its parts one after the other. Inputs that are needed elsewhere are not counted."""


@dataclass
class StretchSearch:
    """Searches routes through a graph whose operators are in the order of the tasks of `rows`.

    At most `most_macs` multiply-adds may be done beyond the graph's own. With `crops` the caller
    hands in, for each band, the part of the image that it reads.
    """

    graph: Graph
    rows: RowGraph
    most_macs: int
    crops: bool
    measure: Measure
    progress: Progress
    tried: int = 0
    _known: dict[tuple[int, int, int, int, Cut, int], Edge | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reach, self.segments = Reach(self.graph), Segments(self.rows)
        self._first, self._end = operators_of(self.graph, self.rows)

    def routes(self, limit: int) -> Iterator[Route]:
        """Yields routes that need ever less memory; the first needs at most `limit` bytes."""
        while self.tried < MOST_TRIED:
            found = self.route(limit)
            if found is None:
                return
            yield found
            limit = int(found.peak * FALL)

    def route(self, limit: int) -> Route | None:
        """The cheapest route found whose segments all need at most `limit` bytes, or None."""
        stuck = -1
        while True:
            best = self._cheapest(limit)
            at = max(best)
            if at == len(self.rows.tasks):
                route = _route(best, at)
                return route if route.extra_macs <= self.most_macs else None
            if at == stuck:
                return None
            stuck = at
            self._pass(at, sorted(best), limit)

    # The shortest path over what is known.

    def _cheapest(self, limit: int) -> Ways:
        """The cheapest way to each cut that is reached over known segments."""
        best: Ways = {0: ((0, 0), None)}
        ending: dict[int, list[Edge]] = {}
        for edge in self._known.values():
            if edge and edge.peak <= limit:
                ending.setdefault(edge.end, []).append(edge)
        for end in range(1, len(self.rows.tasks) + 1):
            edges = [edge for edge in ending.get(end, ()) if edge.first in best]
            plain = self._plain(end, limit, best)
            ways = [
                (_sum(best[e.first][0], e.cost), e) for e in (*([plain] if plain else ()), *edges)
            ]
            if ways:
                best[end] = min(ways, key=lambda way: way[0])
        return best

    def _plain(self, end: int, limit: int, best: Ways) -> Edge | None:
        """The plain segment to a cut, from where it is cheapest to get to."""
        if self._crossing(end) > limit:
            return None
        starts = [a for a in range(max(0, end - LONGEST), end) if a in best]
        for first in sorted(starts, key=lambda a: (best[a][0], -a)):
            peak = self.segments.get(first, end).peak
            if peak <= limit:
                return Edge(first, end, peak)
        return None

    def _crossing(self, cut: int) -> int:
        return int(self.rows.crossing[cut, cut])

    # Segments in parts, where the path is stuck.

    def _pass(self, at: int, reached: list[int], limit: int) -> None:
        """Tries segments in parts that pass the cut `at`; those that take nothing twice first."""
        free: list[tuple[int, int, int, int, Cut]] = [
            *((first, end, *inner, "columns") for first, end, inner in self._inner(at, reached)),
            *((first, end, first, end, "channels") for first, end in self._grouped(at, reached)),
        ]
        for way in free:
            edge = self._parted(*way, limit)
            if edge and not edge.cost[0]:
                return
        for first, end in self._outer(at, reached, limit):
            self._parted(first, end, first, end, "columns", limit)

    def _inner(self, at: int, reached: list[int]) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """Plain segments over a cut, the least first, and stretches inside them."""
        starts = [a for a in reached if at - PIECES <= a]
        ends = range(at + 1, min(len(self.rows.tasks), at + 2 * PIECES) + 1)
        over = [self.segments.get(a, b) for a in starts for b in ends]
        for one in sorted(over, key=lambda s: (s.peak, s.end - s.first))[:SEGMENTS]:
            for c in range(one.first, one.end - 1):
                for d in range(c + 2, min(one.end, c + PIECES) + 1):
                    yield one.first, one.end, (c, d)

    def _grouped(self, at: int, reached: list[int]) -> Iterator[tuple[int, int]]:
        """Stretches over a cut that may end with a convolution whose sums go on."""
        for first in reached:
            for end in range(max(at, first + 1) + 1, first + PIECES + 1):
                if end <= len(self.rows.tasks):
                    yield first, end

    def _outer(self, at: int, reached: list[int], limit: int) -> Iterator[tuple[int, int]]:
        """Where bands may begin and end: the farther, the fewer bytes cross."""
        near = [a for a in reached if a >= at - BACK]
        starts = sorted(near, key=lambda a: (self._crossing(a), -a))[:STARTS]
        least, ends = limit, list[int]()
        for end in range(at + 1, min(at + AHEAD, len(self.rows.tasks)) + 1):
            if self._crossing(end) < least:
                least = self._crossing(end)
                ends.append(end)
        for first in dict.fromkeys((*starts, *([0] if at <= AHEAD else ()))):
            for end in ends[-ENDS:]:
                yield first, end

    def _parted(self, first: int, end: int, c: int, d: int, cut: Cut, limit: int) -> Edge | None:
        """Tasks `first` .. `end` - 1, of them `c` .. `d` - 1 in as few parts as fit the limit.

        What lives in bands is mostly so much whatever their number, and a share of the rest.
        """
        key = first, end, c, d, cut
        plain, last = self.segments.get(first, end).peak, self._edge(*key, 2)
        if last is None or last.peak >= plain:
            return None
        each, held = 2 * (plain - last.peak), 2 * last.peak - plain
        count = max(-(-each // (limit - held)), 3) if limit > held else MOST_PARTS
        free = () if last.cost[0] else (5, 9, MOST_PARTS)
        for more in sorted({count, count + count // 2 + 1, *free}):
            if last.peak <= limit:
                break
            edge = self._edge(*key, more) if more <= MOST_PARTS else None
            if edge is None or edge.peak >= last.peak:
                break
            last = edge
        return last if last.peak <= limit else None

    def _edge(self, first: int, end: int, c: int, d: int, cut: Cut, count: int) -> Edge | None:
        key = first, end, c, d, cut, count
        if key not in self._known:
            self._known[key] = self._tried(*key)
        return self._known[key]

    def _tried(self, first: int, end: int, c: int, d: int, cut: Cut, count: int) -> Edge | None:
        low, high = self._first[c], self._end[d]
        if low >= high or self.tried >= MOST_TRIED:
            return None
        stretch = self._columns(c, low, high, count) if cut == "columns" else None
        if cut == "channels":
            stretch = in_groups(self.reach, low, high, count)
        if stretch is None or stretch.extra_macs > self.most_macs:
            return None
        self.tried += 1
        names = self.graph.operators[low].name, self.graph.operators[high - 1].name
        self.progress(f"trying {' .. '.join(names)} in {count} parts")
        part = alone(self.graph, self._first[first], self._end[end], stretch)
        later = {n for op in self.graph.operators[self._end[end] :] for n in op.read}
        held = self.measure(part, stretch, {*later, *self.graph.outputs} & set(part.inputs))
        together, apart = (int(self.rows.crossing[first, end]) + one for one in held)
        if (c, d) == (first, end) and apart < together:
            return Edge(first, end, apart, stretch, apart=True)
        return Edge(first, end, together, stretch)

    def _columns(self, c: int, low: int, high: int, count: int) -> Stretch | None:
        """A stretch in bands, of no more than its columns and within the work that is allowed."""
        count = min([count, *self._widths(low, high)])
        if count < 2 or not self._may_read(c, low, high):
            return None
        regions = band_regions(self.reach, low, high, count)
        if regions is None or extra_macs(self.graph, low, high, regions) > self.most_macs:
            return None
        return in_bands(self.reach, low, high, count, self.crops)

    def _widths(self, low: int, high: int) -> list[int]:
        """The columns of the images that a stretch leaves behind."""
        crossing = (self.graph.shape(name) for name in crossing_of(self.graph, low, high))
        return [shape[COLUMNS] for shape in crossing if len(shape) > COLUMNS] or [0]

    def _may_read(self, c: int, low: int, high: int) -> bool:
        """Whether a stretch begins with the image, if it reads an image that is handed in."""
        read = {name for op in self.graph.operators[low:high] for name in op.read}
        return not self.crops or c == 0 or not read & set(self.graph.inputs)


def _sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0] + b[0], a[1] + b[1]


def _route(best: Ways, end: int) -> Route:
    edges = list[Edge]()
    while (edge := best[end][1]) is not None:
        edges.append(edge)
        end = edge.first
    return Route(tuple(edges[::-1]))
