"""A schedule: which rows of which task are computed when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.index import IntArray


@dataclass(frozen=True)
class Run:
    """Rows first, first + 1, ... of one task, a row a step."""

    task: int
    first: int
    rows: int


@dataclass(frozen=True)
class Schedule:
    """Runs in the order they are executed. Steps count from 1; at 0 the inputs are there."""

    runs: tuple[Run, ...]
    proven: bool = False
    """Whether no order of these steps has a smaller peak of whole storages."""
    bound: int = 0
    """The least peak of whole storages that any order could have, as far as is known, bytes."""

    @property
    def steps(self) -> int:
        return sum(run.rows for run in self.runs)

    def timed(self) -> Iterator[tuple[Run, int]]:
        """Each run with the number of its first step."""
        step = 1
        for run in self.runs:
            yield run, step
            step += run.rows

    @cached_property
    def step_of(self) -> dict[int, IntArray]:
        """The step at which each row of each task is computed (last, if more than once)."""
        rows: dict[int, int] = {}
        for run in self.runs:
            rows[run.task] = max(rows.get(run.task, 0), run.first + run.rows)
        found = {task: np.zeros(count, np.int64) for task, count in rows.items()}
        for run, step in self.timed():
            span = np.arange(run.rows, dtype=np.int64)
            found[run.task][run.first + span] = step + span
        return found
