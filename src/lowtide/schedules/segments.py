"""Streamed: segments of operators, computed row by row on demand, one segment after the other.

    conv1 0 | conv1 1 | conv2 0 | conv1 2 | conv2 1 | ...  ||  conv3 0 | conv3 1 | pool 0 | ...
    <---------------- one segment: line buffers ---------->||  a cut: conv2's output is whole here

Inside a segment only the rows between its operators live, and nothing is computed twice. At a cut
whole tensors live, so cuts are best where few bytes cross.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from lowtide.rows.row_graph import RowGraph
from lowtide.rows.schedule import Run
from lowtide.schedules.demand import Segment, segment


@dataclass
class Segments:
    """The segments of a row graph, each computed once."""

    graph: RowGraph
    known: dict[tuple[int, int, tuple[int, ...]], Segment] = field(default_factory=dict)
    rows: int = 0
    """Rows that were put in order so far."""

    def get(self, first: int, end: int, together: tuple[int, ...] = ()) -> Segment:
        """Tasks first to end - 1 as one segment, `together` rows of each in a step (None: one)."""
        key = first, end, together
        if key not in self.known:
            self.known[key] = segment(self.graph, first, end, together or None)
            self.rows += int(self.graph.first[end] - self.graph.first[first])
        return self.known[key]

    def least_peak(
        self, longest: int | None = None, most: int | None = None
    ) -> tuple[Segment, ...] | None:
        """Cuts the order of the tasks into segments so that the largest peak is the least possible.

        No segment has more than `longest` tasks. It is a shortest path from cut to cut whose length
        is its largest edge. Of equally good ways to reach a cut the one with the shortest last
        segment is taken. None if more than `most` rows would have to be put in order for it.
        """
        n, began = len(self.graph.tasks), self.rows
        best: list[tuple[int, int]] = [(0, 0)]
        for end in range(1, n + 1):
            found: tuple[int, int] | None = None
            cuts = range(max(0, end - (longest or end)), end)
            for first in sorted(cuts, key=lambda cut: (best[cut][0], -cut)):
                before = best[first][0]
                if found is not None and before >= found[0]:
                    break
                peak = max(before, self.get(first, end).peak)
                if most is not None and self.rows - began > most:
                    return None
                if found is None or peak < found[0]:
                    found = peak, first
            assert found is not None
            best.append(found)
        back = [n]
        while back[-1]:
            back.append(best[back[-1]][1])
        pairs = zip(back[:0:-1], back[-2::-1], strict=True)
        return tuple(self.get(first, end) for first, end in pairs)

    def peak(self, cuts: Sequence[int]) -> int:
        """The largest peak of the segments between these cuts."""
        return max((self.get(a, b).peak for a, b in pairwise(cuts)), default=0)


def runs(graph: RowGraph, segments: Sequence[Segment]) -> tuple[Run, ...]:
    """Returns the segments as runs; steps of one task that follow each other are one run."""
    found: list[Run] = []
    for task, row, together in _steps(graph, segments):
        rows, last = min(together, graph.tasks[task].rows - row), found[-1] if found else None
        if last and last.task == task and last.first + last.rows == row:
            found[-1] = replace(last, rows=last.rows + rows)
        else:
            found.append(Run(task, row, rows, together=together))
    return tuple(found)


def _steps(graph: RowGraph, segments: Sequence[Segment]) -> Iterator[tuple[int, int, int]]:
    """Task, first row and rows of each step."""
    for one in segments:
        task = graph.task_of[one.order]
        rows = np.array(one.together, np.int64)[task - one.first]
        first = one.order - graph.first[task]
        yield from zip(task.tolist(), first.tolist(), rows.tolist(), strict=True)
