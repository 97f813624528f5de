"""Which regions of its inputs an operator reads to make a region of its output.

Conv 3x3, pads 1, makes rows 4..7 of 8    ->    reads rows 3..7 of its input, all channels
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lowtide.ir.graph import Graph, Operator, Shape
from lowtide.ir.index import Index
from lowtide.ir.nest import Nest
from lowtide.ops import Join, meaning
from lowtide.ops.definition import Definition, definition
from lowtide.regions.region import Region, Span, bounds_within, hull, meet, whole, with_span


@dataclass(frozen=True)
class _Access:
    """One operand of a nest: where an element of the output reads it."""

    name: str
    shape: Shape
    index: tuple[Index, ...]


@dataclass
class Reach:
    """Which regions of its inputs each operator of a graph reads; answers are remembered."""

    graph: Graph
    _defined: dict[str, Definition | None] = field(default_factory=dict)
    _accesses: dict[str, tuple[_Access, ...]] = field(default_factory=dict)
    _known: dict[tuple[str, Region], dict[str, Region]] = field(default_factory=dict)

    def reads(self, op: Operator, region: Region) -> dict[str, Region]:
        """The regions of the activations that are read to make `region` of the first output.

        Each is the smallest box where indices are affine. A tensor that is read only in padding
        gives its nearest row. Views that turn axes read a region turned, all others everything.
        """
        key = op.output, region
        if key not in self._known:
            self._known[key] = self._reads(op, region)
        return self._known[key]

    def _reads(self, op: Operator, region: Region) -> dict[str, Region]:
        graph, found = self.graph, dict[str, Region]()
        active = [name for name in op.inputs if name in graph.tensors]
        if region == whole(graph.shape(op.output)):
            return {name: whole(graph.shape(name)) for name in active}
        held = meaning(op, graph)
        if isinstance(held, Join):
            parts = joined(op, held.axis, region, graph)
        elif isinstance(held, Nest):
            parts = [(a.name, _read(a, region, held)) for a in self.accesses(op)]
        elif order := held.turned(len(region)):
            spans = dict(zip(order, region, strict=True))
            parts = [(op.inputs[0], tuple(spans[axis] for axis in range(len(region))))]
        else:
            parts = [(name, whole(graph.shape(name))) for name in active]
        for name, part in parts:
            if name in graph.tensors:
                found[name] = hull(found[name], part) if name in found else part
        return found

    def accesses(self, op: Operator) -> tuple[_Access, ...]:
        """All reads of an operator's definition, those of constants and the epilogue included."""
        if op.output not in self._accesses:
            defined = self.definition(op)
            assert defined is not None, f"{op.name} is a view"
            self._accesses[op.output] = tuple(
                _Access(name, self.graph.shape(name), read.index)
                for read in defined.nest.reads
                for name in (defined.operands[read.operand],)
            )
        return self._accesses[op.output]

    def definition(self, op: Operator) -> Definition | None:
        """The definition of one of the graph's operators, or None."""
        if op.output not in self._defined:
            self._defined[op.output] = definition(op, self.graph)
        return self._defined[op.output]

    def constants(self, op: Operator, region: Region) -> dict[str, Region]:
        """The regions of the constants that are read to make `region` of the output."""
        held, found = meaning(op, self.graph), dict[str, Region]()
        if not isinstance(held, Nest):
            return found
        for access in self.accesses(op):
            if access.name in self.graph.constants:
                part = _read(access, region, held)
                found[access.name] = hull(found.get(access.name, part), part)
        return found


def joined(op: Operator, axis: int, region: Region, graph: Graph) -> list[tuple[str, Region]]:
    """The regions of a join's inputs that make up `region` of its output, in order."""
    found, start = [], 0
    for name in op.inputs:
        shape = graph.shape(name)
        own = with_span(region, axis, (0, shape[axis]))
        first, end = region[axis]
        part = meet(with_span(region, axis, (first - start, end - start)), own)
        start += shape[axis]
        if part is not None:
            found.append((name, part))
    return found


def _read(access: _Access, region: Region, nest: Nest) -> Region:
    ranges = ranges_of(nest, region)
    spans = (bounds_within(index, ranges) for index in access.index)
    return tuple(_clipped(span, size) for span, size in zip(spans, access.shape, strict=True))


def ranges_of(nest: Nest, region: Region) -> dict[str, Span]:
    """The range of each of the output's loop variables within a region."""
    pairs = zip(nest.axes, region, strict=True)
    return {v.name: span for axis, span in pairs for v in axis.variables}


def _clipped(span: Span, size: int) -> Span:
    first = min(max(span[0], 0), size - 1)
    return first, max(min(span[1], size), first + 1)
