"""Tasks: operators cut into rows and steps.

A task is one operator in its layout: its definition, and the output axis it goes over, the
outermost in memory. Row r of a task is everything it makes with that axis at r; a row is made in
one step, or in several of some pixels each (`Grain`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Literal

from lowtide.ir.graph import Operator
from lowtide.ir.index import Index, Var, index_of, ravel
from lowtide.ir.nest import Nest, Read, axes_of
from lowtide.ir.value import Acc, FromIndex, FromTable, Load, Number, loads, walk
from lowtide.layout.lay_out import Layout
from lowtide.ops.definition import Definition, definition


@dataclass(frozen=True)
class Grain:
    """The step in which a row is made: `pixels` of it (0: all) and `channels` of each (0: all).

    An atomic step reads all its inputs before it writes anything; any other may do so in any
    order. Only the output of an atomic step may lie on inputs that it reads for the last time.
    """

    pixels: int = 0
    channels: int = 0
    atomic: bool = False

    @property
    def ticks(self) -> int:
        """Moments of a step: two if it reads first and writes then, else one."""
        return 2 if self.atomic else 1


ROW, PIXEL = Grain(), Grain(pixels=1, atomic=True)


@dataclass(frozen=True)
class Task:
    """An operator, its nest, and the loop variable `row` that counts its rows (None: one row).

    `operands` names what the nest reads. `order` lists the output's axes as they lie in memory,
    outermost first. A task that `accumulates` counts the rows of its input: each is added to all
    of the output. A task with a `port` computes nothing: the caller hands in a row of an input, or
    takes a row of an output.
    """

    operator: Operator
    nest: Nest
    operands: tuple[str, ...]
    order: tuple[int, ...]
    row: Var | None
    grain: Grain = ROW
    accumulates: bool = False
    port: Literal["", "in", "out"] = ""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.row.extent if self.row else 1

    @property
    def output(self) -> str:
        """The tensor that it makes."""
        return self.operator.output

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The operands that its definition reads, each once."""
        return tuple(dict.fromkeys(self.operands[read.operand] for read in self.nest.reads))

    @property
    def begins_with(self) -> tuple[str, ...]:
        """The operands that its reductions begin with: a bias, or sums to go on from."""
        starts = {read for one in self.nest.reductions for read in loads(one.start)}
        return tuple(self.operands[self.nest.reads[read].operand] for read in sorted(starts))

    @property
    def inside(self) -> tuple[Var, ...]:
        """The loop variables within a row, outermost in memory first; none for axes of extent 1."""
        axes = (v for a in self.order for v in self.nest.axes[a].variables)
        return tuple(v for v in axes if v != self.row)

    @property
    def pixels(self) -> tuple[Var, ...]:
        """Those of `inside` that count the pixels of a row; the others count channels.

        In an image in planes (NCHW) every element is a pixel.
        """
        planes = len(self.nest.shape) == 4 and (self.nest.shape[1] == 1 or self.order[-1] != 1)
        return self.inside if planes else self.inside[:-1]

    @property
    def channels(self) -> int:
        """How many elements a pixel has."""
        return prod(v.extent for v in self.inside[len(self.pixels) :])

    @property
    def steps(self) -> int:
        """How many steps a row takes."""
        pixels, grain = prod(v.extent for v in self.pixels), self.grain
        return -(-pixels // grain.pixels) * self._tiles if grain.pixels else 1

    @property
    def ticks(self) -> int:
        """How many moments a row takes."""
        return self.steps * self.grain.ticks

    @property
    def _tiles(self) -> int:
        return -(-self.channels // self.grain.channels) if self.grain.channels else 1

    def step(self, backward: bool) -> Index:
        """The number of the step, within a row, that makes an element; an expression of `inside`.

        8 pixels, 3 a step          0 0 0 1 1 1 2 2     backward: 2 2 1 1 1 0 0 0
        """
        if not self.grain.pixels:
            return Index()
        place, extent = index_of(self.inside[-1]) if self.inside else Index(), self.channels
        pixel = ravel([index_of(v) for v in self.pixels], [v.extent for v in self.pixels])
        if backward:
            pixel = pixel * -1 + (prod(v.extent for v in self.pixels) - 1)
            place = place * -1 + (extent - 1)
        step = pixel // self.grain.pixels
        if self._tiles == 1:
            return step
        return step * self._tiles + place // self.grain.channels

    def cut(self, grain: Grain) -> Task:
        """The task in steps of `grain`; unchanged where it cannot be made pixel by pixel."""
        if (
            self.row is None
            or self.accumulates
            or self.port
            or not all(
                set(self.pixels) <= depends_on(self.nest, k)
                for k in range(len(self.nest.reductions))
            )
        ):
            return self
        return replace(self, grain=grain)


def make_tasks(layout: Layout, known: Sequence[Task] = ()) -> tuple[Task, ...]:
    """One task for each operator of the layout, in the graph's order.

    Tasks that are `known` tell the definitions of operators that another layout has as well.
    """
    held = {task.output: task for task in known if not task.port}
    return tuple(_task(op, layout, held.get(op.output)) for op in layout.graph.operators)


def in_rows(tasks: Sequence[Task], layout: Layout) -> tuple[Task, ...]:
    """The tasks in steps of rows; those without rows of their own go over their input's."""
    return tuple(_accumulating(task.cut(ROW), layout) for task in tasks)


def port_task(layout: Layout, tensor: str, port: Literal["in", "out"]) -> Task:
    """The task of the caller, who hands in rows of an input or takes rows of an output."""
    shape, order = layout.graph.shape(tensor), layout.places[tensor].strided.order
    axes = axes_of(shape)
    nest = Nest(shape, axes, (), (), Number(0.0))
    if port == "out":
        nest = Nest(shape, axes, (Read(0, axes),), (), Load(0))
    operator = Operator(tensor, "Input" if port == "in" else "Output", (tensor,), (tensor,))
    return Task(operator, nest, (tensor,), order, _outermost(nest, order), port=port)


def _outermost(nest: Nest, order: Sequence[int]) -> Var | None:
    """The output's variable that is outermost in memory, if it is not the only one."""
    outer = [nest.axes[a] for a in order if nest.shape[a] > 1]
    return next(iter(outer[0].variables)) if len(outer) > 1 else None


def _accumulating(task: Task, layout: Layout) -> Task:
    """The task going over the outermost loop of its one reduction, if that goes over rows.

    Every element of the output has a sum of its own, in its place until it is done. The elements
    of a normalisation share one: it makes nothing until all of its input is there.
    """
    outer = task.nest.within(None)
    if task.row is not None or len(outer) != 1:
        return task
    if not {v for axis in task.nest.axes for v in axis.variables} <= depends_on(
        task.nest, outer[0]
    ):
        return task
    loop = next((v for v in task.nest.reductions[outer[0]].loops if v.extent > 1), None)
    if loop is None or not any(_goes_over(loop, task, read, layout) for read in task.nest.reads):
        return task
    return replace(task, row=loop, accumulates=True)


def _goes_over(loop: Var, task: Task, read: Read, layout: Layout) -> bool:
    """Whether a read goes from row to row of a storage with `loop`."""
    place = layout.places.get(task.operands[read.operand])
    if place is None:
        return False
    row = place.strided.at(read.index) // layout.storages[place.storage].row_elements
    return loop in row.variables


def _task(op: Operator, layout: Layout, known: Task | None) -> Task:
    defined: Task | Definition | None = known
    if known is None or known.operator is not op:
        defined = definition(op, layout.graph)
    assert defined is not None, f"{op.name} is a view"
    nest, order = defined.nest, layout.places[op.output].strided.order
    row = _outermost(nest, order)
    if row is not None and not _steps(nest, row):
        row = None
    return Task(op, nest, defined.operands, order, row)


def _steps(nest: Nest, row: Var) -> bool:
    """Whether each row has reductions of its own (a softmax over rows has not: a barrier)."""
    return all(row in depends_on(nest, k) for k in range(len(nest.reductions)))


def depends_on(nest: Nest, reduction: int) -> frozenset[Var]:
    """The output's loop variables that the result of a reduction depends on."""
    one = nest.reductions[reduction]
    found: frozenset[Var] = frozenset()
    for read in loads(one.start) | loads(one.update):
        for index in (*nest.reads[read].index, *nest.reads[read].zero):
            found |= index.variables
    for value in (*walk(one.start), *walk(one.update)):
        if isinstance(value, FromIndex | FromTable):
            found |= value.index.variables
        if isinstance(value, Acc) and value.reduction < reduction:
            found |= depends_on(nest, value.reduction)
    return frozenset(found - set(one.loops))
