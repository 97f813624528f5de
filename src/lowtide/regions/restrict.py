"""An operator that makes only a region of what it made, from regions of what it read.

    Conv 3x3, pads 1 1 1 1, makes [1,8,16,16]
    rows 0..7    ->    Conv 3x3, pads 1 1 0 1, on rows 0..8
    rows 8..15   ->    Conv 3x3, pads 0 1 1 1, on rows 7..15

What changes are padding, the number of groups and slices of constants. Whether the narrowed
operator is the old one's definition is not believed but compared: its entry is asked for its nest,
and every index in it has to be the old one's, moved (`moved.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lowtide.errors import ModelError
from lowtide.ir.graph import Graph, Operator
from lowtide.ops import Join, Views, meaning
from lowtide.ops.definition import definition
from lowtide.ops.entry import ENTRIES, Bound, bind
from lowtide.ops.window import SlidingWindow, windows
from lowtide.regions.equivalence import is_moved
from lowtide.regions.footprint import Reach
from lowtide.regions.region import Region, Span, shape_of, whole, with_span


@dataclass(frozen=True)
class Narrowed:
    """An operator that makes only a region; `reads` and `constants` are the regions of its inputs.

    Inputs keep their names; each name stands for a tensor of just that region.
    """

    operator: Operator
    reads: Mapping[str, Region]
    constants: Mapping[str, Region]


def narrow(op: Operator, reach: Reach, region: Region) -> Narrowed | None:
    """The operator that makes only `region`; None where its attributes cannot say that."""
    graph = reach.graph
    reads, constants = reach.reads(op, region), _constants(op, graph)
    if region == whole(graph.shape(op.output)):
        return Narrowed(op, reads, constants)
    held = meaning(op, graph)
    if len(op.outputs) > 1:
        return None
    if isinstance(
        held, Views
    ):  # axes in another order are, of a region, what they are of the whole
        return Narrowed(op, reads, constants) if held.turned(len(region)) else None
    if isinstance(held, Join):
        return _narrow_join(op, held.axis, region, reads, graph)
    given = ENTRIES[op.type]
    if given.parameters and not given.pointwise:
        return None  # constants that speak of the whole tensor: sizes, pads, indices
    constants |= reach.constants(op, region)
    attributes = _attributes(bind(op, graph), region, reads)
    if attributes is None:
        return None
    narrowed = Narrowed(replace(op, attributes=attributes), reads, constants)
    return narrowed if _is_same(op, narrowed, reach, region) else None


def can_cut(op: Operator, reach: Reach, axis: int) -> bool:
    """Whether an operator's output can be made in pieces along an axis; a few pieces are tried."""
    shape = reach.graph.shape(op.output)
    if axis >= len(shape) or shape[axis] < 2:
        return False
    ends = sorted({0, 1, shape[axis] // 2, shape[axis] - 1, shape[axis]})
    cuts = (with_span(whole(shape), axis, span) for span in pairwise(ends))
    return all(narrow(op, reach, cut) is not None for cut in cuts)


def _constants(op: Operator, graph: Graph) -> dict[str, Region]:
    """The constants of an operator and of those fused onto it, all of each."""
    names = [n for one in (op, *op.epilogue) for n in one.inputs if n in graph.constants]
    return {name: whole(graph.shape(name)) for name in names}


def _narrow_join(
    op: Operator, axis: int, region: Region, reads: Mapping[str, Region], graph: Graph
) -> Narrowed | None:
    """Only the parts that lie in the region are joined."""
    if any(name not in graph.tensors for name in op.inputs):
        return None
    cut = region[axis] != (0, graph.shape(op.output)[axis])
    if cut and len(set(op.inputs)) < len(op.inputs):
        return None  # one tensor in two places, of which different regions would be read
    inputs = tuple(name for name in op.inputs if name in reads)
    return Narrowed(replace(op, inputs=inputs), reads, {})


def _attributes(bound: Bound, region: Region, reads: Mapping[str, Region]) -> dict[str, Any] | None:
    """The attributes with the padding and groups of a region; None where they cannot say it."""
    op, made, given = bound.operator, dict(bound.operator.attributes), ENTRIES[bound.type]
    if given.kernel is None:
        return made
    source = reads[op.inputs[0]]
    if "group" in given.attributes and int(bound.attribute("group")) > 1:
        channels, each = source[1][1] - source[1][0], bound.shape(1)[1]
        if channels % each:
            return None
        made["group"] = channels // each
    geometry = windows(bound, given.kernel(bound))
    pads = [
        _padding(window, into, of)
        for window, into, of in zip(geometry, region[2:], source[2:], strict=True)
    ]
    if min(min(pair) for pair in pads) < 0:
        return None
    made.pop("auto_pad", None)
    if made.get("ceil_mode"):  # only where the last window reaches beyond the padding
        most = [window.after for window in geometry]
        made["ceil_mode"] = int(any(pad[1] > after for pad, after in zip(pads, most, strict=True)))
        pads = [(pad[0], min(pad[1], after)) for pad, after in zip(pads, most, strict=True)]
    made["pads"] = [before for before, _ in pads] + [after for _, after in pads]
    return made


def _padding(window: SlidingWindow, made: Span, read: Span) -> Span:
    """The padding before and behind what is read for a span of what a window makes."""
    span = (window.kernel - 1) * window.dilation + 1
    before = window.before + read[0] - made[0] * window.stride
    needed = (made[1] - 1 - made[0]) * window.stride + span
    return before, needed - before - (read[1] - read[0])


def _is_same(op: Operator, narrowed: Narrowed, reach: Reach, region: Region) -> bool:
    graph = reach.graph
    tensors, constants = dict(graph.tensors), dict(graph.constants)
    for name, part in {**narrowed.reads, op.output: region}.items():
        tensors[name] = replace(graph.tensors[name], shape=shape_of(part))
    for name, part in narrowed.constants.items():
        constants[name] = constants[name][tuple(slice(*span) for span in part)]
    small = replace(graph, tensors=tensors, constants=constants)
    try:
        new = definition(narrowed.operator, small)
    except ModelError:  # its entry refuses what its attributes now say
        return False
    old, parts = reach.definition(op), {**narrowed.reads, **narrowed.constants}
    return old is not None and new is not None and is_moved(old, new, region, parts, graph)
