"""Planning layer by layer: every operator whole, its output overlapping its dying inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowtide.clock import Clock
from lowtide.errors import UsageError
from lowtide.kernels.choose import finest
from lowtide.layout.lay_out import Layout
from lowtide.overlap.problem import placement_problem
from lowtide.placers import place
from lowtide.placers.problem import Placement, Problem
from lowtide.planner.options import Options
from lowtide.planner.row_problem import alignment
from lowtide.rows.liveness import Lives, lifetimes, whole_lifetimes
from lowtide.rows.schedule import Schedule
from lowtide.rows.task import PIXEL, ROW, Grain, Task
from lowtide.schedules import layerwise
from lowtide.schedules.direction import directed, directions


@dataclass(frozen=True)
class Directed:
    """A schedule with directions, and what follows from it.

    `lives` are those of few cells: others are found anew for the one schedule that is kept.
    """

    schedule: Schedule
    lives: Lives | None
    problem: Problem


def plan_layerwise(
    layout: Layout, tasks: tuple[Task, ...], options: Options, clock: Clock
) -> tuple[Directed, Lives, Placement]:
    """Plans tasks one after the other; tries several directions and returns the smallest arena."""
    with clock("scheduling"):
        schedule = layerwise.schedule(layout, tasks, options.order, options.keep_input)
    with clock("finding lifetimes"):
        candidates = [
            _candidate(layout, tasks, directed(schedule, backward), options)
            for backward in _directions(layout, tasks, schedule, options)
        ]
    with clock("placing"):
        best, placement = _place(candidates, options.place)
    if best.lives is not None:
        return best, best.lives, placement
    with clock("finding lifetimes"):
        return best, _lives(layout, tasks, best.schedule, options), placement


FEW_CELLS = 1 << 18
"""Cells whose lifetimes are kept for every schedule that is tried."""

MOST_CELLS = 1 << 21
"""Pixels that are watched one by one, those of an image of 1024 x 1024 and of what is made of it:
their lifetimes take some hundred bytes each on the way, and some seconds together."""


def too_many_pixels(layout: Layout) -> bool:
    """Whether the steps of layer by layer plans are rows for want of memory."""
    pixels = sum(one.elements // one.pixel_elements for one in layout.storages.values())
    return pixels > MOST_CELLS


def cut(tasks: tuple[Task, ...], layout: Layout, options: Options) -> tuple[Task, ...]:
    """The tasks in the steps that the options ask for: rows, pixels, a tile, or the kernels'.

    Rows where there are so many pixels that watching each would take all memory.
    """
    if options.tile is None and too_many_pixels(layout):
        return tuple(task.cut(ROW) for task in tasks)
    if options.overlap == "group" and options.tile is None:
        return tuple(task.cut(finest(task, layout)) for task in tasks)
    grain = PIXEL if options.overlap == "pixel" else ROW
    if options.tile is not None:
        grain = Grain(*options.tile, atomic=True)
        _refuse_narrow_rows(tasks, options.tile[0])
    return tuple(task.cut(grain) for task in tasks)


def _refuse_narrow_rows(tasks: tuple[Task, ...], pixels: int) -> None:
    """A tile does not reach over the end of a row; a row of one pixel (1-D) has no room for two."""
    narrow = next((t for t in tasks if t.row and not t.pixels and t.channels > 1), None)
    if narrow and pixels > 1:
        raise UsageError(
            f"--tile {pixels}x..: the rows of '{narrow.operator.name}' have one pixel; use 1x.."
        )


def _directions(
    layout: Layout, tasks: tuple[Task, ...], schedule: Schedule, options: Options
) -> tuple[frozenset[int], ...]:
    whole = options.overlap == "none"
    return (frozenset(),) if whole else directions(layout, tasks, schedule)


def _candidate(
    layout: Layout, tasks: tuple[Task, ...], schedule: Schedule, options: Options
) -> Directed:
    lives = _lives(layout, tasks, schedule, options)
    problem = placement_problem(lives, schedule.ticks, alignment(layout, options))
    few = sum(len(life.start) for life in lives.values()) <= FEW_CELLS
    return Directed(schedule, lives if few else None, problem)


def _lives(layout: Layout, tasks: tuple[Task, ...], schedule: Schedule, options: Options) -> Lives:
    found = whole_lifetimes if options.overlap == "none" else lifetimes
    return found(layout, tasks, schedule, keep_inputs=options.keep_input)


def _place(candidates: list[Directed], how: str) -> tuple[Directed, Placement]:
    """The best of the candidates; proven if none of them can be placed in less.

    Those that a cheap placement likes are tried first, and the others only if they may be better.
    """
    bound = min(one.problem.lower_bound for one in candidates)
    found = [(one, place(one.problem, "greedy")) for one in candidates]
    found.sort(key=lambda pair: pair[1].arena_bytes)
    best = found[0]
    if how == "exact":
        bounds = []
        for one, cheap in found:
            placed = cheap
            if cheap.bound < best[1].arena_bytes:
                placed = place(one.problem, how)
            bounds.append(placed.bound)
            if placed.arena_bytes < best[1].arena_bytes:
                best = one, placed
            if best[1].arena_bytes == bound:
                break
        else:
            bound = min(bounds)
    arena = best[1].arena_bytes
    return best[0], replace(best[1], bound=bound, proven=arena == bound)
