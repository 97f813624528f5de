"""The kernel of dense layers: all sums of one output pixel go over one run of inputs at a time.

y[c] = start          the weights lie as the loops run, so they pass by once, in order;
y += x w              where sums grow, a row of the input at a time
y[c] = finish(y[c])
"""

from __future__ import annotations

from lowtide.ir.index import Index, index_of, ravel
from lowtide.ir.nest import bound_inside
from lowtide.ir.value import Acc, Call, Load
from lowtide.ir.view import contiguous
from lowtide.kernels.calls import RunCall
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.packing import InOrder
from lowtide.kernels.patterns import order_of_constant
from lowtide.layout.lay_out import Layout, Place
from lowtide.rows.task import ROW, Task


def _match(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    nest = task.nest
    if len(nest.reductions) != 1 or task.port or (task.row and not task.accumulates):
        return None
    (reduction,), made = nest.reductions, [v for axis in nest.axes for v in axis.variables]
    update, channels = reduction.update, [v for v in made if v.extent > 1]
    if len(channels) != 1 or not isinstance(update, Call) or update.function != "add":
        return None
    product = update.arguments[1]
    if update.arguments[0] != Acc(0) or not isinstance(product, Call) or product.function != "mul":
        return None
    loads = [nest.reads[a.read] for a in product.arguments if isinstance(a, Load)]
    reads = {task.operands[read.operand] in layout.places: read for read in loads}
    if len(loads) != 2 or set(reads) != {True, False}:
        return None
    run = tuple(v for v in reduction.loops if v.extent > 1 and v != task.row)
    found = RunCall(reads[True], reads[False], run, channels[0])
    order = order_of_constant(task, found.w)
    if not _lies_as_it_runs(found, order, task, layout):
        return None
    return Use(kernel, found, ROW, (InOrder(task.operands[found.w.operand], order),))


def _lies_as_it_runs(dense: RunCall, order: tuple[int, ...], task: Task, layout: Layout) -> bool:
    """Whether inputs, weights and outputs each lie side by side in the order of the loops."""
    name, weights = task.operands[dense.x.operand], task.operands[dense.w.operand]
    graph, channel = layout.graph, index_of(dense.channel)
    if weights in graph.packed or dense.x.zero or dense.w.zero:
        return False
    if bound_inside(dense.x, graph.shape(name)).guards:
        return False
    run = ravel([index_of(v) for v in dense.run], [v.extent for v in dense.run])
    row = index_of(task.row) if task.row else Index()
    inputs, at_input = _split(layout.places[name], dense.x.index, layout)
    outputs, at_output = _split(layout.places[task.output], task.nest.axes, layout)
    at_weight = contiguous(graph.shape(weights), list(order)).at(dense.w.index)
    length = dense.length * dense.channel.extent
    return (
        inputs == row
        and not (at_input - run).variables
        and not outputs.variables
        and not (at_output - channel).variables
        and at_weight == row * length + run * dense.channel.extent + channel
    )


def _split(place: Place, index: tuple[Index, ...], layout: Layout) -> tuple[Index, Index]:
    linear, row = place.strided.at(index), layout.storages[place.storage].row_elements
    return linear // row, linear % row


DENSE = (Kernel("dense", ("vectors.h", "dense.c"), _match),)
