"""A schedule: which rows of which task are computed when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.index import IntArray


@dataclass(frozen=True)
class Run:
    """Rows first .. first + rows - 1 of one task; backward: the last first.

    A row takes `ticks` moments.
    """

    task: int
    first: int
    rows: int
    ticks: int = 1
    backward: bool = False


@dataclass(frozen=True)
class Schedule:
    """Runs in the order they are executed. Time counts from 1; at 0 the inputs are there."""

    runs: tuple[Run, ...]
    proven: bool = False
    """Whether no order of its operators has a smaller peak of whole storages."""
    bound: int = 0
    """The least peak of whole storages that any order could have, as far as is known, bytes."""

    @property
    def ticks(self) -> int:
        """How many moments there are."""
        return sum(run.rows * run.ticks for run in self.runs)

    def timed(self) -> Iterator[tuple[Run, int]]:
        """Each run with its first moment."""
        tick = 1
        for run in self.runs:
            yield run, tick
            tick += run.rows * run.ticks

    @cached_property
    def backward(self) -> frozenset[int]:
        """The tasks that go backward."""
        return frozenset(run.task for run in self.runs if run.backward)

    @cached_property
    def tick_of(self) -> dict[int, IntArray]:
        """The first moment of each row of each task (the last time, if more than once)."""
        rows: dict[int, int] = {}
        for run in self.runs:
            rows[run.task] = max(rows.get(run.task, 0), run.first + run.rows)
        found = {task: np.zeros(count, np.int64) for task, count in rows.items()}
        for run, tick in self.timed():
            row = run.first + np.arange(run.rows, dtype=np.int64)
            found[run.task][row[::-1] if run.backward else row] = tick + run.ticks * (
                row - run.first
            )
        return found
