"""Column bands: a stretch of operators made band after band, the columns of the halos twice.

    conv1 -> conv2 -> conv3            conv1.0 -> conv2.0 --+
                             becomes   conv1.1 -> conv2.1 --+-> Concat (columns) -> conv3

Line buffers inside a band are as wide as the band. What is made twice are the columns that both of
two neighbours read: a halo, once along the height of the image. What a stretch reads is read once a
band; if that is the image, it is handed in once a band. Nothing is made twice where only the first
operator reads neighbours: a depthwise convolution and the projection after it, say, take turns for
pieces of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lowtide.ir.graph import Graph, Operator, Shape
from lowtide.ir.nest import Nest
from lowtide.ops import meaning
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Span, elements, hull, whole, with_span
from lowtide.rewrites.stretch import Regions, Stretch, Writer, crossing_of

COLUMNS = 3
"""The axis of an image (NCHW) that is cut."""


def in_bands(reach: Reach, first: int, end: int, count: int, crops: bool = False) -> Stretch | None:
    """Operators first to end - 1 in `count` column bands of equal width; None if that cannot be.

    `crops`: the caller hands in, for each band, the columns of the image that it reads.
    """
    graph = reach.graph
    regions = band_regions(reach, first, end, count)
    if regions is None:
        return None
    writer = Writer(reach, first, crops)
    crossing = crossing_of(graph, first, end)
    pieces: dict[str, list[str]] = {name: [] for name in crossing}
    for k, one in enumerate(regions):
        made = writer.part(k, graph.operators[first:end], one)
        if made is None:
            return None
        for name, parts in pieces.items():
            parts.append(made[name])
    if any(_is_column(writer.tensors[name].shape) for name in writer.handed_in):
        return None
    for name, parts in pieces.items():
        writer.join(name, parts, COLUMNS)
    return writer.stretch(end, extra_macs(graph, first, end, regions))


def band_regions(reach: Reach, first: int, end: int, count: int) -> list[Regions] | None:
    """For each band the region of each tensor that is made or read; None if that cannot be."""
    graph = reach.graph
    crossing = crossing_of(graph, first, end)
    shapes = [graph.shape(name) for name in crossing]
    if not crossing or not all(_is_image(shape) and shape[COLUMNS] >= count for shape in shapes):
        return None
    found = []
    for k in range(count):
        wanted = {
            name: with_span(whole(shape), COLUMNS, share(shape[COLUMNS], k, count))
            for name, shape in zip(crossing, shapes, strict=True)
        }
        found.append(needed(reach, graph.operators[first:end], wanted))
        if any(found[-1][name] != region for name, region in wanted.items()):
            return None  # read inside as well, beyond the band: pieces that overlap are no join
    return found


def _is_image(shape: Shape) -> bool:
    """Whether a tensor is one image of several rows: its columns are pieces of its rows."""
    return len(shape) == 4 and shape[0] == 1 and shape[2] > 1


def _is_column(shape: Shape) -> bool:
    """Whether a part of an image has one element a row: in memory that is a row, and no rows."""
    return prod(shape) == shape[2]


def share(extent: int, k: int, count: int) -> Span:
    """The k-th of `count` ranges of nearly equal width that cover 0 to `extent` - 1."""
    return extent * k // count, extent * (k + 1) // count


def needed(reach: Reach, stretch: Sequence[Operator], wanted: Regions) -> Regions:
    """The regions that a stretch's operators must make so that the regions `wanted` can be made."""
    found = dict(wanted)
    for op in reversed(stretch):
        if op.output in found:
            for name, part in reach.reads(op, found[op.output]).items():
                found[name] = hull(found[name], part) if name in found else part
    return found


def extra_macs(graph: Graph, first: int, end: int, regions: Sequence[Regions]) -> int:
    """Multiply-adds of the parts beyond those of operators first to end - 1 themselves."""
    return sum(_extra(graph, op, regions) for op in graph.operators[first:end])


def _extra(graph: Graph, op: Operator, regions: Sequence[Regions]) -> int:
    held = meaning(op, graph)
    if not isinstance(held, Nest) or not held.macs:
        return 0
    made = sum(elements(one[op.output]) for one in regions if op.output in one)
    return held.macs // prod(held.shape) * (made - prod(held.shape))
