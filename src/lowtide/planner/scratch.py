"""Room in the arena for what kernels keep while they make a step, and no longer.

conv1 0   | conv1 1   | pool 0 | conv1 2   | ..        by rows: each step has its own, which lies
[scratch]   [scratch]            [scratch]             where there is room at that time
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.ir.dtype import F32
from lowtide.ir.index import IntArray
from lowtide.kernels.calls import EightCall, RowCall
from lowtide.kernels.choose import room
from lowtide.kernels.rows import LEAST_UNPACKED
from lowtide.layout.lay_out import Layout, Storage
from lowtide.planner.plan import Plan
from lowtide.rows.liveness import Life, live_bytes
from lowtide.rows.task import Task

_PEAK, _ARENA = 17, 11
"""Tiles may raise the peak by one part in so many (5.9 %), and with their gaps the arena (9.1 %).
A tighter bound costs more time than it saves memory: one pixel at a time takes
half as long again."""


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
            name, kind = f"{task.output}.scratch", task.nest.arithmetic
            words = -(-needed // kind.bytes)
            rows = task.rows if by_rows else 1
            storages[name] = Storage(name, kind, words * rows, words, words)
            found[task.output] = name
    return replace(layout, storages=storages, scratch=found)


def narrower(plan: Plan) -> dict[str, int]:
    """How many pixels tiles may have, or floats what is unpacked, by what they make: half of those
    that cost much memory.

    These are needed when too much lives. If none is and the arena is too large all the same, room
    for tiles breaks up that of rows: then it is those at the peak, or all of them.
    """
    layout, ticks = plan.layout, plan.schedule.ticks
    own = {name: plan.lives[name] for name in layout.scratch.values()}
    live = live_bytes(plan.lives, ticks)
    peak = int((live - live_bytes(own, ticks)).max())
    wide = dict[str, int]()
    for task, use in zip(plan.tasks, plan.uses, strict=True):
        if use is None:
            continue
        if isinstance(use.call, EightCall) and use.call.pixels > 1:
            wide[task.output] = use.call.pixels // 2
        if isinstance(use.call, RowCall) and use.arena_bytes > F32.bytes * LEAST_UNPACKED:
            wide[task.output] = LEAST_UNPACKED
    lives = {y: _most(own[layout.scratch[y]], live) for y in wide}
    costly = [y for y in wide if lives[y] > peak + peak // _PEAK]
    if not costly and plan.arena_bytes > peak + peak // _ARENA:
        costly = [y for y in wide if lives[y] > peak] or list(wide)
    return {**layout.tiles, **{y: wide[y] for y in costly}}


def _most(life: Life, live: IntArray) -> int:
    """The most bytes that live while any cell does."""
    moments = zip(life.start.tolist(), life.stop.tolist(), strict=True)
    return max((int(live[a : b + 1].max()) for a, b in moments if a <= b), default=0)
