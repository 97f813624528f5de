"""The rows of one segment in the order in which they are demanded.

To make one row of what the segment leaves behind, first make the rows that are missing for it, and
before them those that these miss; rows that nobody needs any more make way at once.

    conv1 3x3, conv2 3x3 with stride 2, rows 0..7 and 0..3        (padding 1)
    conv1 0 | conv1 1 | conv2 0 | conv1 2 | conv1 3 | conv2 1 | ...
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.index import IntArray
from lowtide.row_graph import RowGraph


@dataclass(frozen=True, eq=False)
class Segment:
    """Tasks first .. end-1 of a row graph, row by row: its steps in order, and its peak in bytes.

    The peak counts what crosses the segment, too.
    """

    first: int
    end: int
    order: IntArray
    peak: int


def segment(graph: RowGraph, first: int, end: int) -> Segment:
    """Tasks first .. end-1 interleaved on demand."""
    order = _demanded(graph, first, end)
    return Segment(first, end, order, int(_live(graph, first, end, order).max(initial=0)))


def _demanded(graph: RowGraph, first: int, end: int) -> IntArray:
    """Every step of the segment once, each after those it needs.

    Results are asked for row by row: of several storages the one that is behind first.
    """
    low, high = int(graph.first[first]), int(graph.first[end])
    needs, done = graph.needs, bytearray(high - low)
    order: list[int] = []
    for goal in _goals(graph, first, end):
        if done[goal - low]:
            continue
        stack = [(goal, iter(needs[goal]))]
        while stack:
            step, missing = stack[-1]
            for one in missing:
                if one >= low and not done[one - low]:
                    stack.append((one, iter(needs[one])))
                    break
            else:
                stack.pop()
                done[step - low] = 1
                order.append(step)
    return np.array(order, np.int64)


def _goals(graph: RowGraph, first: int, end: int) -> list[int]:
    """The steps that leave something behind, and last those that leave nothing."""
    low, high = int(graph.first[first]), int(graph.first[end])
    step, cell = graph.writes.between(low, high)
    kept = graph.last[cell] >= end
    asked = np.zeros(high - low, bool)
    asked[step[kept] - low] = True
    task = graph.task_of[low:high]
    taken = np.array([graph.tasks[k].port == "out" for k in range(first, end)], bool)
    asked |= taken[task - first]
    rows = np.diff(graph.first)[task]
    share = (np.arange(low, high) - graph.first[task] + 1) / rows
    order = np.lexsort((task, share, ~asked))
    return (order + low).tolist()  # type: ignore[no-any-return]


def _live(graph: RowGraph, first: int, end: int, order: IntArray) -> IntArray:
    """The bytes that live at each step of the segment."""
    low, high = int(graph.first[first]), int(graph.first[end])
    at = np.empty(high - low, np.int64)
    at[order - low] = np.arange(len(order))
    reads, writes = graph.reads.between(low, high), graph.writes.between(low, high)
    cells, where = np.unique(np.concatenate([reads[1], writes[1]]), return_inverse=True)
    read, written = where[: len(reads[1])], where[len(reads[1]) :]
    start, stop = np.full(len(cells), len(order), np.int64), np.full(len(cells), -1, np.int64)
    np.minimum.at(start, written, at[writes[0] - low])
    for touched, steps in ((read, reads[0]), (written, writes[0])):
        np.maximum.at(stop, touched, at[steps - low])
    start = np.where(graph.made[cells] < first, 0, start)
    stop = np.where(graph.last[cells] >= end, len(order) - 1, stop)
    inside = ~((graph.made[cells] < first) & (graph.last[cells] >= end))
    sizes = graph.sizes[cells[inside]]
    change = np.zeros(len(order) + 1, np.int64)
    np.add.at(change, start[inside], sizes)
    np.add.at(change, stop[inside] + 1, -sizes)
    return np.asarray(np.cumsum(change)[:-1] + graph.crossing[first, end], np.int64)
