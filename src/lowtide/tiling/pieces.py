"""What a network made in parts keeps in memory: tensors in pieces, cut and joined as they are read.

A *part* is an operator and the region of its output that it makes. From a sequence of parts follows
everything else: a part finds what it reads in pieces, which are sliced and joined where no piece is
just that region. What no later part reads is dropped, or cut off when that costs no peak.

    rows 0..3 of conv, rows 0..3 of pool, rows 4..7 of conv, ...

    pool reads rows 2..7:  Slice rows 2..3 of the first piece when the first pool is done
                           Concat them with the second piece

Parts may overlap (rows computed again) or not (rows kept). Slices and joins are tensors and count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lowtide.ir.graph import Graph
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, elements, hull, inside, meet, minus, whole
from lowtide.tiling.strips import strips

LEAST_GAIN = 4
"""A piece is cut when a LEAST_GAINth of it is not needed any more: each cut copies the rest."""


class Part(NamedTuple):
    """One part: the region `region` of the output of operator number `operator`."""

    operator: int
    region: Region


class Piece(NamedTuple):
    """A tensor that holds a region of one of the network's; `number` tells equal ones apart."""

    tensor: str
    region: Region
    number: int
    elements: int
    copied: bool
    """Sliced or joined of others: it may hold what they hold as well."""


class TiledStep(NamedTuple):
    """One node: operator number `what` for a part, a slice, or a join along axis `what`."""

    kind: Literal["make", "slice", "concat"]
    sources: tuple[Piece, ...]
    made: tuple[Piece, ...]
    what: int
    live: int
    """Elements alive while it runs."""


class _Event(NamedTuple):
    part: int
    reads: bool
    region: Region
    need: Region | None
    """What is still to be read of the tensor as it is made so far, after this event."""


@dataclass(frozen=True)
class Start:
    """What there is when a stretch of a network begins: pieces by tensor, peak, numbers."""

    pieces: Mapping[str, tuple[Piece, ...]]
    peak: int = 0
    count: int = 0


def inputs_of(graph: Graph) -> Start:
    """The network's inputs as pieces, each whole; those that nothing reads are left out."""
    pieces = {}
    for number, name in enumerate(graph.inputs):
        region = whole(graph.shape(name))
        pieces[name] = (Piece(name, region, -number, elements(region), copied=False),)
    peak = sum(piece.elements for held in pieces.values() for piece in held)
    used = {n: p for n, p in pieces.items() if graph.readers.get(n) or n in graph.outputs}
    return Start(used, peak)


@dataclass
class Pieces:
    """Runs parts, keeping tensors in pieces; notes the steps and the peak in elements.

    `wanted` names the tensors that must be there at the end, all of them. Pieces are cut as long as
    no more than `limit`, or than the peak so far, live. Gives up at more than `most` elements.
    """

    reach: Reach
    parts: Sequence[Part]
    start: Start
    wanted: frozenset[str]
    limit: int = 0
    most: int | None = None
    steps: list[TiledStep] = field(default_factory=list)
    live: int = 0
    peak: int = 0
    held: dict[str, list[Piece]] = field(default_factory=dict)
    _events: dict[str, list[_Event]] = field(default_factory=dict)
    _at: dict[str, int] = field(default_factory=dict)
    _pending: dict[str, None] = field(default_factory=dict)
    _count: int = 0

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.reach.graph

    def run(self) -> bool:
        """Makes all parts, in order; False if it gave up."""
        self._look_ahead()
        self.peak, self._count = self.start.peak, self.start.count
        for name, pieces in self.start.pieces.items():
            self.held[name] = list(pieces)
            self.live += sum(piece.elements for piece in pieces)
            if name in self._events and name not in self._at:
                self._at[name] = -1
        self.peak = max(self.peak, self.live)
        for part in self.parts:
            self._make(part)
            if self.most is not None and self.peak > self.most:
                return False
        return True

    def join(self, names: Iterable[str]) -> None:
        """Makes each tensor one piece, if it is in several."""
        for name in names:
            self._at[name] = len(self._events.get(name, ())) - 1
            self._fetch(name, whole(self.graph.shape(name)))

    def left(self) -> Start:
        """The pieces that are there now."""
        pieces = {name: tuple(held) for name, held in self.held.items() if held}
        return Start(pieces, self.peak, self._count)

    # What will be read.

    def _look_ahead(self) -> None:
        told: dict[str, list[tuple[int, bool, Region]]] = {}
        for number, part in enumerate(self.parts):
            op = self.graph.operators[part.operator]
            for name, region in self.reach.reads(op, part.region).items():
                told.setdefault(name, []).append((number, True, region))
            for name in op.outputs:
                told.setdefault(name, []).append((number, False, self._made(part, name)))
        for name, events in told.items():
            need = whole(self.graph.shape(name)) if name in self.wanted else None
            found: list[_Event] = []
            for number, reads, region in reversed(events):
                found.append(_Event(number, reads, region, need))
                if not reads:
                    need = need and minus(need, region)
                else:
                    need = hull(need, region) if need else region
            self._events[name] = found[::-1]

    def _made(self, part: Part, name: str) -> Region:
        op = self.graph.operators[part.operator]
        return part.region if name == op.output else whole(self.graph.shape(name))

    def _need(self, name: str) -> Region | None:
        """What later parts read of a tensor (in the state it is in now)."""
        if name not in self._events:
            return whole(self.graph.shape(name)) if name in self.wanted else None
        at = self._at.get(name, -1)
        if at < 0:
            return whole(self.graph.shape(name))
        return self._events[name][at].need

    def _is_next(self, piece: Piece) -> bool:
        """Whether the next that happens to a piece's tensor is that just this piece is read."""
        events, at = self._events.get(piece.tensor, []), self._at.get(piece.tensor, -1) + 1
        return at < len(events) and events[at].reads and events[at].region == piece.region

    # Steps.

    def _make(self, part: Part) -> None:
        op = self.graph.operators[part.operator]
        reads = self.reach.reads(op, part.region)
        sources = []
        for name, region in reads.items():
            self._at[name] = self._at.get(name, -1) + 1
            sources.append(self._fetch(name, region))
        made = tuple(self._new(name, self._made(part, name), False) for name in op.outputs)
        self._step("make", tuple(sources), made, part.operator)
        for piece in made:
            self._at[piece.tensor] = self._at.get(piece.tensor, -1) + 1
            for old in list(self.held.get(piece.tensor, ())):
                if inside(old.region, piece.region):
                    self._drop(old)  # it has been made again
            self.held.setdefault(piece.tensor, []).append(piece)
        for name in dict.fromkeys((*reads, *op.outputs, *self._pending)):
            self._tidy(name)

    def _step(
        self, kind: Literal["make", "slice", "concat"], sources: tuple[Piece, ...],
        made: tuple[Piece, ...], what: int,
    ) -> None:  # fmt: skip
        self.live += sum(piece.elements for piece in made)
        self.peak = max(self.peak, self.live)
        self.steps.append(TiledStep(kind, sources, made, what, self.live))

    def _new(self, name: str, region: Region, copied: bool) -> Piece:
        self._count += 1
        return Piece(name, region, self._count, elements(region), copied)

    def _drop(self, piece: Piece) -> None:
        self.held[piece.tensor].remove(piece)
        self.live -= piece.elements

    def _fetch(self, name: str, region: Region) -> Piece:
        """The piece that is just this region; what it was made of goes, as far as it can."""
        found = next((p for p in self.held[name] if p.region == region), None)
        if found is not None:
            return found
        made = self._gather(name, region)
        self.held[name].append(made)
        for piece in list(self.held[name]):
            if piece is made or self._is_next(piece):
                continue
            if inside(piece.region, region):
                self._drop(piece)
            else:
                need = self._need(name)
                self._trim(piece, meet(piece.region, need) if need else None, (made,))
        return made

    def _gather(self, name: str, region: Region) -> Piece:
        """A new piece with just this region, sliced out of one or joined of several."""
        around = [p for p in self.held[name] if inside(region, p.region)]
        if around:
            return self._slice(min(around, key=lambda p: p.elements), region)
        axis, cut = strips(region, [p.region for p in self.held[name]])
        sources, copies = [], []
        for strip in cut:
            exact = next((p for p in self.held[name] if p.region == strip), None)
            piece = exact or self._gather(name, strip)
            sources.append(piece)
            if exact is None:
                copies.append(piece)
        made = self._new(name, region, True)
        self._step("concat", tuple(sources), (made,), axis)
        self.live -= sum(piece.elements for piece in copies)
        return made

    def _slice(self, piece: Piece, region: Region) -> Piece:
        made = self._new(piece.tensor, region, True)
        self._step("slice", (piece,), (made,), 0)
        return made

    # What is not needed any more.

    def _tidy(self, name: str) -> None:
        self._pending.pop(name, None)
        need = self._need(name)
        for piece in list(self.held.get(name, ())):
            if need and not piece.copied and inside(piece.region, need):
                continue
            if not self._is_next(piece):
                self._trim(piece, meet(piece.region, need) if need else None, self.held[name])

    def _trim(self, piece: Piece, keep: Region | None, others: Iterable[Piece]) -> None:
        """Drops a piece whose rest is not needed or held by another; else cuts the rest out."""
        if keep is None or any(_replaces(other, piece, keep) for other in others):
            self._drop(piece)
            return
        gain = piece.elements - elements(keep)
        if gain * LEAST_GAIN < piece.elements:
            return
        if self.live + elements(keep) > max(self.limit, self.peak):
            self._pending[piece.tensor] = None
            return
        made = self._slice(piece, keep)
        self.held[piece.tensor].append(made)
        self._drop(piece)


def _replaces(other: Piece, piece: Piece, keep: Region) -> bool:
    """Whether `other` holds what is needed of `piece`, and is to stay if both hold the same."""
    if other is piece or not inside(keep, other.region):
        return False
    return inside(piece.region, other.region) or other.elements <= piece.elements
