"""Tasks: operators cut into rows, with the rows that each row reads.

A task is one operator in its layout: its definition, and the output axis it steps over, the
outermost in memory. Row r of a task is everything it makes with that axis at r.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from lowtide.graph import Operator
from lowtide.index import Index, IntArray, Var, number
from lowtide.layout import Layout, Place
from lowtide.nest import Acc, Nest, Read, bound_inside, loads, walk
from lowtide.ops.definition import definition

_MOST_POINTS = 1 << 22


@dataclass(frozen=True)
class Task:
    """An operator, its definition, and the variable it steps over (None: all in one step).

    `order` lists the output's axes as they lie in memory, outermost first.
    """

    operator: Operator
    nest: Nest
    operands: tuple[str, ...]
    order: tuple[int, ...]
    row: Var | None

    @property
    def rows(self) -> int:
        return self.row.extent if self.row else 1

    @property
    def output(self) -> str:
        return self.operator.output


@dataclass(frozen=True)
class Touched:
    """Which storage rows a task touches: row `rows[k]` of `storage` in its step `steps[k]`."""

    storage: str
    steps: IntArray
    rows: IntArray


def make_tasks(layout: Layout) -> tuple[Task, ...]:
    """One task for each operator of the layout, in the graph's order."""
    return tuple(_task(op, layout) for op in layout.graph.operators)


def _task(op: Operator, layout: Layout) -> Task:
    defined = definition(op, layout.graph)
    assert defined is not None, f"{op.name} is a view"
    nest, order = defined.nest, layout.places[op.output].strided.order
    outer = [nest.axes[a] for a in order if nest.shape[a] > 1]
    row = next(iter(outer[0].variables)) if len(outer) > 1 else None
    if row is not None and not _steps(nest, row):
        row = None
    return Task(op, nest, defined.operands, order, row)


def _steps(nest: Nest, row: Var) -> bool:
    """Whether each row has reductions of its own (a softmax over rows has not: a barrier)."""
    return all(row in depends_on(nest, k) for k in range(len(nest.reductions)))


def depends_on(nest: Nest, reduction: int) -> frozenset[Var]:
    """The output variables that the result of a reduction depends on."""
    one = nest.reductions[reduction]
    found: frozenset[Var] = frozenset()
    for read in loads(one.start) | loads(one.update):
        for index in (*nest.reads[read].index, *nest.reads[read].zero):
            found |= index.variables
    for value in walk(one.update):
        if isinstance(value, Acc) and value.reduction < reduction:
            found |= depends_on(nest, value.reduction)
    return frozenset(found - set(one.loops))


def reads_of(task: Task, layout: Layout) -> list[Touched]:
    """The storage rows that each step of a task reads, constants left out."""
    found = []
    for read in task.nest.reads:
        name = task.operands[read.operand]
        if name in layout.places:
            found.append(touched(task, read, layout.places[name], layout))
    return found


def writes_of(task: Task, layout: Layout) -> Touched:
    """The storage rows that each step of a task writes."""
    read = Read(-1, task.nest.axes)
    return touched(task, read, layout.places[task.output], layout)


def touched(task: Task, read: Read, place: Place, layout: Layout) -> Touched:
    """The rows of a storage where a read (or the write) of a task falls, exactly.

    Every combination of the variables that decide the row is tried. Where there are too many, each
    step touches all rows between the first and the last it can reach.
    """
    storage = layout.storages[place.storage]
    bounded = bound_inside(read, place.strided.shape)
    row = place.strided.at(bounded.index) // storage.row_elements
    needed = set(row.variables) | ({task.row} if task.row else set())
    for variable, index in bounded.guards:
        if variable in needed:
            needed = (needed - {variable}) | index.variables
    if prod(v.extent for v in needed) > _MOST_POINTS:
        return _hull(task, row, place.storage)
    grid = _grid(needed)
    at, keep = dict(grid), np.asarray(True)
    for variable, index in bounded.guards:
        if index.variables <= needed:
            value = index.evaluate(grid)
            keep = keep & (value >= 0) & (value < variable.extent)
            at[variable.name] = np.clip(value, 0, variable.extent - 1)
    for index in read.zero:
        if index.variables <= needed:
            keep = keep & (index.evaluate(grid) == 0)
    step = grid[task.row.name] if task.row else np.zeros((), np.int64)
    rows, steps, keep = np.broadcast_arrays(row.evaluate(at), step, keep)
    pairs = np.unique(np.stack([steps[keep], rows[keep]]), axis=1)
    return Touched(place.storage, pairs[0], pairs[1])


def _hull(task: Task, row: Index, storage: str) -> Touched:
    """All rows between the least and the greatest, step by step."""
    steps, rows = [], []
    for step in range(task.rows):
        low, high = row.substitute({task.row.name: number(step)} if task.row else {}).bounds
        rows.append(np.arange(low, high + 1, dtype=np.int64))
        steps.append(np.full(high + 1 - low, step, np.int64))
    return Touched(storage, np.concatenate(steps), np.concatenate(rows))


def _grid(variables: set[Var]) -> dict[str, IntArray]:
    """All combinations of the variables, as arrays that broadcast against each other."""
    ordered = sorted(variables, key=lambda v: v.name)
    grid = {}
    for i, v in enumerate(ordered):
        shape = [-1 if k == i else 1 for k in range(len(ordered))]
        grid[v.name] = np.arange(v.extent, dtype=np.int64).reshape(shape)
    return grid
