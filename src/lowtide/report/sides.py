"""The two sides of a picture of memory: layer by layer before, and as planned after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lowtide.ir.index import IntArray
from lowtide.layout.lay_out import Layout
from lowtide.overlap.problem import placement_problem
from lowtide.placers import place
from lowtide.planner.plan import Plan, straight_rows
from lowtide.report.profile_text import placement_verdict
from lowtide.rows.liveness import Lives, live_bytes
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import Task

_RULE = {
    "none": "tensors until their last read",
    "row": "rows until their last read",
    "group": "pixels until their last read",
    "pixel": "pixels until their last read",
}


@dataclass(frozen=True)
class Side:
    """One of them: storages, where they lie, how high that is, and the live bytes by moment."""

    head: str
    note: str
    layout: Layout
    lives: Lives
    addresses: Mapping[str, IntArray]
    tasks: tuple[Task, ...]
    schedule: Schedule
    arena_bytes: int
    live: npt.NDArray[np.int64]


def before_and_after(plan: Plan) -> tuple[Side, Side]:
    """Both sides; the first takes a placer's time."""
    return _before(plan), after(plan)


def _before(plan: Plan) -> Side:
    """Whole storages over whole operators: `layerwise_bytes` of them live, and lie in as many if
    the quick placer, or else the exact one, finds a place for them there."""
    whole, lives = plan.whole, plan.whole.lives
    steps = whole.schedule.ticks
    problem = placement_problem(lives, steps, plan.options.align)
    placed = place(problem, "greedy")
    if placed.arena_bytes > plan.profile.layerwise_bytes:
        placed = place(problem, "exact")
    addresses = straight_rows(whole.layout, problem, placed)
    note = "every tensor whole, from first write to last read"
    return Side(
        "Before: layer by layer", note, whole.layout, lives, addresses, whole.tasks, whole.schedule,
        placed.arena_bytes, live_bytes(lives, steps),
    )  # fmt: skip


def after(plan: Plan) -> Side:
    """The side of a plan."""
    note = f"{_RULE[plan.options.overlap]}; {placement_verdict(plan)}"
    head = "After: this plan" + (", row by row" if plan.streamed else "")
    return Side(
        head, note, plan.layout, plan.lives, plan.addresses, plan.tasks, plan.schedule,
        plan.arena_bytes, live_bytes(plan.lives, plan.schedule.ticks),
    )  # fmt: skip
