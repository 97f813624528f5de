"""A network as rows: steps that make one row of a task each, and the rows of storages they touch.

Steps are numbered through the tasks in a given order, rows of storages ("cells") through all
storages. Lists of lists are one flat array and where each list begins:

    step            0        1      2             reads.at     reads.values
    reads cells     3 4      4 5    -             0 2 4 4      3 4 4 5
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Layout
from lowtide.rows.accesses import Touched, reads_of, writes_of
from lowtide.rows.liveness import Life
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task


@dataclass(frozen=True, eq=False)
class Lists:
    """Many lists in one array: list k is values[at[k]:at[k + 1]]."""

    at: IntArray
    values: IntArray

    def between(self, first: int, end: int) -> tuple[IntArray, IntArray]:
        """The values of lists first to end - 1, and for each value the number of its list."""
        lengths = np.diff(self.at[first : end + 1])
        return np.repeat(np.arange(first, end), lengths), self.values[self.at[first] : self.at[end]]

    def lists(self) -> list[list[int]]:
        """All lists as lists."""
        values, at = self.values.tolist(), self.at.tolist()
        return [values[a:b] for a, b in zip(at, at[1:], strict=False)]


def _lists(keys: IntArray, values: IntArray, count: int) -> Lists:
    """Values by key, each pair once, sorted."""
    order = np.lexsort((values, keys))
    keys, values = keys[order], values[order]
    if len(keys):
        new = np.append(True, (np.diff(keys) != 0) | (np.diff(values) != 0))
        keys, values = keys[new], values[new]
    return Lists(np.searchsorted(keys, np.arange(count + 1)).astype(np.int64), values)


@dataclass(frozen=True, eq=False)
class RowGraph:
    """A network as rows: the steps of `tasks`, in order, and the cells that each reads and writes.

    `first[k]` is the step of task k's row 0. A cell is a row of a storage: `names` are the
    storages, `base` the first cell of each, `storage` gives the number of each cell's storage and
    `sizes` its bytes. `made` and `last` are the positions of the tasks that touch a cell first and
    last (-1: an input that is there from the start; len(tasks): a result that stays;
    `made` > `last`: never used). `sources[k]` are the positions of the tasks that make what task k
    reads: where several tasks write one row, each its own channels, task k may need only some.
    `scratch` has the storages of what tasks keep during a step, by the positions of the tasks.
    """

    tasks: tuple[Task, ...]
    first: IntArray
    names: tuple[str, ...]
    base: IntArray
    storage: IntArray
    sizes: IntArray
    reads: Lists
    writes: Lists
    made: IntArray
    last: IntArray
    sources: tuple[frozenset[int], ...]
    scratch: Mapping[int, str]

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return int(self.first[-1])

    @cached_property
    def task_of(self) -> IntArray:
        """The position of each step's task."""
        return np.repeat(np.arange(len(self.tasks)), np.diff(self.first))

    @cached_property
    def scratch_bytes(self) -> IntArray:
        """The bytes that each task keeps during a step."""
        names = [self.scratch.get(k) for k in range(len(self.tasks))]
        at = [None if name is None else self.base[self.names.index(name)] for name in names]
        return np.array([0 if one is None else self.sizes[one] for one in at], np.int64)

    @cached_property
    def makers(self) -> list[list[int]]:
        """The steps that write each cell."""
        step, cell = self.writes.between(0, self.steps)
        return _lists(cell, step, len(self.sizes)).lists()

    @cached_property
    def needs(self) -> list[tuple[int, ...]]:
        """For each step the steps that must be done before it, most urgent first.

        A task makes its rows in order, so the row before is one of them.
        """
        makers, reads = self.makers, self.reads.lists()
        firsts, task_of = set(self.first.tolist()), self.task_of.tolist()
        found = []
        for step, cells in enumerate(reads):
            sources = self.sources[task_of[step]]
            made = {one: None for cell in cells for one in makers[cell] if task_of[one] in sources}
            if step not in firsts:
                made = {step - 1: None, **made}
            found.append(tuple(made))
        return found

    @cached_property
    def crossing(self) -> IntArray:
        """Bytes at [a, b] of the cells made before position a and needed at position b or later."""
        n = len(self.tasks)
        alive = self.made <= self.last
        held = np.zeros((n + 2, n + 2), np.int64)
        np.add.at(held, (self.made[alive] + 1, self.last[alive] + 1), self.sizes[alive])
        before = np.cumsum(held, axis=0)
        return np.cumsum(before[:, ::-1], axis=1)[:, ::-1][:, 1:]


def row_lifetimes(graph: RowGraph, schedule: Schedule) -> dict[str, Life]:
    """The lifetime of every row, by storage, from what the graph knows of its readers and writers.

    `liveness.lifetimes` finds the same by looking at the tasks.
    """
    end, count = schedule.ticks + 1, len(graph.sizes)
    tick = np.concatenate(
        [np.zeros(0, np.int64), *(schedule.tick_of[k] for k in range(len(graph.tasks)))]
    )
    start, stop = np.full(count, end + 1, np.int64), np.full(count, -1, np.int64)
    start[graph.made < 0], stop[graph.made < 0] = 0, 0
    (written, made), (reading, read) = (
        held.between(0, graph.steps) for held in (graph.writes, graph.reads)
    )
    np.minimum.at(start, made, tick[written])
    np.maximum.at(stop, made, tick[written])
    np.maximum.at(stop, read, tick[reading])
    stop[graph.last == len(graph.tasks)] = end
    for k, name in graph.scratch.items():
        first = int(graph.base[graph.names.index(name)])
        ticks = schedule.tick_of[k]
        begins = np.flatnonzero(np.append(True, np.diff(ticks) != 0))
        start[first + begins] = stop[first + begins] = ticks[begins]
    rows = zip(graph.names, graph.base.tolist(), graph.base[1:].tolist(), strict=False)
    return {
        name: Life(int(graph.sizes[a]), start[a:b].copy(), stop[a:b].copy()) for name, a, b in rows
    }


def row_graph(layout: Layout, tasks: Sequence[Task], keep_inputs: bool = False) -> RowGraph:
    """Builds the row graph of `tasks`, which are in an order in which they can be run.

    `keep_inputs`: the network's inputs live to the end.
    """
    names = tuple(layout.storages)
    rows = [storage.rows for storage in layout.storages.values()]
    base = np.cumsum([0, *rows]).astype(np.int64)
    first = np.cumsum([0, *(task.rows for task in tasks)]).astype(np.int64)
    cells = {name: s.row_elements for name, s in layout.storages.items()}
    number = {name: int(b) for name, b in zip(names, base, strict=False)}
    reads = _touching(
        (int(first[k]), reads_of(task, layout, cells)) for k, task in enumerate(tasks)
    )
    writes = _touching(
        (int(first[k]), writes_of(task, layout, cells)) for k, task in enumerate(tasks)
    )
    lists = [
        _lists(steps, at + np.array([number[n] for n in where], np.int64)[which], int(first[-1]))
        for steps, at, which, where in (reads, writes)
    ]
    read, written = lists
    sizes = [s.row_bytes for s in layout.storages.values()]
    storage = np.repeat(np.arange(len(names)), rows)
    made, last = _used(layout, tasks, first, lists, names, base)
    for name in {*layout.graph.inputs} - layout.graph.carried if keep_inputs else ():
        last[storage == names.index(layout.places[name].storage)] = len(tasks)
    return RowGraph(
        tuple(tasks), first, names, base, storage, np.repeat(sizes, rows), read,
        written, made, last, _sources(layout, tasks),
        _scratch(layout, tasks),
    )  # fmt: skip


def _scratch(layout: Layout, tasks: Sequence[Task]) -> dict[int, str]:
    """The storages of what tasks keep during a step; the caller's keep nothing."""
    held = {k: layout.scratch.get(task.output) for k, task in enumerate(tasks) if not task.port}
    return {k: name for k, name in held.items() if name is not None}


def _sources(layout: Layout, tasks: Sequence[Task]) -> tuple[frozenset[int], ...]:
    """The positions of the tasks that make what each task reads."""
    makers = {task.output: k for k, task in enumerate(tasks) if task.port != "out"}
    found = []
    for task in tasks:
        names = {task.operands[read.operand] for read in task.nest.reads} & layout.places.keys()
        origins = {origin for name in names for origin in layout.origins[name]}
        found.append(frozenset(makers[origin] for origin in origins if origin in makers))
    return tuple(found)


def _touching(
    touched: Iterable[tuple[int, Iterable[Touched]]],
) -> tuple[IntArray, IntArray, IntArray, list[str]]:
    """All that is touched: steps, cells of a storage, and an index into the storages' names."""
    steps, cells, which, names = [], [], [], list[str]()
    for first, found in touched:
        for one in found:
            steps.append(one.rows + first)
            cells.append(one.cells)
            which.append(np.full(len(one.cells), len(names), np.int64))
            names.append(one.storage)
    empty = np.zeros(0, np.int64)
    joined = [np.concatenate([empty, *arrays]) for arrays in (steps, cells, which)]
    return joined[0], joined[1], joined[2], names


def _used(
    layout: Layout,
    tasks: Sequence[Task],
    first: IntArray,
    lists: Sequence[Lists],
    names: Sequence[str],
    base: IntArray,
) -> tuple[IntArray, IntArray]:
    """The positions at which each cell is touched first and last."""
    count, n = int(base[-1]), len(tasks)
    task_of = np.repeat(np.arange(n), np.diff(first))
    made, last = np.full(count, n + 1), np.full(count, -1)
    reads, writes = (held.between(0, int(first[-1])) for held in lists)
    np.minimum.at(made, writes[1], task_of[writes[0]])
    for step, cell in (reads, writes):
        np.maximum.at(last, cell, task_of[step])
    given, taken = ({t.output for t in tasks if t.port == way} for way in ("in", "out"))
    place = {name: slice(int(a), int(b)) for name, a, b in zip(names, base, base[1:], strict=False)}
    for name in set(layout.graph.inputs) - given:
        made[place[layout.places[name].storage]] = -1
    for name in set(layout.graph.outputs) - taken:
        last[place[layout.places[name].storage]] = n
    return made, last
