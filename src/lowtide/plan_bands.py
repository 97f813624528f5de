"""Planning with work done twice: the first operators in column bands, where that saves memory.

Which operators, and in how many bands: ends of the prefix where one tensor crosses are tried with
two bands, the best of them with more. A candidate is judged by the bytes that live while its
bands run, each as one segment, and after them at the best cuts; the planner cuts the best of them
freely and places their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lowtide.graph import Graph
from lowtide.reach import Reach
from lowtide.rewrites.bands import Bands, banded, crossing_of, cut_bands, prefix_of

COUNTS = (3, 4, 5, 6, 8, 10, 12, 16)
"""Numbers of bands that are tried after two, as long as each needs less than the one before."""

ENDS = 6
"""Ends of the prefix that are tried with more than two bands."""


@dataclass(frozen=True)
class Banded:
    """A graph with its first operators in bands: what it takes more, and what lives at one time."""

    graph: Graph
    extra_macs: int
    live_bytes: int


@dataclass(frozen=True)
class BandSearch:
    """Tries bands on a graph whose operators are in the order in which they run.

    `most_macs` may be done beyond the graph's own, `base` bytes live without bands. `before` gives
    the bytes that live in a graph of nothing but bands, `after` those that live once a tensor is
    whole (None where the streamed plan never has it whole). With `windows` the caller hands in the
    parts of the image that each band reads.
    """

    graph: Graph
    most_macs: int
    base: int
    windows: bool
    before: Callable[[Graph], int]
    after: Callable[[str], int | None]
    progress: Callable[[str], None]

    def run(self) -> list[Banded]:
        """The candidates that need less than no bands at all, the least extra work first."""
        reach, found, ends = Reach(self.graph), list[Banded](), list[tuple[int, int]]()
        for end, bands in self._ends(reach):
            one = self._tried(bands, reach)
            if one:
                ends.append((one.live_bytes, end))
                found.append(one)
        for best, end in sorted(ends)[:ENDS]:
            found += self._more(end, best, reach)
        better = [one for one in found if one.live_bytes < self.base]
        return sorted(better, key=lambda one: (one.extra_macs, one.live_bytes))

    def _ends(self, reach: Reach) -> Iterator[tuple[int, Bands]]:
        """Ends of the prefix at which one tensor crosses, in two bands within the budget."""
        for end in range(1, len(self.graph.operators)):
            crossing = crossing_of(self.graph, end)
            after = self.after(crossing[0]) if len(crossing) == 1 else None
            if after is None or after >= self.base:
                continue
            bands = cut_bands(reach, end, 2)
            if bands is not None and bands.extra_macs > self.most_macs:
                return
            if bands is not None:
                yield end, bands

    def _more(self, end: int, best: int, reach: Reach) -> Iterator[Banded]:
        for count in COUNTS:
            bands = cut_bands(reach, end, count)
            if bands is None or bands.extra_macs > self.most_macs:
                return
            one = self._tried(bands, reach)
            if one is None or one.live_bytes >= best:
                return
            best = one.live_bytes
            yield one

    def _tried(self, bands: Bands, reach: Reach) -> Banded | None:
        self.progress(f"trying {len(bands.regions)} bands over {bands.end} operators")
        graph = banded(bands, reach, self.windows)
        after = self.after(bands.crossing[0])
        if graph is None or after is None:
            return None
        live = max(self.before(prefix_of(graph, bands)), after)
        return Banded(graph, bands.extra_macs, live)
