"""From a simplified graph to a plan: lay out, cut into steps, schedule, place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lowtide.backends import declared, scratch
from lowtide.clock import Clock
from lowtide.costs import Profile, measure
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.graph import Graph
from lowtide.layout import Layout, lay_out
from lowtide.live import Lives, lifetimes
from lowtide.overlap import placement_problem
from lowtide.placers import place
from lowtide.plan import Options, Plan, Source
from lowtide.problem import Placement, Problem
from lowtide.rewrites.fuse_pools import fuse_pools
from lowtide.schedule import Schedule
from lowtide.schedules import layerwise
from lowtide.schedules.direction import directed, directions
from lowtide.task import PIXEL, ROW, Grain, Task, make_tasks

MOST_ALIGN = 4096
"""No loader promises to align a program's memory to more."""


@dataclass(frozen=True)
class _Candidate:
    """A schedule with directions, and what follows from it."""

    schedule: Schedule
    lives: Lives
    problem: Problem


def make_plan(source: Source, graph: Graph, options: Options, clock: Clock) -> Plan:
    """Lays a graph out, schedules it and places its storages."""
    try:
        with clock("laying out"):
            size = options.element_bytes or _element_bytes(graph)
            fused = _fused(graph, options)
            layout = lay_out(fused, options.io_layout)
            tasks = _cut(make_tasks(layout), layout, options)
    except UnsupportedModel as error:
        raise error.within(file=source.file) from None
    _check(options, size)
    with clock("scheduling"):
        schedule = layerwise.schedule(layout, tasks, size, options.order, options.keep_input)
    with clock("finding lifetimes"):
        candidates = [
            _candidate(layout, tasks, directed(schedule, backward), size, options)
            for backward in _directions(layout, tasks, schedule, options)
        ]
    with clock("placing"):
        best, placement = _place(candidates, options.place)
    measured = measure(layout, tasks, best.schedule, best.lives, size, options.keep_input)
    if fused is not graph:
        measured = _against(measured, graph, options, size)
    return Plan(
        source, options, size, layout, tasks, best.schedule, best.lives, best.problem, placement,
        measured, _scratch(layout, tasks, options) * size,
    )  # fmt: skip


def _check(options: Options, size: int) -> None:
    """Raises UsageError for options that do not go together; `size` is that of an element."""
    if options.tile and options.overlap in ("none", "row"):
        raise UsageError(f"--tile is for --overlap group or pixel, not {options.overlap}")
    if options.align < 1 or (options.element_bytes is None and options.align % size):
        raise UsageError(f"--align {options.align}: a multiple of {size}, an element's size")
    if options.align > MOST_ALIGN:
        raise UsageError(f"--align {options.align}: at most {MOST_ALIGN}, the size of a page")


def _scratch(layout: Layout, tasks: tuple[Task, ...], options: Options) -> int:
    """Elements of the largest buffer on the stack; what holds a tile is the accelerator's own."""
    return 0 if options.tile else max((scratch(task, layout) for task in tasks), default=0)


def _fused(graph: Graph, options: Options) -> Graph:
    wanted = options.fuse_pools
    if wanted is None:  # whole tensors are the baseline that others are measured against
        wanted = options.overlap != "none"
    return fuse_pools(graph) if wanted else graph


def _against(fused: Profile, graph: Graph, options: Options, size: int) -> Profile:
    """The profile of a network with fused pools; operators and whole tensors as without."""
    layout = lay_out(graph, options.io_layout)
    tasks = make_tasks(layout)
    kept = options.keep_input
    schedule = layerwise.schedule(layout, tasks, size, options.order, kept)
    lives = lifetimes(layout, tasks, schedule, size, whole=True, keep_inputs=kept)
    own = measure(layout, tasks, schedule, lives, size, kept)
    return replace(
        fused,
        costs=own.costs,
        no_reuse_bytes=own.no_reuse_bytes,
        ping_pong_bytes=own.ping_pong_bytes,
        layerwise_bytes=own.layerwise_bytes,
    )


def _cut(tasks: tuple[Task, ...], layout: Layout, options: Options) -> tuple[Task, ...]:
    """The tasks in the steps that the options ask for, or that the code which ships declares."""
    if options.overlap == "group" and options.tile is None:
        return tuple(task.cut(declared(task, layout)) for task in tasks)
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


def _place(candidates: list[_Candidate], how: str) -> tuple[_Candidate, Placement]:
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


def _element_bytes(graph: Graph) -> int:
    """The size of the activations' elements; the plan counts in one size so far."""
    texts = [name for name, tensor in graph.tensors.items() if tensor.dtype == "string"]
    if texts:
        raise UnsupportedModel(f"'{texts[0]}' is string; float32 is needed")
    sizes = {np.dtype(tensor.stored).itemsize for tensor in graph.tensors.values()}
    if len(sizes) > 1:
        raise UnsupportedModel("activations of several element sizes in one network")
    return sizes.pop() if sizes else 4


def _candidate(
    layout: Layout, tasks: tuple[Task, ...], schedule: Schedule, size: int, options: Options
) -> _Candidate:
    whole = options.overlap == "none"
    lives = lifetimes(layout, tasks, schedule, size, whole=whole, keep_inputs=options.keep_input)
    return _Candidate(schedule, lives, placement_problem(lives, schedule.ticks, options.align))
