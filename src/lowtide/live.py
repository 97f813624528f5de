"""When each row of each storage is made and when its last reader has read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.index import IntArray
from lowtide.layout import Layout
from lowtide.schedule import Schedule
from lowtide.task import Task, reads_of, writes_of


@dataclass(frozen=True)
class Life:
    """Row r of a storage is live in steps start[r] .. stop[r], both included.

    A row with start > stop is never live: nobody writes it.
    """

    row_bytes: int
    start: IntArray
    stop: IntArray

    @property
    def bytes(self) -> int:
        return self.row_bytes * len(self.start)


@dataclass(frozen=True)
class Bands:
    """Maximal runs of rows first .. end-1 that share one lifetime, from row 0 up."""

    first: IntArray
    end: IntArray
    start: IntArray
    stop: IntArray

    def alive(self) -> Bands:
        """Without the bands that never live; then neighbours in the arrays need not touch."""
        at = self.start <= self.stop
        return Bands(self.first[at], self.end[at], self.start[at], self.stop[at])

    @property
    def sorted(self) -> bool:
        """Whether later rows are made later and die later, as they mostly are."""
        return bool((np.diff(self.start) >= 0).all() and (np.diff(self.stop) >= 0).all())


def bands(life: Life) -> Bands:
    """The rows of a storage, those with equal lifetimes taken together."""
    change = (np.diff(life.start) != 0) | (np.diff(life.stop) != 0)
    first = np.concatenate([[0], np.flatnonzero(change) + 1]).astype(np.int64)
    end = np.append(first[1:], len(life.start))
    return Bands(first, end, life.start[first], life.stop[first])


Lives = Mapping[str, Life]


def lifetimes(
    layout: Layout, tasks: Sequence[Task], schedule: Schedule, overlap: str, element_bytes: int
) -> dict[str, Life]:
    """The lifetime of every row, by storage.

    With overlap "row" a row lives from the step that writes it first to the last that touches it;
    with "none" every row lives as long as its whole storage, over whole operators.

        step         1   2   3   4   5   6               overlap "row": row 0 of the input is free
        input row 0  #########                           from step 4 on, output row 2 may lie there
        input row 1  #############
        output row 0     #########################
    """
    last = schedule.steps + 1
    start = {name: np.full(s.rows, last + 1, np.int64) for name, s in layout.storages.items()}
    stop = {name: np.full(s.rows, -1, np.int64) for name, s in layout.storages.items()}
    for name in layout.graph.inputs:
        start[layout.places[name].storage][:] = 0
        stop[layout.places[name].storage][:] = 0
    for k, task in enumerate(tasks):
        at = schedule.step_of[k]
        if overlap == "none":
            at = np.stack([np.full_like(at, at.min()), np.full_like(at, at.max())])
        else:
            at = np.stack([at, at])
        made = writes_of(task, layout)
        np.minimum.at(start[made.storage], made.rows, at[0][made.steps])
        for touched in (made, *reads_of(task, layout)):
            np.maximum.at(stop[touched.storage], touched.rows, at[1][touched.steps])
    for name in layout.graph.outputs:
        stop[layout.places[name].storage][:] = last
    if overlap == "none":
        for name in layout.storages:
            start[name][:], stop[name][:] = start[name].min(), stop[name].max()
    return {
        name: Life(s.row_elements * element_bytes, start[name], stop[name])
        for name, s in layout.storages.items()
    }


def live_bytes(lives: Lives, steps: int) -> IntArray:
    """How many bytes live at each step 0 .. steps."""
    change = np.zeros(steps + 3, np.int64)
    for life in lives.values():
        lives_at_all = life.start <= life.stop
        np.add.at(change, life.start[lives_at_all], life.row_bytes)
        np.add.at(change, life.stop[lives_at_all] + 1, -life.row_bytes)
    return np.cumsum(change)[: steps + 2]
