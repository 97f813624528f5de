"""When each cell of each storage (a row, a pixel) is made, and when its last reader has read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Layout
from lowtide.rows.accesses import Touched, reads_of, writes_of
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task


@dataclass(frozen=True)
class Life:
    """When the cells of a storage live: cell i in moments start[i] to stop[i], both included.

    Cell i is `cell_bytes` bytes from i * cell_bytes on. One with start > stop never lives: nobody
    writes it.
    """

    cell_bytes: int
    start: IntArray
    stop: IntArray

    @property
    def bytes(self) -> int:
        """Bytes of the whole storage."""
        return self.cell_bytes * len(self.start)


@dataclass(frozen=True)
class Bands:
    """Runs of neighbouring cells with one lifetime: band k is cells first[k] to end[k] - 1."""

    first: IntArray
    end: IntArray
    start: IntArray
    stop: IntArray

    def alive(self) -> Bands:
        """The bands that live at some moment; neighbours in the result need not touch."""
        at = self.start <= self.stop
        return Bands(self.first[at], self.end[at], self.start[at], self.stop[at])


def bands(life: Life) -> Bands:
    """Returns a storage's cells as bands, from cell 0 up."""
    change = (np.diff(life.start) != 0) | (np.diff(life.stop) != 0)
    first = np.concatenate([[0], np.flatnonzero(change) + 1]).astype(np.int64)
    end = np.append(first[1:], len(life.start))
    return Bands(first, end, life.start[first], life.stop[first])


Lives = Mapping[str, Life]


def lifetimes(
    layout: Layout,
    tasks: Sequence[Task],
    schedule: Schedule,
    *,
    keep_inputs: bool = False,
) -> dict[str, Life]:
    """The lifetime of every cell, by storage: from its first write to its last access.

    The network's inputs live from moment 0, its outputs to the end. `keep_inputs`: nothing may
    overwrite the inputs, so they live to the end too.

        step         1   2   3   4   5   6           rows: row 0 of the input is free from step 4
        input row 0  #########                       on, output row 2 may lie there
        input row 1  #############
        output row 0     #########################
    """
    cells = cells_of(layout, tasks)
    last = schedule.ticks + 1
    counts = {name: s.elements // cells[name] for name, s in layout.storages.items()}
    start = {name: np.full(count, last + 1, np.int64) for name, count in counts.items()}
    stop = {name: np.full(count, -1, np.int64) for name, count in counts.items()}
    handed_in, taken = ({t.output for t in tasks if t.port == way} for way in ("in", "out"))
    for name in set(layout.graph.inputs) - handed_in:
        storage = layout.places[name].storage
        start[storage][:] = 0
        stop[storage][:] = last if keep_inputs and name not in layout.graph.carried else 0
    for k, task in enumerate(tasks):
        moments = _Moments(task, schedule.tick_of[k])
        backward = k in schedule.backward
        for made in writes_of(task, layout, cells, backward):
            np.minimum.at(start[made.storage], made.cells, moments.of(made) + moments.delay)
            np.maximum.at(stop[made.storage], made.cells, moments.of(made) + moments.delay)
        for read in reads_of(task, layout, cells, backward):
            np.maximum.at(stop[read.storage], read.cells, moments.of(read))
    for name in set(layout.graph.outputs) - taken:
        stop[layout.places[name].storage][:] = last
    for k, task in enumerate(tasks):
        if task.output in layout.scratch and not task.port:
            name = layout.scratch[task.output]
            start[name][:], stop[name][:] = _busy(task, schedule.tick_of[k])
    sizes = {name: s.dtype.bytes for name, s in layout.storages.items()}
    return {name: Life(cells[name] * sizes[name], start[name], stop[name]) for name in counts}


def whole_lifetimes(
    layout: Layout,
    tasks: Sequence[Task],
    schedule: Schedule,
    keep_inputs: bool = False,
) -> dict[str, Life]:
    """The lifetime of every storage as a whole, by its name.

    All its cells live from the first write of any to the last access of any.
    """
    end = schedule.ticks + 1
    start, stop = dict.fromkeys(layout.storages, end + 1), dict.fromkeys(layout.storages, -1)
    handed_in, taken = ({t.output for t in tasks if t.port == way} for way in ("in", "out"))
    for name in set(layout.graph.inputs) - handed_in:
        storage = layout.places[name].storage
        stays = keep_inputs and name not in layout.graph.carried
        start[storage], stop[storage] = 0, end if stays else 0
    for k, task in enumerate(tasks):
        first, last = _busy(task, schedule.tick_of[k])
        if task.output in layout.scratch:
            name = layout.scratch[task.output]
            start[name], stop[name] = first, last
        made = (task.output,) if task.port != "out" else ()
        for name in made:
            storage = layout.places[name].storage
            start[storage] = min(start[storage], first)
        for name in {*made, *task.reads} & layout.places.keys():
            storage = layout.places[name].storage
            stop[storage] = max(stop[storage], last)
    for name in set(layout.graph.outputs) - taken:
        stop[layout.places[name].storage] = end
    return {
        name: Life(
            held.row_bytes,
            np.full(held.rows, start[name], np.int64),
            np.full(held.rows, stop[name], np.int64),
        )
        for name, held in layout.storages.items()
    }


def _busy(task: Task, ticks: IntArray) -> tuple[int, int]:
    """The first and the last moment of a task."""
    return int(ticks.min()), int(ticks.max()) + task.ticks - 1


def cells_of(layout: Layout, tasks: Sequence[Task]) -> dict[str, int]:
    """The size of a cell in elements, by storage: rows, or pixels if any task is cut into them."""
    if not any(task.grain.pixels for task in tasks):
        return {name: s.row_elements for name, s in layout.storages.items()}
    tiles = [task.grain.channels for task in tasks if task.grain.channels]
    return {name: gcd(s.pixel_elements, *tiles) for name, s in layout.storages.items()}


@dataclass(frozen=True)
class _Moments:
    """When a task does what: `ticks` are the first moments of its rows."""

    task: Task
    ticks: IntArray

    @property
    def delay(self) -> int:
        """How long after a step has read it writes."""
        return self.task.grain.ticks - 1

    def of(self, touched: Touched) -> IntArray:
        """When cells are read, or `delay` before they are written."""
        return self.ticks[touched.rows] + touched.steps * self.task.grain.ticks


def live_bytes(lives: Lives, ticks: int) -> IntArray:
    """The bytes that live at each of the moments 0 to ticks + 1."""
    change = np.zeros(ticks + 3, np.int64)
    for life in lives.values():
        held = bands(life).alive()
        size = (held.end - held.first) * life.cell_bytes
        np.add.at(change, held.start, size)
        np.add.at(change, held.stop + 1, -size)
    return np.cumsum(change, out=change)[: ticks + 2]
