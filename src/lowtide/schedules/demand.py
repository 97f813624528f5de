"""The rows of one segment in the order in which they are demanded.

To make one row of what the segment leaves behind, first make the rows that are missing for it, and
before them those that these miss; rows that nobody needs any more make way at once.

    conv1 3x3, conv2 3x3 with stride 2, rows 0..7 and 0..3        (padding 1)
    conv1 0 | conv1 1 | conv2 0 | conv1 2 | conv1 3 | conv2 1 | ...
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.rows.row_graph import RowGraph


@dataclass(frozen=True, eq=False)
class Segment:
    """Tasks first to end - 1 of a row graph, interleaved row by row, and their peak in bytes.

    Task k makes `together[k - first]` rows in a step. `order` has the first row of each step, in
    the order of the steps. The peak counts the rows that only cross the segment, too.
    """

    first: int
    end: int
    order: IntArray
    peak: int
    together: tuple[int, ...]


def segment(
    graph: RowGraph, first: int, end: int, together: Sequence[int] | None = None
) -> Segment:
    """Interleaves tasks first to end - 1 on demand: a row is made when the next one needs it.

    `together` gives the rows each task makes in a step; None: one.
    """
    steps = _Steps.cut(graph, first, end, together or (1,) * (end - first))
    order = _demanded(steps)
    live = _live(graph, first, end, steps, order)
    return Segment(first, end, steps.rows[order], int(live.max(initial=0)), steps.together)


@dataclass(frozen=True, eq=False)
class _Steps:
    """A segment in steps: step s is made of rows rows[s] .. rows[s + 1] - 1 of the graph.

    `of` gives the step of a row, counted from the segment's first row. `needs` are the steps that
    must be done before each, most urgent first, counted from `low`; what is below was made before
    the segment. `goals` are the steps in the order in which they are asked for.
    """

    low: int
    together: tuple[int, ...]
    rows: IntArray
    of: IntArray
    needs: list[tuple[int, ...]]
    goals: list[int]

    @staticmethod
    def cut(graph: RowGraph, first: int, end: int, together: Sequence[int]) -> _Steps:
        low, high = int(graph.first[first]), int(graph.first[end])
        task = graph.task_of[low:high]
        row = np.arange(low, high) - graph.first[task]
        begins = row % np.array(together, np.int64)[task - first] == 0
        of = np.cumsum(begins) - 1
        rows = np.flatnonzero(begins) + low
        needs = graph.needs[low:high]
        if len(rows) < len(of):
            needs = _needs(needs, of, low)
        return _Steps(low, tuple(together), rows, of, needs, _goals(graph, first, end, rows, of))


def _needs(by_row: list[tuple[int, ...]], of: IntArray, low: int) -> list[tuple[int, ...]]:
    """What steps need, from what their rows do."""
    found: list[dict[int, None]] = [{} for _ in range(int(of[-1]) + 1)]
    step_of = (of + low).tolist()
    for row, needs in enumerate(by_row):
        held = found[step_of[row] - low]
        for one in needs:
            if one >= low:
                held[step_of[one - low]] = None
    for step, held in enumerate(found, low):
        held.pop(step, None)
    return [tuple(held) for held in found]


def _demanded(steps: _Steps) -> IntArray:
    """Every step of the segment once, each after those it needs.

    Results are asked for row by row: of several storages the one that is behind first.
    """
    needs, done, low = steps.needs, bytearray(len(steps.rows)), steps.low
    order: list[int] = []
    for goal in steps.goals:
        if done[goal]:
            continue
        stack = [(goal, iter(needs[goal]))]
        while stack:
            step, missing = stack[-1]
            for one in missing:
                if one >= low and not done[one - low]:
                    stack.append((one - low, iter(needs[one - low])))
                    break
            else:
                stack.pop()
                done[step] = 1
                order.append(step)
    return np.array(order, np.int64)


def _goals(graph: RowGraph, first: int, end: int, rows: IntArray, of: IntArray) -> list[int]:
    """The steps that leave something behind, and last those that leave nothing."""
    low, high = int(graph.first[first]), int(graph.first[end])
    row, cell = graph.writes.between(low, high)
    kept = graph.last[cell] >= end
    task = graph.task_of[rows]
    taken = np.array([graph.tasks[k].port == "out" for k in range(first, end)], bool)
    asked = taken[task - first]
    asked[of[row[kept] - low]] = True
    last = np.append(rows[1:], high)  # rows of a task follow each other, and so do tasks
    share = (last - graph.first[task]) / np.diff(graph.first)[task]
    order = np.lexsort((task, share, ~asked))
    return order.tolist()  # type: ignore[no-any-return]


def _live(graph: RowGraph, first: int, end: int, steps: _Steps, order: IntArray) -> IntArray:
    """The bytes that live at each step of the segment."""
    low, high = steps.low, int(graph.first[end])
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order))
    at = turn[steps.of]
    reads, writes = graph.reads.between(low, high), graph.writes.between(low, high)
    cells, where = np.unique(np.concatenate([reads[1], writes[1]]), return_inverse=True)
    read, written = where[: len(reads[1])], where[len(reads[1]) :]
    start, stop = np.full(len(cells), len(order), np.int64), np.full(len(cells), -1, np.int64)
    np.minimum.at(start, written, at[writes[0] - low])
    for touched, rows in ((read, reads[0]), (written, writes[0])):
        np.maximum.at(stop, touched, at[rows - low])
    start = np.where(graph.made[cells] < first, 0, start)
    stop = np.where(graph.last[cells] >= end, len(order) - 1, stop)
    inside = ~((graph.made[cells] < first) & (graph.last[cells] >= end))
    sizes = graph.sizes[cells[inside]]
    change = np.zeros(len(order) + 1, np.int64)
    np.add.at(change, start[inside], sizes)
    np.add.at(change, stop[inside] + 1, -sizes)
    held = graph.scratch_bytes[graph.task_of[steps.rows[order]]]
    return np.asarray(np.cumsum(change)[:-1] + held + graph.crossing[first, end], np.int64)
