"""Which operators run backward, the last row and pixel first.

In a chain that alternates, each output slides a little past the input that it replaces, back and
forth, and the arena is the largest tensor and a bit:

    address  ------------------------->
    input    [==========]                conv1 forward, from below
    conv1  [==========]                  conv2 backward, from above
    conv2    [==========]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.layout.lay_out import Layout
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task


def directed(schedule: Schedule, backward: frozenset[int]) -> Schedule:
    """The same schedule with the tasks in `backward` going backward, and all others forward."""
    runs = tuple(replace(run, backward=run.task in backward) for run in schedule.runs)
    return replace(schedule, runs=runs)


def directions(
    layout: Layout, tasks: Sequence[Task], schedule: Schedule
) -> tuple[frozenset[int], ...]:
    """Sets of tasks to try backward: none; every other in time; every other on each path.

    Each alternation is there in both phases. In a chain they are the only two that matter.
    """
    order = [run.task for run in schedule.runs]
    turns = {task: turn % 2 for turn, task in enumerate(order)}
    depths = _depths(layout, tasks, order)
    found = [frozenset[int]()]
    for parity in (turns, depths):
        odd, even = (
            frozenset(k for k, p in parity.items() if p == phase and tasks[k].row)
            for phase in (1, 0)
        )
        found += [odd, even]
    return tuple(dict.fromkeys(found))


def _depths(layout: Layout, tasks: Sequence[Task], order: Sequence[int]) -> dict[int, int]:
    """For each task whether an even or odd number of tasks leads to it, on its longest path."""
    maker = {task.output: k for k, task in enumerate(tasks)}
    depth: dict[int, int] = {}
    for k in order:
        names = [name for name in tasks[k].reads if name in layout.places]
        origins = {maker[o] for name in names for o in layout.origins[name] if o in maker}
        depth[k] = 1 + max((depth[m] for m in origins), default=0)
    return {k: d % 2 for k, d in depth.items()}
