"""A network's segments, one after the other, and what they keep in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from lowtide.ir.graph import Graph, Operator
from lowtide.ops.definition import definition
from lowtide.regions.footprint import Reach
from lowtide.regions.region import elements
from lowtide.regions.restrict import can_cut
from lowtide.tiling.pieces import Part, Piece, Pieces, Start, TiledStep, inputs_of
from lowtide.tiling.segments import Cutter, TiledSegment


@dataclass(frozen=True)
class Reached:
    """A chain of segments up to some operator: its peak in elements, and the pieces it leaves.

    `extra` counts multiply-adds beyond the network's own. `steps` are those of the last segment.
    """

    segments: tuple[TiledSegment, ...]
    peak: int
    extra: int
    live: int
    pieces: Mapping[str, tuple[Piece, ...]]
    steps: tuple[TiledStep, ...] = ()

    @property
    def last(self) -> int:
        """The number of the operator that comes next."""
        return self.segments[-1].last if self.segments else 0

    @property
    def nodes(self) -> int:
        """How many nodes the last segment became."""
        return len(self.steps)


@dataclass
class Tiler:
    """Extends chains of segments; a segment may have at most `tiles` tiles.

    `max_overhead` limits extra multiply-adds, as a share of the network's own.
    """

    graph: Graph
    tiles: int
    max_overhead: float
    limit: int = 0
    """Pieces may be cut where no more than this lives meanwhile (or than the peak so far)."""
    steps_run: int = 0
    reach: Reach = field(init=False)
    cutter: Cutter = field(init=False)
    macs: tuple[int, ...] = field(init=False)
    _can_cut: dict[tuple[int, int], bool] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.graph
        self.reach = Reach(graph)
        self.cutter = Cutter(self.reach)
        self.macs = tuple(_macs(op, graph) for op in graph.operators)
        for number, op in enumerate(graph.operators):
            self._first |= dict.fromkeys(op.outputs, number)
            self._last |= {name: number for name in op.inputs if name in graph.tensors}
        self._last |= dict.fromkeys(graph.outputs, len(graph.operators))

    @property
    def count(self) -> int:
        """How many operators there are."""
        return len(self.graph.operators)

    @property
    def budget(self) -> int:
        """The most extra multiply-adds."""
        return int(self.max_overhead * sum(self.macs))

    def start(self) -> Reached:
        """The chain of no segments."""
        start = inputs_of(self.graph)
        return Reached((), start.peak, 0, 0, start.pieces)

    def crossing(self, number: int) -> frozenset[str]:
        """The tensors that are there before operator `number` and are read by it or a later one."""
        there = (n for n in self.graph.tensors if self._first.get(n, -1) < number)
        return frozenset(n for n in there if self._last.get(n, -1) >= number)

    def crossing_elements(self, number: int) -> int:
        """How many elements those tensors have."""
        return sum(prod(self.graph.shape(name)) for name in self.crossing(number))

    def can_cut(self, numbers: Sequence[int], axis: int) -> bool:
        """Whether all of these operators can be made in pieces along an axis."""
        for number in numbers:
            key = number, axis
            if key not in self._can_cut:
                op = self.graph.operators[number]
                self._can_cut[key] = can_cut(op, self.reach, axis)
            if not self._can_cut[key]:
                return False
        return True

    def extend(self, reached: Reached, segment: TiledSegment, most: int | None) -> Reached | None:
        """The chain with one more segment; None if it takes too many elements or multiply-adds."""
        parts = self.cutter.parts(segment, reached.pieces)
        inner = range(segment.first, segment.last)
        extra = reached.extra + self._work(parts) - sum(self.macs[n] for n in inner)
        if extra > self.budget:
            return None
        run = Pieces(
            self.reach,
            parts,
            Start(reached.pieces, reached.peak),
            self.crossing(segment.last),
            limit=self.limit,
            most=most,
        )
        done = run.run()
        self.steps_run += len(run.steps)
        if not done:
            return None
        if segment.last == self.count:
            run.join(self.graph.outputs)
            if most is not None and run.peak > most:
                return None
        segments = (*reached.segments, segment)
        return Reached(segments, run.peak, extra, run.live, run.left().pieces, tuple(run.steps))

    def chain(
        self, start: Reached, segments: Sequence[TiledSegment], most: int | None
    ) -> list[Reached] | None:
        """The chains after each of several segments in a row; None if one takes too much."""
        found = [start]
        for segment in segments:
            after = self.extend(found[-1], segment, most)
            if after is None:
                return None
            found.append(after)
        return found

    def parts(self, segments: Sequence[TiledSegment]) -> list[list[Part]]:
        """For each segment of a chain that covers the network, its parts."""
        chain = self.chain(self.start(), segments, None)
        assert chain is not None, "the segments were within the budget"
        pairs = zip(segments, chain, strict=False)
        return [self.cutter.parts(segment, before.pieces) for segment, before in pairs]

    def _work(self, parts: Sequence[Part]) -> int:
        """Multiply-adds; every element of an operator's output costs the same."""
        total = 0
        for part in parts:
            shape = self.graph.shape(self.graph.operators[part.operator].output)
            total += self.macs[part.operator] * elements(part.region) // prod(shape)
        return total


def _macs(op: Operator, graph: Graph) -> int:
    defined = definition(replace(op, epilogue=()), graph)
    return defined.nest.macs if defined else 0
