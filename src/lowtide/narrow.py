"""An operator that makes only a region of what it made, from regions of what it read.

    Conv 3x3, pads 1 1 1 1, makes [1,8,16,16]
    rows 0..7    ->    Conv 3x3, pads 1 1 0 1, on rows 0..8
    rows 8..15   ->    Conv 3x3, pads 0 1 1 1, on rows 7..15

What changes are padding, the size of groups and slices of constants. Whether the narrowed operator
is the old one's definition, element for element, is not believed but compared: its entry is asked
for its nest, and every index in it has to be the old one's, moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lowtide.errors import ModelError
from lowtide.graph import Graph, Operator, Tensor
from lowtide.index import Index, IntArray, Var
from lowtide.nest import FromIndex, Nest, Value, walk
from lowtide.ops import Join, Views, meaning
from lowtide.ops.definition import Definition, definition
from lowtide.ops.entry import bind, ints
from lowtide.ops.window import windows
from lowtide.reach import Reach, ranges_of
from lowtide.region import Region, Span, shape_of, whole


@dataclass(frozen=True)
class Narrowed:
    """The operator for a region; it reads `reads` of its activations, `constants` of the others.

    Inputs keep their names; what they stand for is a tensor of just that region.
    """

    operator: Operator
    reads: Mapping[str, Region]
    constants: Mapping[str, Region]


def narrow(op: Operator, reach: Reach, region: Region) -> Narrowed | None:
    """The operator that makes `region` alone, or None where its attributes cannot say that."""
    graph = reach.graph
    if region == whole(graph.shape(op.output)):
        constants = {n: whole(graph.shape(n)) for n in _constants(op, graph)}
        return Narrowed(op, reach.reads(op, region), constants)
    held = meaning(op, graph)
    if isinstance(held, Views) or len(op.outputs) > 1:
        return None
    reads = reach.reads(op, region)
    if isinstance(held, Join):
        inputs = tuple(name for name in op.inputs if name in reads)
        if len(set(op.inputs)) < len(op.inputs) and region[held.axis] != (0, _extent(op, held, graph)):
            return None  # one tensor twice in a join: its two places have one name
        return Narrowed(replace(op, inputs=inputs), reads, {})
    parts = reach.constants(op, region)
    constants = {name: parts.get(name, whole(graph.shape(name))) for name in _constants(op, graph)}
    changed = _attributes(op, graph, region, reads)
    if changed is None:
        return None
    narrowed = Narrowed(changed, reads, constants)
    return narrowed if _is_same(op, narrowed, graph, region) else None


def can_cut(op: Operator, reach: Reach, axis: int) -> bool:
    """Whether an operator can make its output in pieces along an axis (tried on two and three)."""
    shape = reach.graph.shape(op.output)
    if axis >= len(shape) or shape[axis] < 2:
        return False
    ends = sorted({0, 1, shape[axis] // 2, shape[axis] - 1, shape[axis]})
    box = whole(shape)
    cuts = (((*box[:axis], span, *box[axis + 1 :])) for span in zip(ends, ends[1:], strict=False))
    return all(narrow(op, reach, cut) is not None for cut in cuts)


def _extent(op: Operator, held: Join, graph: Graph) -> int:
    return graph.shape(op.output)[held.axis]


def _constants(op: Operator, graph: Graph) -> tuple[str, ...]:
    """The constants of an operator and of those fused onto it, each once."""
    names = [n for one in (op, *op.epilogue) for n in one.inputs if n in graph.constants]
    return tuple(dict.fromkeys(names))


def _attributes(
    op: Operator, graph: Graph, region: Region, reads: Mapping[str, Region]
) -> Operator | None:
    """The operator with the padding and groups of a region; None where padding cannot be written."""
    bound = bind(op, graph)
    attributes, source = dict(op.attributes), reads[op.inputs[0]]
    weights = bound.shape(1) if op.type in ("Conv", "ConvTranspose") else None
    if weights is not None and int(bound.attribute("group")) > 1:
        each = weights[1] if op.type == "Conv" else weights[0] // int(bound.attribute("group"))
        channels = source[1][1] - source[1][0]
        if channels % each:
            return None
        attributes["group"] = channels // each
    if op.type == "ConvTranspose":
        return None  # not done yet
    if op.type in ("Conv", "MaxPool", "AveragePool"):
        kernel = weights[2:] if weights else ints(bound.attribute("kernel_shape"))
        before, after, spare = [], [], False
        for a, window in enumerate(windows(bound, kernel)):
            (low, high), (first, end) = region[2 + a], source[2 + a]
            front = window.before + first - low * window.stride
            span = (window.kernel - 1) * window.dilation + 1
            behind = (high - 1 - low) * window.stride + span - front - (end - first)
            if front < 0 or behind < 0:
                return None
            if behind > window.after and attributes.get("ceil_mode"):
                behind, spare = window.after, True
            before.append(front)
            after.append(behind)
        attributes.pop("auto_pad", None)
        attributes["pads"] = before + after
        if "ceil_mode" in attributes:
            attributes["ceil_mode"] = int(spare)
    return replace(op, attributes=attributes)


# The narrowed operator's definition against the old one's.


def _is_same(op: Operator, narrowed: Narrowed, graph: Graph, region: Region) -> bool:
    small = _small_graph(op, narrowed, graph, region)
    try:
        new = definition(narrowed.operator, small)
    except ModelError:
        return False
    old = definition(op, graph)
    if old is None or new is None or old.operands != new.operands:
        return False
    if new.nest.shape != shape_of(region) or len(old.nest.reads) != len(new.nest.reads):
        return False
    moved = ranges_of(old.nest, region)
    return (
        _same_reads(old, new, moved, {**narrowed.reads, **narrowed.constants}, graph)
        and _same_values(old.nest, new.nest, moved)
        and all(a.inside == b.inside and len(a.loops) == len(b.loops)
                for a, b in zip(old.nest.reductions, new.nest.reductions, strict=True))
    )  # fmt: skip


def _small_graph(op: Operator, narrowed: Narrowed, graph: Graph, region: Region) -> Graph:
    """The graph in which the operator's tensors are just the regions it is about."""
    tensors = dict(graph.tensors)
    for name, part in {**narrowed.reads, op.output: region}.items():
        tensors[name] = Tensor(name, shape_of(part), graph.tensors[name].dtype)
    constants = dict(graph.constants)
    for name, part in narrowed.constants.items():
        constants[name] = constants[name][tuple(slice(*span) for span in part)]
    return replace(graph, tensors=tensors, constants=constants)


def _same_reads(
    old: Definition,
    new: Definition,
    moved: Mapping[str, Span],
    parts: Mapping[str, Region],
    graph: Graph,
) -> bool:
    """Whether each read finds the same element, or padding in both."""
    for a, b in zip(old.nest.reads, new.nest.reads, strict=True):
        if a.operand != b.operand or len(a.zero) != len(b.zero):
            return False
        name = old.operands[a.operand]
        pairs = list(zip(a.zero, b.zero, (0,) * len(a.zero), (None,) * len(a.zero), strict=True))
        shape, part = graph.shape(name), parts[name]
        pairs += list(zip(a.index, b.index, [s[0] for s in part], zip(shape, part), strict=True))  # type: ignore[arg-type]
        for x, y, offset, extents in pairs:
            one, other = _values(x, y, moved)
            if not np.array_equal(one, other + offset):
                return False
            if extents is not None:
                size, (first, end) = extents  # type: ignore[misc]
                there = (one >= 0) & (one < size)
                if not np.array_equal(there, (one >= first) & (one < end)):
                    return False
    return True


def _same_values(old: Nest, new: Nest, moved: Mapping[str, Span]) -> bool:
    """Whether the arithmetic is the same, functions of the position included."""
    roots = [(old.finish, new.finish)]
    for a, b in zip(old.reductions, new.reductions, strict=True):
        roots += [(a.start, b.start), (a.update, b.update)]
    return all(_same_value(x, y, moved) for x, y in roots)


def _same_value(old: Value, new: Value, moved: Mapping[str, Span]) -> bool:
    pairs = list(zip(walk(old), walk(new), strict=False))
    if len(list(walk(old))) != len(list(walk(new))):
        return False
    for a, b in pairs:
        if isinstance(a, FromIndex) and isinstance(b, FromIndex):
            one, other = _values(a.index, b.index, moved)
            if not np.array_equal(one, other):
                return False
        elif type(a) is not type(b) or (a != b and not hasattr(a, "arguments")):
            return False
        elif getattr(a, "function", None) != getattr(b, "function", None):
            return False
    return True


def _values(old: Index, new: Index, moved: Mapping[str, Span]) -> tuple[IntArray, IntArray]:
    """Both expressions at all values of their variables; the old one's at its place in the whole."""
    variables: dict[str, Var] = {v.name: v for v in (*new.variables, *old.variables)}
    names = sorted(variables)
    at_old: dict[str, IntArray] = {}
    at_new: dict[str, IntArray] = {}
    for k, name in enumerate(names):
        first, end = moved.get(name, (0, variables[name].extent))
        values = np.arange(end - first, dtype=np.int64)
        values = values.reshape([-1 if j == k else 1 for j in range(len(names))])
        at_new[name], at_old[name] = values, values + first
    one, other = old.evaluate(at_old), new.evaluate(at_new)
    return np.broadcast_arrays(one, other)  # type: ignore[return-value]
