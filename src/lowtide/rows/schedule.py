"""A schedule: which rows of which task are computed when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.ir.index import IntArray


@dataclass(frozen=True)
class Run:
    """Rows first to first + rows - 1 of one task; backward: the last row first.

    `together` rows are made in one step, in any order; the last step makes what is left. A step
    takes `ticks` moments.
    """

    task: int
    first: int
    rows: int
    ticks: int = 1
    backward: bool = False
    together: int = 1

    @property
    def steps(self) -> int:
        """How many steps of `together` rows there are."""
        return -(-self.rows // self.together)

    @property
    def moments(self) -> int:
        """How many moments the run takes."""
        return self.steps * self.ticks

    def step_rows(self) -> Iterator[range]:
        """Yields the rows of each step, in the order of the steps."""
        rows = range(self.first, self.first + self.rows)
        for at in range(0, self.rows, self.together):
            end = self.rows - at
            yield (
                rows[max(0, end - self.together) : end]
                if self.backward
                else rows[at:][: self.together]
            )


@dataclass(frozen=True)
class Schedule:
    """Runs in the order in which they are executed.

    Time is counted in moments from 1; at 0 only the network's inputs are there.
    """

    runs: tuple[Run, ...]
    proven: bool = False
    """Whether no order of its operators has a smaller peak of whole storages."""
    bound: int = 0
    """The least peak of whole storages that any order could have, as far as is known, bytes."""

    @property
    def ticks(self) -> int:
        """How many moments there are."""
        return sum(run.moments for run in self.runs)

    def timed(self) -> Iterator[tuple[Run, int]]:
        """Each run with its first moment."""
        tick = 1
        for run in self.runs:
            yield run, tick
            tick += run.moments

    @cached_property
    def together(self) -> dict[int, int]:
        """For each task the number of rows it makes in one step; it is the same in all its runs."""
        found = {run.task: run.together for run in self.runs}
        assert all(found[run.task] == run.together for run in self.runs)
        return found

    @cached_property
    def backward(self) -> frozenset[int]:
        """The tasks that go backward."""
        return frozenset(run.task for run in self.runs if run.backward)

    @cached_property
    def tick_of(self) -> dict[int, IntArray]:
        """For each task the first moment of each of its rows; of a row made twice, the later."""
        rows: dict[int, int] = {}
        for run in self.runs:
            rows[run.task] = max(rows.get(run.task, 0), run.first + run.rows)
        found = {task: np.zeros(count, np.int64) for task, count in rows.items()}
        for run, tick in self.timed():
            turn = np.arange(run.rows, dtype=np.int64)
            row = run.first + turn
            found[run.task][row[::-1] if run.backward else row] = (
                tick + turn // run.together * run.ticks
            )
        return found
