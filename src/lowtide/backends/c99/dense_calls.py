"""Dense layers: one output pixel, all of whose sums go over one run of inputs at a time.

y[c] = start          the weights lie as the loops run, so they pass by once, in order;
y += x w              where sums grow, a row of the input at a time
y[c] = finish(y[c])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from lowtide.backends.c99.loops import constant_element, order_of_constant
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression
from lowtide.ir.index import Index, Var, index_of, ravel
from lowtide.ir.nest import Acc, Call, Load, Read, bound_inside
from lowtide.ir.view import packed
from lowtide.layout.lay_out import Layout, Place
from lowtide.rows.task import Task


@dataclass(frozen=True)
class Dense:
    """The run of inputs of a row, its weights, and the channels that they are summed to."""

    x: Read
    w: Read
    run: tuple[Var, ...]
    channel: Var

    @property
    def length(self) -> int:
        return prod(v.extent for v in self.run)


def find_dense(task: Task, layout: Layout) -> Dense | None:
    """The dense layer that a task is, or None."""
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
    found = Dense(reads[True], reads[False], run, channels[0])
    return found if _lies_as_it_runs(found, task, layout) else None


def _lies_as_it_runs(dense: Dense, task: Task, layout: Layout) -> bool:
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
    at_weight = packed(graph.shape(weights), order_of_constant(task, dense.w)).at(dense.w.index)
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


def emit_dense(dense: Dense, task: Task, program: Program, lines: Lines) -> None:
    """Emits the body of a task for the row in its row variable, if it has one."""
    program.row_kernels["dense"] = None
    program.use_values(replace(task.nest, reductions=()))
    places, row, channel = program.plan.layout.places, task.row, dense.channel
    still = {v.name: Index() for v in (*dense.run, channel)}
    y = program.address(places[task.output], task.nest.axes)
    x = program.address(places[task.operands[dense.x.operand]], dense.x.index)
    start = expression(
        task.nest.reductions[0].start, lambda k: constant_element(task, k, program), str
    )
    with lines.block(
        f"for (int {channel.name} = 0; {channel.name} < {channel.extent}; {channel.name}++)"
    ):
        if row:
            lines.add(f"if ({row.name} == 0)\n    WRITE({y.c}, {bare(start)});")
            lines.add(f"else\n    USE_ELEMENT({y.c});")
        else:
            lines.add(f"WRITE({y.c}, {bare(start)});")
    here = f"{x.storage}, {x.row.c()}, {x.at.substitute(still).c()}"
    out = f"{y.storage}({y.row.c()}, {y.at.substitute(still).c()})"
    weight = program.weight(task.operands[dense.w.operand], order_of_constant(task, dense.w))
    first = f" + (ptrdiff_t){row.name} * {dense.length * channel.extent}" if row else ""
    lines.add(f"USE_RUN({here}, {dense.length});")
    where = here.replace(x.storage + ", ", x.storage + "(", 1) + ")"
    lines.add(f"dense({where}, {dense.length}, {weight}{first}, {channel.extent}, {out});")
    if task.nest.finish == Acc(0):
        return
    value = expression(
        task.nest.finish,
        lambda k: constant_element(task, k, program),
        lambda _: f"READ({y.c})",
    )
    if row:
        lines.add(f"if ({row.name} == {row.extent - 1})")
    lines.loop(channel.name, channel.extent)
    lines.add(f"WRITE({y.c}, {bare(value)});")
    lines.close()
