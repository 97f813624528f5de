"""Which segments, and in how many tiles: the least peak within a budget of extra multiply-adds.

A dynamic programme over cuts. At each cut the best ways to get there are kept, the least peak and
the least extra work first, with the pieces they leave; each is continued by every segment that
begins there, run as it would be. So the peak of a chain is exact. Not exhaustive is what is tried:

- cuts where no more elements cross than at the neighbouring ones or half as many as before, or
  beside an operator that cannot be cut; segments that span at most `FARTHEST` of them
- the operators of a segment one after the other, or tiles of rows, of output channels, or patches
- as pivot the largest tensor made, the last one, and the largest one that is read
- made again instead of kept: the tensors whose joins hold the most, one more at a time

Then `improve` (tile_improve.py) changes the segment in which the peak lies until nothing helps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isqrt, prod

from lowtide.tiling.segments import CHANNELS, ROWS, TiledSegment
from lowtide.tiling.tiler import Reached, Tiler

FARTHEST, KEPT, MOST_AGAIN, SHORT = 5, 2, 3, 3
"""Cuts that a segment spans, ways kept at a cut, operators made again, segments cut by channels."""

STAIRS = (12, 16, 20, 25, 30, 36, 43, 52, 64, 80, 99)
"""Percentages of the layer-by-layer peak that are tried in turn."""


def search(tiler: Tiler) -> list[Reached]:
    """The best chains of segments over the whole network, with no peak above layer by layer.

    Peaks are tried from small to large: one that is far too small fails fast, and one that just
    suffices leaves little to look at.
    """
    plain = tiler.extend(tiler.start(), TiledSegment(0, tiler.count), None)
    assert plain is not None
    cuts = cuts_of(tiler)
    for percent in STAIRS:
        found = _within(tiler, cuts, plain.peak * percent // 100)
        if found:
            return found
    return [plain]


def _within(tiler: Tiler, cuts: Sequence[int], most: int) -> list[Reached]:
    """The best chains with no more than `most` elements; none if none of those tried has."""
    found = {0: [tiler.start()]}
    for at, first in enumerate(cuts[:-1]):
        for reached in _best(found.pop(first, [])):
            for last in cuts[at + 1 : at + 1 + FARTHEST]:
                found.setdefault(last, []).extend(_continued(tiler, reached, last, most))
    return _best(found.get(tiler.count, []))


def cuts_of(tiler: Tiler) -> list[int]:
    """Where segments may begin and end: at waists and drops, and beside what cannot be cut."""
    sizes = [tiler.crossing_elements(number) for number in range(tiler.count + 1)]
    found = {0, tiler.count}
    for at in range(1, tiler.count):
        waist = sizes[at] <= min(sizes[at - 1], sizes[at + 1]) or 2 * sizes[at] <= sizes[at - 1]
        if waist or not tiler.can_cut((at - 1, at), ROWS):
            found.add(at)
    return sorted(found)


def _best(found: Sequence[Reached]) -> list[Reached]:
    """Those that no other one beats in peak and extra work; whole and cut tensors apart."""
    kept: list[Reached] = []
    for one in sorted(found, key=lambda r: (r.peak, r.extra, r.live, len(r.segments))):
        rivals = (other for other in kept if _in_pieces(other) == _in_pieces(one))
        if not any(other.extra <= one.extra for other in rivals):
            kept.append(one)
    return kept[:KEPT]


def _in_pieces(reached: Reached) -> bool:
    return any(len(regions) > 1 for regions in reached.pieces.values())


def _continued(tiler: Tiler, reached: Reached, last: int, most: int) -> Iterator[Reached]:
    """What is reached by the next segment, cut in every way that is tried."""
    if tiler.crossing_elements(last) > most:
        return
    plain = tiler.extend(reached, TiledSegment(reached.last, last), most)
    if plain is not None:
        yield plain
        if plain.peak <= reached.peak:
            return
    ways = [(s, tiler.extend(reached, s, most)) for s in cuttings(tiler, reached.last, last)]
    made = [(segment, after) for segment, after in ways if after is not None]
    yield from (after for _, after in made)
    rows = [(s, after) for s, after in made if s.axis == ROWS and s.columns == 1]
    if rows:
        segment, best = min(rows, key=lambda pair: pair[1].peak)
        if best.peak > reached.peak:
            yield from _again(tiler, reached, segment, best, most)


def cuttings(tiler: Tiler, first: int, last: int) -> Iterator[TiledSegment]:
    """Yields ways to cut operators first to last - 1 as one segment."""
    graph, inner = tiler.graph, range(first, last)
    for axis in (ROWS, CHANNELS):
        if not tiler.can_cut(inner, axis) or (axis == CHANNELS and len(inner) > SHORT):
            continue
        for pivot in _pivots(tiler, first, last, axis):
            tiles = min(tiler.tiles, graph.shape(pivot)[axis])
            if tiles > 1:
                yield TiledSegment(first, last, tiles, axis, pivot)
    side = isqrt(tiler.tiles)
    if side > 1 and tiler.budget and all(tiler.can_cut(inner, axis) for axis in (2, 3)):
        yield TiledSegment(first, last, side, columns=side)


def _pivots(tiler: Tiler, first: int, last: int, axis: int) -> list[str]:
    graph = tiler.graph
    ops = graph.operators[first:last]
    made = [op.output for op in ops]
    read = [n for op in ops for n in op.inputs if n in graph.tensors and n not in made]
    read = [name for name in read if len(graph.shape(name)) > axis]
    found = [max(made, key=lambda name: prod(graph.shape(name))), made[-1]]
    if axis == ROWS and read:
        found.append(max(read, key=lambda name: prod(graph.shape(name))))
    return list(dict.fromkeys(found))


def _again(
    tiler: Tiler, reached: Reached, segment: TiledSegment, best: Reached, most: int
) -> Iterator[Reached]:
    """The segment with more and more operators made again, as long as that lowers the peak."""
    for number in joined_most(tiler, segment, best)[:MOST_AGAIN]:
        more = replace(segment, again=segment.again | {number})
        after = tiler.extend(reached, more, most)
        if after is None:
            continue
        yield after
        if after.peak < best.peak:
            segment, best = more, after


def joined_most(tiler: Tiler, segment: TiledSegment, reached: Reached) -> list[int]:
    """The operators of a segment whose outputs are joined with a halo, the fullest moment first."""
    graph, fullest = tiler.graph, dict[int, int]()
    numbers = {graph.operators[n].output: n for n in range(segment.first, segment.last)}
    for step in reached.steps:
        number = numbers.get(step.made[0].tensor)
        if step.kind != "make" and number is not None:
            fullest[number] = max(fullest.get(number, 0), step.live)
    return sorted(fullest, key=lambda number: -fullest[number])
