"""In which order the axes of each tensor would best lie in memory."""

from __future__ import annotations

from collections.abc import Mapping

from lowtide.ir.graph import Graph, Operator
from lowtide.ir.view import Strided, contiguous
from lowtide.ops import ENTRIES, Meaning, Views

Axes = tuple[int, ...]


def channels_last(rank: int) -> Axes:
    """The order (n, spatial axes, c)."""
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


def io_order(graph: Graph, name: str, io_layout: str) -> Axes:
    """The order of axes in which the caller hands over an input or takes an output."""
    rank = len(graph.shape(name))
    last = name in graph.tensors and graph.tensors[name].channels_last
    if rank != 4 or (io_layout == "nhwc") == last:
        return tuple(range(rank))
    return (0, 3, 1, 2) if last else channels_last(rank)


def preferred_orders(
    graph: Graph, meanings: Mapping[str, Meaning], io_layout: str
) -> dict[str, Axes]:
    """For each tensor the order of axes, outermost first, that its operator's entry prefers.

    `meanings` is keyed by an operator's first output. Joins and views may still overrule it.
    """
    orders: dict[str, Axes] = {}
    for name in graph.inputs:
        orders[name] = _input_order(graph, name, io_layout)
    for op in graph.operators:
        for k, name in enumerate(op.outputs):
            orders[name] = _made_order(graph, op, k, meanings[op.output], orders)
    return orders


def _input_order(graph: Graph, name: str, io_layout: str) -> Axes:
    shape = graph.shape(name)
    readers = graph.readers[name]
    if any(name == state.input for state in graph.states):
        return io_order(graph, name, io_layout)  # as the output lies that it was
    if len(shape) == 3 and any(ENTRIES[r.type].order == "channels_last" for r in readers):
        return channels_last(3)
    return io_order(graph, name, io_layout)


def _made_order(
    graph: Graph, op: Operator, output: int, held: Meaning, orders: Mapping[str, Axes]
) -> Axes:
    shape = graph.shape(op.outputs[output])
    source = next((name for name in op.read if name in orders), None)
    wish = ENTRIES[op.type].order
    if isinstance(held, Views) and source is not None:
        strided: Strided | None = contiguous(graph.shape(source), orders[source])
        for view in held.chains[output]:
            strided = view.strides(strided) if strided else None
        if strided:
            return strided.order
    elif wish == "channels_last":
        return channels_last(len(shape))
    elif wish == "row_major":
        return tuple(range(len(shape)))
    elif source is not None and len(graph.shape(source)) == len(shape):
        return orders[source]
    return channels_last(4) if len(shape) == 4 else tuple(range(len(shape)))
