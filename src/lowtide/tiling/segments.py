"""Segments: stretches of operators that are made tile by tile instead of one after the other.

A segment is cut into tiles along one axis: rows, columns or output channels. One tensor, the
*pivot*, is cut evenly; what comes before it is made as far as the pivot needs it, what comes after
it as far as it can be made. So in each tile an operator makes what is new,

    tile 0: conv rows 0..4, pool rows 0..1     tile 1: conv rows 5..8, pool rows 2..3     ...

and the halo, rows of an earlier tile that are read again, is kept. For the operators named `again`
it is not kept but made again: their halo, and in `patches` everyone's, costs multiply-adds instead
of memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

from lowtide.ir.graph import Graph, Operator
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, Span, hull, whole, with_span
from lowtide.tiling.pieces import Part, Piece

ROWS, COLUMNS, CHANNELS = 2, 3, 1
"""The axes of an image that tiles are cut along."""

Ends = tuple[int, ...]
"""Where the tiles of a tensor end along an axis, in order; the same as often as nothing is made."""


@dataclass(frozen=True)
class TiledSegment:
    """Operators first to last - 1 of a graph, and how they are cut into tiles (one: not at all).

    `pivot` names a tensor made or read in the segment that fixes the tiles; `again` numbers
    operators whose halos are computed again.
    """

    first: int
    last: int
    tiles: int = 1
    axis: int = ROWS
    pivot: str = ""
    again: frozenset[int] = frozenset()
    columns: int = 1
    """Columns of patches; then nothing is kept, and `tiles` counts the patches of a column."""


@dataclass
class Cutter:
    """Cuts segments of one graph into parts."""

    reach: Reach
    _needs: dict[tuple[str, str, int], tuple[int, ...]] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.reach.graph

    def parts(self, segment: TiledSegment, pieces: Mapping[str, Sequence[Piece]]) -> list[Part]:
        """The parts of a segment, in order; `pieces` are those of the tensors that it reads.

        A pivot that is in pieces already keeps its cuts.
        """
        if segment.tiles * segment.columns == 1:
            numbers = range(segment.first, segment.last)
            return [Part(n, whole(self.graph.shape(self._op(n).output))) for n in numbers]
        if segment.columns > 1:
            return self._patches(segment)
        ends = self.ends(segment, pieces)
        found = []
        for tile in range(segment.tiles):
            found += self._tile(segment, ends, tile)
        return found

    def _op(self, number: int) -> Operator:
        return self.graph.operators[number]

    def _extent(self, name: str, axis: int) -> int:
        return self.graph.shape(name)[axis]

    def outside(self, segment: TiledSegment, name: str) -> bool:
        """Whether a tensor of the segment is read after it, or is an output of the network."""
        last = {op.output for op in self.graph.operators[segment.first : segment.last]}
        readers = self.graph.readers.get(name, ())
        return name in self.graph.outputs or any(op.output not in last for op in readers)

    # Where tiles end.

    def ends(self, segment: TiledSegment, pieces: Mapping[str, Sequence[Piece]]) -> dict[str, Ends]:
        """For each tensor of the segment how far it has been made after each tile."""
        numbers = range(segment.first, segment.last)
        found = {segment.pivot: self._even(segment, pieces)}
        behind = {segment.pivot}
        for n in numbers:
            op = self._op(n)
            inputs = [name for name in dict.fromkeys(op.inputs) if name in behind]
            if inputs and op.output != segment.pivot:
                behind.add(op.output)
                found[op.output] = self._pushed(op, inputs, found, segment)
        for n in reversed(numbers):
            if self._op(n).output not in behind:
                found[self._op(n).output] = self._pulled(self._op(n), found, segment)
        return found

    def _even(self, segment: TiledSegment, pieces: Mapping[str, Sequence[Piece]]) -> Ends:
        extent, tiles = self._extent(segment.pivot, segment.axis), segment.tiles
        found = pieces.get(segment.pivot, ())
        own = sorted({piece.region[segment.axis][1] for piece in found})
        if 1 < len(own) <= tiles:
            return (*own, *(extent for _ in range(tiles - len(own))))
        return tuple(-(-extent * (tile + 1) // tiles) for tile in range(tiles))

    def _pushed(
        self, op: Operator, inputs: Sequence[str], ends: Mapping[str, Ends], segment: TiledSegment
    ) -> Ends:
        """As far as an operator can be made from what there is of its inputs."""
        extent, made, at = self._extent(op.output, segment.axis), [], 0
        needs = [(self._need(op, name, segment.axis), ends[name]) for name in inputs]
        for tile in range(segment.tiles):
            while at < extent and all(need[at] <= there[tile] for need, there in needs):
                at += 1
            made.append(at)
        return tuple(made)

    def _pulled(self, op: Operator, ends: Mapping[str, Ends], segment: TiledSegment) -> Ends:
        """As far as its readers in the segment need it; evenly if it has none."""
        name, axis, tiles = op.output, segment.axis, segment.tiles
        extent, made = self._extent(name, axis), []
        inner = range(segment.first, segment.last)
        readers = [self._op(n) for n in inner if name in self._op(n).inputs]
        outside = self.outside(segment, name)
        for tile in range(tiles):
            far = [ends[r.output][tile] for r in readers]
            asked = [
                self._need(r, name, axis)[at - 1] for r, at in zip(readers, far, strict=True) if at
            ]
            end = max(asked, default=0)
            if outside and not readers:
                end = -(-extent * (tile + 1) // tiles)
            made.append(extent if outside and tile == tiles - 1 else end)
        return tuple(made)

    def _need(self, op: Operator, name: str, axis: int) -> tuple[int, ...]:
        """Where what is read of `name` ends, for the first 1, 2, .. of the operator's output."""
        key = op.output, name, axis
        if key not in self._needs:
            box, far, ends = whole(self.graph.shape(op.output)), 0, []
            for at in range(box[axis][1]):
                reads = self.reach.reads(op, with_span(box, axis, (at, at + 1)))
                far = max(far, reads[name][axis][1]) if name in reads else far
                ends.append(far)
            self._needs[key] = tuple(ends)
        return self._needs[key]

    # What a tile makes.

    def _tile(self, segment: TiledSegment, ends: Mapping[str, Ends], tile: int) -> list[Part]:
        needs: dict[str, Region] = {}
        found = []
        for n in reversed(range(segment.first, segment.last)):
            op = self._op(n)
            name, axis = op.output, segment.axis
            span = ends[name][tile - 1] if tile else 0, ends[name][tile]
            if n in segment.again:
                span = self._again(segment, name, span, needs.get(name))
            if span[0] >= span[1]:
                continue
            region = with_span(whole(self.graph.shape(name)), axis, span)
            found.append(Part(n, region))
            for source, part in self.reach.reads(op, region).items():
                needs[source] = hull(needs[source], part) if source in needs else part
        return found[::-1]

    def _again(self, segment: TiledSegment, name: str, span: Span, need: Region | None) -> Span:
        """All that is read in the tile, and what is read behind the segment."""
        wanted = [need[segment.axis]] if need else []
        if self.outside(segment, name) and span[0] < span[1]:
            wanted.append(span)
        return min((s[0] for s in wanted), default=0), max((s[1] for s in wanted), default=0)

    def _patches(self, segment: TiledSegment) -> list[Part]:
        """Tiles in two directions; each makes all it needs."""
        found = []
        for row, column in product(range(segment.tiles), range(segment.columns)):
            needs: dict[str, Region] = {}
            made = []
            for n in reversed(range(segment.first, segment.last)):
                op = self._op(n)
                region = needs.get(op.output)
                if self.outside(segment, op.output):
                    own = self._patch(op.output, segment, row, column)
                    region = hull(region, own) if region and own else own or region
                if region is None:
                    continue
                made.append(Part(n, region))
                for source, part in self.reach.reads(op, region).items():
                    needs[source] = hull(needs[source], part) if source in needs else part
            found += made[::-1]
        return found

    def _patch(self, name: str, segment: TiledSegment, row: int, column: int) -> Region | None:
        region = whole(self.graph.shape(name))
        for axis, at, count in ((ROWS, row, segment.tiles), (COLUMNS, column, segment.columns)):
            cuts = [region[axis][1] * k // count for k in range(count + 1)]
            span = list(pairwise(cuts))[at]
            if span[0] == span[1]:
                return None
            region = with_span(region, axis, span)
        return region
