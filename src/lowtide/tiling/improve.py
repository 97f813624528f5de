"""Change a chain of segments where its peak lies, until nothing that is tried lowers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lowtide.tiling.search import cuttings, joined_most
from lowtide.tiling.segments import ROWS, TiledSegment
from lowtide.tiling.tiler import Reached, Tiler

MOST_STEPS = 150_000
"""Nodes run while improving: some twenty seconds; a count, so that each run ends alike."""

Chain = tuple[TiledSegment, ...]


def improve(tiler: Tiler, found: Reached) -> Reached:
    """Changes the segment in which the peak lies, until nothing that is tried lowers the peak.

    Then as few tiles as keep that peak.
    """
    tiler.steps_run = 0
    best = _run(tiler, found.segments, None)
    assert best is not None
    while tiler.steps_run < MOST_STEPS:
        better = _better(tiler, best)
        if better is None:
            break
        best = better
    return _fewer_tiles(tiler, best)[-1]


def _run(tiler: Tiler, chain: Sequence[TiledSegment], most: int | None) -> list[Reached] | None:
    return tiler.chain(tiler.start(), chain, most)


def _better(tiler: Tiler, best: list[Reached]) -> list[Reached] | None:
    """The first change that lowers the peak; None if none does."""
    peak, chain = best[-1].peak, best[-1].segments
    at = next(k for k, reached in enumerate(best[1:]) if reached.peak == peak)
    for limit in (tiler.limit, *(peak * percent // 100 for percent in (97, 94, 90, 85))):
        tiler.limit, before = limit, tiler.limit
        same = _run(tiler, chain, peak - 1) if limit != before else None
        if same is not None:
            return same
        tiler.limit = before
    for first, until, changed in _changes(tiler, best, at):
        if tiler.steps_run >= MOST_STEPS:
            return None
        found = tiler.chain(best[first], (*changed, *chain[until:]), peak - 1)
        if found is not None:
            return [*best[:first], *found]
    return None


def _changes(
    tiler: Tiler, best: list[Reached], at: int
) -> Iterator[tuple[int, int, tuple[TiledSegment, ...]]]:
    """Segments `first` .. `until` - 1 of the chain, and what might stand in their place."""
    chain = best[-1].segments
    segment = chain[at]
    if segment.tiles > 1 and segment.columns == 1:
        for number in joined_most(tiler, segment, best[at + 1]):
            yield at, at + 1, (replace(segment, again=segment.again ^ {number}),)
        for number in sorted(segment.again):
            yield at, at + 1, (replace(segment, again=segment.again - {number}),)
        yield from ((at, at + 1, (s,)) for s in _other_pivots(tiler, segment))
    for cut in range(segment.first + 1, segment.last):
        for one in _cut(tiler, segment, segment.first, cut):
            yield from (
                (at, at + 1, (one, other)) for other in _cut(tiler, segment, cut, segment.last)
            )
    for first, second in ((at - 1, at), (at, at + 1)):
        if first < 0 or second >= len(chain):
            continue
        a, b = chain[first], chain[second]
        yield from ((first, second + 1, (s,)) for s in _cut(tiler, segment, a.first, b.last))
        for cut in (a.last - 2, a.last - 1, a.last + 1, a.last + 2):
            if a.first < cut < b.last and cut != a.last:
                for one in _cut(tiler, a, a.first, cut):
                    yield from (
                        (first, second + 1, (one, other)) for other in _cut(tiler, b, cut, b.last)
                    )


def _cut(tiler: Tiler, like: TiledSegment, first: int, last: int) -> Iterator[TiledSegment]:
    """A stretch of operators, cut like a segment that it shares most of; else whole."""
    made = {tiler.graph.operators[n].output for n in range(first, last)}
    read = {name for n in range(first, last) for name in tiler.graph.operators[n].inputs}
    if like.columns == 1 and like.tiles > 1 and tiler.can_cut(range(first, last), like.axis):
        if like.pivot in made | read:
            again = frozenset(n for n in like.again if first <= n < last)
            yield replace(like, first=first, last=last, again=again)
            return
        for segment in cuttings(tiler, first, last):
            if segment.axis == like.axis and segment.columns == 1:
                yield segment
                return
    yield TiledSegment(first, last)


def _other_pivots(tiler: Tiler, segment: TiledSegment) -> Iterator[TiledSegment]:
    graph = tiler.graph
    ops = graph.operators[segment.first : segment.last]
    names = [n for op in ops for n in (*op.inputs, op.output) if n in graph.tensors]
    for name in dict.fromkeys(names):
        if name != segment.pivot and len(graph.shape(name)) > ROWS:
            tiles = min(tiler.tiles, graph.shape(name)[segment.axis])
            if tiles > 1:
                yield replace(segment, pivot=name, tiles=tiles)


def _fewer_tiles(tiler: Tiler, best: list[Reached]) -> list[Reached]:
    """Each segment in as few tiles as the peak allows: fewer nodes, and no more work."""
    for at in reversed(range(len(best) - 1)):
        chain = best[-1].segments
        segment = chain[at]
        for tiles in (1, 2, 3, 4, 6, 8, 11):
            if tiles >= segment.tiles or segment.columns > 1:
                break
            plain = TiledSegment(segment.first, segment.last)
            fewer = replace(segment, tiles=tiles) if tiles > 1 else plain
            found = tiler.chain(best[at], (fewer, *chain[at + 1 :]), best[-1].peak)
            if found is not None and found[-1].extra <= best[-1].extra:
                best = [*best[:at], *found]
                break
    return best
