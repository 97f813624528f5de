"""Which pieces of which storages a task touches, and in which of its steps.

A storage is looked at in cells of some elements each: its rows, or its pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from lowtide.ir.index import Index, IntArray, Var, number
from lowtide.ir.nest import Read, bound_inside
from lowtide.layout.lay_out import Layout, Place
from lowtide.rows.task import Task

_AT_ONCE, _MOST_POINTS = 1 << 21, 1 << 27


@dataclass(frozen=True)
class Touched:
    """Accesses to a storage: cell `cells[k]` is touched in step `steps[k]` of row `rows[k]`.

    The same access may be listed more than once. Of the steps of a row that touch a cell, at least
    the first and the last are listed.
    """

    storage: str
    rows: IntArray
    steps: IntArray
    cells: IntArray


Cells = Mapping[str, int]
"""Elements of a cell, by storage."""


def reads_of(task: Task, layout: Layout, cells: Cells, backward: bool = False) -> Iterator[Touched]:
    """Yields the cells that each step of a task reads; constants are left out.

    `cells` is the size of a cell in elements, by storage; `backward`: the last row and pixel first.
    """
    for read in task.nest.reads:
        name = task.operands[read.operand]
        if name in layout.places:
            yield from _touched(task, read, layout.places[name], cells, backward)


def writes_of(
    task: Task, layout: Layout, cells: Cells, backward: bool = False
) -> Iterator[Touched]:
    """Yields the cells that each step of a task writes; arguments as for `reads_of`."""
    if task.port == "out":
        return
    read = Read(-1, task.nest.axes)
    yield from _touched(task, read, layout.places[task.output], cells, backward)


def _touched(
    task: Task, read: Read, place: Place, cells: Cells, backward: bool
) -> Iterator[Touched]:
    """Where a read (or the write) of a task falls, exactly, in pieces.

    Every combination of the variables that decide the cell is tried. Where there are too many, each
    row touches all cells between the first and the last it can reach.
    """
    bounded = bound_inside(read, place.strided.shape)
    cell = place.strided.at(bounded.index) // cells[place.storage]
    deciding = set(cell.variables)
    for variable, index in bounded.guards:
        if variable in deciding:
            deciding = (deciding - {variable}) | index.variables
    step = task.step(backward)
    if prod(v.extent for v in deciding) > _MOST_POINTS:
        yield _hull(task, cell, place.storage)
        return
    values = {v: np.arange(v.extent, dtype=np.int64) for v in deciding}
    for v in step.variables - deciding:  # the step grows or falls with each of its variables
        values[v] = np.array([0, v.extent - 1])
    if task.row:
        values.setdefault(task.row, np.arange(task.row.extent, dtype=np.int64))
    if prod(len(held) for held in values.values()) > _MOST_POINTS:
        yield _hull(task, cell, place.storage)
        return
    guards = [(v, index) for v, index in bounded.guards if index.variables <= deciding]
    zeros = [index for index in read.zero if index.variables <= deciding]
    for grid in _grids(values):
        at, keep = dict(grid), np.asarray(True)
        for variable, index in guards:
            value = index.evaluate(grid)
            keep = keep & (value >= 0) & (value < variable.extent)
            at[variable.name] = np.clip(value, 0, variable.extent - 1)
        for index in zeros:
            keep = keep & (index.evaluate(grid) == 0)
        row = grid[task.row.name] if task.row else np.zeros((), np.int64)
        found = np.broadcast_arrays(row, step.evaluate(grid), cell.evaluate(at), keep)
        if keep.all():
            yield Touched(place.storage, *(one.ravel() for one in found[:3]))
        else:
            yield Touched(place.storage, *(one[found[3]] for one in found[:3]))


def _hull(task: Task, cell: Index, storage: str) -> Touched:
    """All cells between the least and the greatest, row by row, in its first and last step."""
    rows, cells = [], []
    for row in range(task.rows):
        low, high = cell.substitute({task.row.name: number(row)} if task.row else {}).bounds
        cells.append(np.arange(low, high + 1, dtype=np.int64))
        rows.append(np.full(high + 1 - low, row, np.int64))
    row_, cell_ = np.concatenate(rows), np.concatenate(cells)
    steps = np.repeat([0, task.steps - 1], len(row_))
    return Touched(storage, np.tile(row_, 2), steps, np.tile(cell_, 2))


def _grids(values: Mapping[Var, IntArray]) -> Iterator[dict[str, IntArray]]:
    """All combinations, in pieces that fit into a cache, as arrays that broadcast."""
    total = prod(len(held) for held in values.values())
    if total > _AT_ONCE:
        most = max(values, key=lambda v: (len(values[v]), v.name))
        length = max(1, _AT_ONCE * len(values[most]) // total)
        for first in range(0, len(values[most]), length):
            yield from _grids({**values, most: values[most][first : first + length]})
        return
    ordered = sorted(values, key=lambda v: v.name)
    yield {
        v.name: values[v].reshape([-1 if k == i else 1 for k in range(len(ordered))])
        for i, v in enumerate(ordered)
    }
