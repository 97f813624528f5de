"""Column bands: the first operators made band after band, the columns of the halos twice.

    conv1 -> conv2 -> conv3            conv1.0 -> conv2.0 --+
                             becomes   conv1.1 -> conv2.1 --+-> Concat (columns) -> conv3

Line buffers inside a band are as wide as the band. What is made twice are the columns that both of
two neighbours read: a halo, once along the height of the image. The image is read once a band.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from math import prod

import numpy as np

from lowtide.graph import Array, Graph, Operator, Shape, Tensor, Window
from lowtide.narrow import narrow
from lowtide.nest import Nest
from lowtide.ops import meaning
from lowtide.reach import Reach
from lowtide.region import Region, Span, elements, hull, shape_of, whole, with_span

COLUMNS = 3
"""The axis of an image (NCHW) that is cut."""

Regions = Mapping[str, Region]
"""What a band makes of each tensor."""


@dataclass(frozen=True)
class Bands:
    """The first `end` operators of a graph in bands; `regions` has one mapping for each band."""

    graph: Graph
    end: int
    crossing: tuple[str, ...]
    regions: tuple[Regions, ...]
    extra_macs: int
    """Multiply-adds beyond those of the graph, the same or more."""


def cut_bands(reach: Reach, end: int, count: int) -> Bands | None:
    """The first `end` operators in `count` bands of equal width; None where that cannot be."""
    graph = reach.graph
    prefix = graph.operators[:end]
    crossing = crossing_of(graph, end)
    shapes = [graph.shape(name) for name in crossing]
    if not crossing or not all(_is_image(shape) and shape[COLUMNS] >= count for shape in shapes):
        return None
    regions = []
    for k in range(count):
        wanted = {
            name: with_span(whole(shape), COLUMNS, _share(shape[COLUMNS], k, count))
            for name, shape in zip(crossing, shapes, strict=True)
        }
        regions.append(_needed(reach, prefix, wanted))
    extra = sum(_macs(graph, op, regions) for op in prefix)
    return Bands(graph, end, crossing, tuple(regions), extra)


def _is_image(shape: Shape) -> bool:
    """Whether a tensor is one image of several rows: its columns are pieces of its rows."""
    return len(shape) == 4 and shape[0] == 1 and shape[2] > 1


def crossing_of(graph: Graph, end: int) -> tuple[str, ...]:
    """The tensors made by the first `end` operators that are needed afterwards."""
    made = [name for op in graph.operators[:end] for name in op.outputs]
    later = {name for op in graph.operators[end:] for name in op.read} | set(graph.outputs)
    return tuple(name for name in made if name in later)


def prefix_of(graph: Graph, bands: Bands) -> Graph:
    """The banded part of a graph that `banded` made, by itself."""
    end = next(k for k, op in enumerate(graph.operators) if op.output == bands.crossing[-1])
    return replace(graph, operators=graph.operators[: end + 1], outputs=bands.crossing)


def band_of(name: str) -> int | None:
    """The number of the band that an operator of `banded` is in, by its name."""
    number = name.rpartition(".")[2]
    return int(number) if number.isdecimal() else None


def _share(extent: int, k: int, count: int) -> Span:
    return extent * k // count, extent * (k + 1) // count


def _needed(reach: Reach, prefix: Sequence[Operator], wanted: Regions) -> Regions:
    """The regions that the operators must make so that the last make what is wanted."""
    needed = dict(wanted)
    for op in reversed(prefix):
        if op.output in needed:
            for name, part in reach.reads(op, needed[op.output]).items():
                needed[name] = hull(needed[name], part) if name in needed else part
    return needed


def _macs(graph: Graph, op: Operator, regions: Sequence[Regions]) -> int:
    """Multiply-adds that the bands of an operator take beyond its own."""
    held = meaning(replace(op, epilogue=()), graph)
    if not isinstance(held, Nest) or not held.macs:
        return 0
    made = sum(elements(one[op.output]) for one in regions if op.output in one)
    return held.macs // prod(held.shape) * (made - prod(held.shape))


def banded(bands: Bands, reach: Reach, windows: bool = False) -> Graph | None:
    """The graph with its first operators in bands; None where an operator cannot be cut so.

    With `windows` the parts of inputs that bands read are handed in, each by itself.
    """
    graph, writer = bands.graph, _Writer(reach, windows)
    pieces: dict[str, list[str]] = {name: [] for name in bands.crossing}
    for k, regions in enumerate(bands.regions):
        made = writer.band(k, graph.operators[: bands.end], regions)
        if made is None:
            return None
        for name, parts in pieces.items():
            parts.append(made[name])
    for name, parts in pieces.items():
        joined = Operator(f"{name}.bands", "Concat", tuple(parts), (name,), {"axis": COLUMNS})
        writer.operators.append(joined)
    read = {name for op in (*writer.operators, *graph.operators[bands.end :]) for name in op.read}
    return replace(
        graph,
        inputs=(*writer.handed_in, *(name for name in graph.inputs if name in read or not windows)),
        windows=writer.handed_in,
        operators=(*writer.operators, *graph.operators[bands.end :]),
        tensors={**graph.tensors, **writer.tensors},
        constants={**graph.constants, **writer.constants},
    )


@dataclass
class _Writer:
    """The operators of bands, with their tensors and the parts of constants that they need."""

    reach: Reach
    windows: bool
    handed_in: dict[str, Window] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)

    def band(
        self, number: int, prefix: Sequence[Operator], regions: Regions
    ) -> dict[str, str] | None:
        """Clones the operators for one band; returns what its tensors are called."""
        called = dict[str, str]()
        for op in prefix:
            if op.output not in regions:
                continue
            narrowed = narrow(op, self.reach, regions[op.output])
            if narrowed is None:
                return None
            names = {
                name: self._sliced(called.get(name, name), name, regions, part, number)
                for name, part in narrowed.reads.items()
            }
            names |= {n: self._constant(n, part) for n, part in narrowed.constants.items()}
            output = f"{op.output}.{number}"
            called[op.output] = output
            self._tensor(output, op.output, regions[op.output])
            clone = replace(_renamed(narrowed.operator, names), name=f"{op.name}.{number}")
            self.operators.append(replace(clone, outputs=(output,)))
        return called

    def _tensor(self, name: str, of: str, region: Region) -> None:
        self.tensors[name] = Tensor(name, shape_of(region), self.reach.graph.tensors[of].dtype)

    def _sliced(self, source: str, name: str, regions: Regions, part: Region, number: int) -> str:
        """The region `part` of a tensor, of which `source` holds what this band has made."""
        held = regions[name] if source != name else whole(self.reach.graph.shape(name))
        if held == part:
            return source
        cut = [axis for axis, (a, b) in enumerate(zip(held, part, strict=True)) if a != b]
        spans = ".".join(f"{part[axis][0]}_{part[axis][1]}" for axis in cut)
        sliced = f"{source}.{number}.{spans}"
        if sliced not in self.tensors:
            self._tensor(sliced, name, part)
            if self.windows and name in self.reach.graph.inputs:
                self.handed_in[sliced] = Window(name, self.reach.graph.shape(name), part)
                return sliced
            attributes = {
                "axes": cut,
                "starts": [part[axis][0] - held[axis][0] for axis in cut],
                "ends": [part[axis][1] - held[axis][0] for axis in cut],
            }
            operator = Operator(f"{sliced}.slice", "Slice", (source,), (sliced,), attributes, 9)
            self.operators.append(operator)
        return sliced

    def _constant(self, name: str, region: Region) -> str:
        array = self.reach.graph.constants[name]
        if region == whole(array.shape):
            return name
        part = ".".join((name, *(f"{first}_{end}" for first, end in region)))
        self.constants[part] = np.ascontiguousarray(array[tuple(slice(*s) for s in region)])
        return part


def _renamed(op: Operator, called: Mapping[str, str]) -> Operator:
    epilogue = tuple(_renamed(one, called) for one in op.epilogue)
    inputs = tuple(called.get(name, name) for name in op.inputs)
    return replace(op, inputs=inputs, epilogue=epilogue)


def in_order(graph: Graph, outputs: Sequence[str]) -> Graph:
    """The graph with its operators in the order of some of their outputs.

    The others come right before the first that needs them.
    """
    rank = {name: float(k) for k, name in enumerate(outputs)}
    for op in reversed(graph.operators):
        if op.output not in rank:
            readers = (r for name in op.outputs for r in graph.readers[name])
            rank[op.output] = min((rank[r.output] for r in readers), default=len(rank)) - 0.5
    return replace(graph, operators=tuple(_sorted(graph, rank)))


def _sorted(graph: Graph, rank: Mapping[str, float]) -> Iterator[Operator]:
    """Every operator after those that make what it reads, the lowest rank first."""
    number = {op.output: k for k, op in enumerate(graph.operators)}
    missing = {
        op.output: {graph.producer[n].output for n in op.read if n in graph.producer}
        for op in graph.operators
    }
    ready = [(rank[name], number[name]) for name, needs in missing.items() if not needs]
    heap: list[tuple[float, int]] = []
    for one in ready:
        heappush(heap, one)
    while heap:
        op = graph.operators[heappop(heap)[1]]
        yield op
        for reader in {r.output: r for name in op.outputs for r in graph.readers[name]}.values():
            missing[reader.output].discard(op.output)
            if not missing[reader.output]:
                heappush(heap, (rank[reader.output], number[reader.output]))
