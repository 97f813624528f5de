"""Room in the arena for what kernels keep while they make a step, and no longer.

conv1 0   | conv1 1   | pool 0 | conv1 2   | ..        by rows: each step has its own, which lies
[scratch]   [scratch]            [scratch]             where there is room at that time
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.ir.dtype import I32
from lowtide.kernels.choose import room
from lowtide.layout.lay_out import Layout, Storage
from lowtide.rows.task import Task


def with_scratch(layout: Layout, tasks: Sequence[Task], *, by_rows: bool) -> Layout:
    """The layout with the storages that the kernels of tasks need beside their rows.

    Each has a row for each of the task's `by_rows`, of which the first of a step is used; or one.
    """
    held = set(layout.scratch.values())
    storages = {name: one for name, one in layout.storages.items() if name not in held}
    found = dict[str, str]()
    for task in tasks:
        needed = room(task, layout)
        if needed:
            name, words = f"{task.output}.scratch", -(-needed // I32.bytes)
            storages[name] = Storage(name, I32, words * (task.rows if by_rows else 1), words, words)
            found[task.output] = name
    return replace(layout, storages=storages, scratch=found)
