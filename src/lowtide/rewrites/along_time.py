"""How an operator goes along time: which rows of its inputs a row of its output reads.

Conv 3, stride 2, pads 1 1       row i reads rows 2i - 1 .. 2i + 1
Add                              row i reads row i of both
MatMul on [1, T, 8]              row i reads row i
GlobalAveragePool                reads all of time: None

Padding along time is dropped: rows are counted as in the file, and those that read padding there
are no longer told from others. Convolutions and pools say how they go by their windows, slices and
pads by what they cut; of all else the definition is looked at, on a tensor of `TRIED` rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lowtide.errors import ModelError
from lowtide.ir.graph import Graph, Operator, Shape
from lowtide.ir.index import Index
from lowtide.ir.meaning import Join, Views
from lowtide.ir.nest import Nest, axes_of
from lowtide.ir.value import FromIndex, FromTable, walk
from lowtide.ir.view import Slice
from lowtide.ops import ENTRIES, bind, meaning
from lowtide.ops.conv import cut_before
from lowtide.ops.definition import definition
from lowtide.ops.entry import Bound, ints
from lowtide.ops.window import windows

TRIED = 5
"""Rows of the tensor on which an operator is tried."""


@dataclass(frozen=True)
class Along:
    """Row i of axis `axis` of the outputs reads rows (i + first) / up .. (i + last) / up of the
    inputs, or, with up 1, i * down + first .. i * down + last.

    `operator` is the operator without padding along time, of which there were `padding` rows.
    """

    operator: Operator
    axis: int
    down: int = 1
    up: int = 1
    first: int = 0
    last: int = 0
    padding: int = 0


def along(op: Operator, graph: Graph, axes: Mapping[str, int]) -> Along | None:
    """How an operator goes along time; None where a row needs all of time, or what cannot be said.

    `axes` has the axis of time of each tensor that has one; of those the operator reads some.
    """
    found = _along(op, graph, axes)
    return found if found is None or _same_for_all_rows(op, graph, found.axis) else None


def _same_for_all_rows(op: Operator, graph: Graph, axis: int) -> bool:
    """Whether what is fused onto an operator has the same constants for every row."""
    rank = len(graph.shape(op.output))
    shapes = (graph.shape(name) for one in op.epilogue for name in one.inputs if name)
    return all(((1,) * (rank - len(shape)) + shape)[axis] == 1 for shape in shapes)


def _along(op: Operator, graph: Graph, axes: Mapping[str, int]) -> Along | None:
    given, read = ENTRIES[op.type], [name for name in op.inputs if name in axes]
    axis = axes[read[0]]
    if read == [op.inputs[0]]:
        if given.kernel is not None and axis >= 2:
            return _window(bind(op, graph), axis)
        if "output_padding" in given.attributes and axis >= 2:
            return _transposed(bind(op, graph), axis)
        if "pads" in given.parameters and (padded := _padded(bind(op, graph), axis)):
            return padded
        held = meaning(op, graph)
        view = held.chains[0][0] if isinstance(held, Views) and held.chains[0] else None
        if isinstance(view, Slice) and view.to[axis] != graph.shape(read[0])[axis]:
            return _slice(op, view, axis) if isinstance(held, Views) else None
    tried = (a for a in _candidates(op, graph, read[0], axis) if _row_by_row(op, graph, axes, a))
    return next((Along(op, a) for a in tried), None)


def _window(op: Bound, axis: int) -> Along | None:
    """A convolution or a pool; a pool of all rows at once is none."""
    kernel = ENTRIES[op.type].kernel
    assert kernel is not None
    geometry = windows(op, kernel(op))
    one = geometry[axis - 2]
    if takes_all(op.operator, op.shape(0)[axis], axis) and not (one.before or one.after):
        return None
    pads = [(w.before, w.after) for w in geometry]
    pads[axis - 2] = 0, 0
    attributes = {k: v for k, v in op.operator.attributes.items() if k != "auto_pad"}
    attributes["pads"] = [before for before, _ in pads] + [after for _, after in pads]
    operator = replace(op.operator, attributes=attributes)
    last = (one.kernel - 1) * one.dilation - one.before
    padding = max(one.before, 0) + max(one.after, 0)
    return Along(operator, axis, one.stride, 1, -one.before, last, padding)


def takes_all(op: Operator, rows: int, axis: int) -> bool:
    """Whether an operator is a pool whose kernel is as long as there are rows."""
    kernel = op.attributes.get("kernel_shape")
    pool = ENTRIES[op.type].kernel is not None and not any(op.inputs[1:])
    return pool and kernel is not None and axis >= 2 and kernel[axis - 2] == rows


def _transposed(op: Bound, axis: int) -> Along:
    """A transposed convolution: its padding cut rows off, and now cuts off the unfinished ones."""
    kernel = op.shape(1)[2:]
    rank, a = len(kernel), axis - 2
    strides = ints(op.attribute("strides") or [1] * rank)
    dilations = ints(op.attribute("dilations") or [1] * rank)
    extra = [*ints(op.attribute("output_padding") or [0] * rank)]
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    full = [strides[b] * (op.shape(0)[2 + b] - 1) + extra[b] + spans[b] for b in range(rank)]
    cuts = [cut_before(op, b, full[b], op.shape(0)[2 + b] * strides[b]) for b in range(rank)]
    behind = [full[b] - cuts[b] - op.out[2 + b] for b in range(rank)]
    before, reach, step = cuts[a], spans[a] - 1, strides[a]
    cuts[a], behind[a] = reach // step * step, max(spans[a] - step, 0)
    extra[a] = max(step - spans[a], 0)
    attributes = {
        k: v for k, v in op.operator.attributes.items() if k not in ("auto_pad", "output_shape")
    }
    attributes |= {"pads": [*cuts, *behind], "output_padding": extra}
    operator = replace(op.operator, attributes=attributes)
    return Along(operator, axis, 1, step, before - reach, before, before)


def _padded(op: Bound, axis: int) -> Along | None:
    """Padding with a constant: rows along time are counted on, and the rest stays."""
    rank, pads = len(op.out), ints(op.parameter("pads"))
    over = [int(a) % rank for a in op.parameter("axes", range(rank))]
    at = dict(zip(over, zip(pads[: len(over)], pads[len(over) :], strict=True), strict=True))
    before, after = at.get(axis, (0, 0))
    if not before and not after:
        return None
    if op.attribute("mode") != "constant":
        return None
    at[axis] = 0, 0
    attributes: dict[str, Any] = {"mode": "constant", "value": op.parameter("value", 0.0)}
    attributes["pads"] = [at.get(a, (0, 0))[k] for k in range(2) for a in range(rank)]
    operator = replace(op.operator, inputs=op.operator.inputs[:1], attributes=attributes)
    return Along(operator, axis, 1, 1, -before, -before, max(before, 0) + max(after, 0))


def _slice(op: Operator, view: Slice, axis: int) -> Along | None:
    """Rows cut off in front are passed over, rows behind come as all others do.

    One row of all is not one of many; nor are rows backwards, or in several outputs.
    """
    if view.steps[axis] < 1 or view.to[axis] == 1 or "starts" not in ENTRIES[op.type].parameters:
        return None
    start, step = view.starts[axis], view.steps[axis]
    others = [a for a in range(len(view.to)) if a != axis]
    attributes = {
        "axes": [*others, axis],
        "starts": [view.starts[a] for a in others] + [0],
        "ends": [_end(view, a) for a in others] + [2**31 - 1],
        "steps": [view.steps[a] for a in others] + [step],
    }
    operator = replace(op, inputs=op.inputs[:1], attributes=attributes)
    return Along(operator, axis, step, 1, start, start)


def _end(view: Slice, axis: int) -> int:
    """Behind the last place that a slice takes; one that goes to the front says so from behind."""
    end = view.starts[axis] + view.steps[axis] * view.to[axis]
    return end if end >= 0 else -(2**31)


def _candidates(op: Operator, graph: Graph, source: str, axis: int) -> list[int]:
    """Axes of the output along which time may go on: the same one first."""
    given, made = graph.shape(source), graph.shape(op.output)
    long = [a for a, extent in enumerate(made) if extent == given[axis]]
    return sorted(long, key=lambda a: (a != axis, a))


def _row_by_row(op: Operator, graph: Graph, axes: Mapping[str, int], axis: int) -> bool:
    """Whether row i of `axis` of the outputs reads row i of the inputs, as every other row does."""
    tensors = dict(graph.tensors)
    for name, along_axis in [*((n, axes[n]) for n in op.inputs if n in axes),
                             *((n, axis) for n in op.outputs)]:  # fmt: skip
        if along_axis >= len(graph.shape(name)):
            return False
        tensors[name] = replace(tensors[name], shape=resized(graph.shape(name), along_axis, TRIED))
    tried = replace(graph, tensors=tensors)
    try:
        held = meaning(op, tried)
    except ModelError:
        return False
    if isinstance(held, Join):
        return held.axis != axis and all(name in axes for name in op.inputs)
    if isinstance(held, Views):
        chains = zip(op.outputs, held.chains, strict=True)
        return all(_view_goes(tried, op.inputs[0], axes, n, c, axis) for n, c in chains)
    defined = definition(op, tried)
    assert defined is not None
    return _nest_goes(defined.nest, defined.operands, axes, axis)


def _view_goes(
    graph: Graph, source: str, axes: Mapping[str, int], name: str, chain: tuple[Any, ...], axis: int
) -> bool:
    shapes = [graph.shape(source)]
    for view in chain:
        shapes.append(view.shape(shapes[-1]))
    mine = axes_of(graph.shape(name))
    index: tuple[Index, ...] = mine
    for view, shape in zip(reversed(chain), reversed(shapes[:-1]), strict=True):
        index = view.index(index, shape)
    return _reads_row(index, axes[source], mine[axis])


def _nest_goes(nest: Nest, operands: tuple[str, ...], axes: Mapping[str, int], axis: int) -> bool:
    row = nest.axes[axis]
    for read in nest.reads:
        name = operands[read.operand]
        if name in axes and not _reads_row(read.index, axes[name], row):
            return False
        if name not in axes and any(one.variables & row.variables for one in read.index):
            return False
        if any(zero.variables & row.variables for zero in read.zero):
            return False
    values = (part for value in nest.values for part in walk(value))
    return not any(
        isinstance(v, FromIndex | FromTable) and v.index.variables & row.variables for v in values
    )


def _reads_row(index: tuple[Index, ...], along_axis: int, row: Index) -> bool:
    others = (one for a, one in enumerate(index) if a != along_axis)
    return index[along_axis] == row and not any(one.variables & row.variables for one in others)


def resized(shape: Shape, axis: int, rows: int) -> Shape:
    """A shape with another extent of one axis."""
    return (*shape[:axis], rows, *shape[axis + 1 :])
