"""Planning streamed: segments of operators row by row, each row placed by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.clock import Clock
from lowtide.index import IntArray
from lowtide.layout import Layout
from lowtide.live import Lives, lifetimes, live_bytes
from lowtide.placers.rows import RowPlacement, RowProblem, place_rows
from lowtide.plan import Options
from lowtide.problem import Placement
from lowtide.row_graph import RowGraph, row_graph
from lowtide.schedule import Schedule
from lowtide.schedules.stream import Segments, runs
from lowtide.task import Task, make_tasks, port_task


@dataclass(frozen=True, eq=False)
class Streamed:
    """A streamed schedule of `tasks`, which are in the order of their segments, and its rows."""

    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives
    live_bytes: int
    placement: Placement
    addresses: Mapping[str, IntArray]


def plan_streamed(
    layout: Layout, order: Sequence[int], size: int, options: Options, clock: Clock
) -> Streamed:
    """Cuts the operators, in `order`, into segments, and places every row."""
    with clock("cutting into segments"):
        made = make_tasks(layout, accumulate=True)
        tasks = _with_ports(layout, [made[k] for k in order], options)
        graph = row_graph(layout, tasks, size, keep_inputs=options.keep_input)
        segments = Segments(graph).least_peak()
        schedule = Schedule(runs(graph, segments))
    with clock("finding lifetimes"):
        lives = lifetimes(layout, tasks, schedule, size, keep_inputs=options.keep_input)
        live = int(live_bytes(lives, schedule.ticks).max())
    with clock("placing rows"):
        placed = place_rows(_problem(layout, graph, lives, live, options), options.place)
    arena = placed.arena_bytes
    return Streamed(
        tasks, schedule, lives, live, Placement((), arena, arena == live, live),
        _addresses(lives, placed),
    )  # fmt: skip


def _with_ports(layout: Layout, tasks: list[Task], options: Options) -> tuple[Task, ...]:
    """The tasks with the caller's: inputs handed in at the start, results taken when made."""
    names = layout.graph.inputs if options.image == "streamed" else ()
    found = [port_task(layout, name, "in") for name in names]
    late = set(layout.graph.outputs) if options.result == "streamed" else set()
    missing = {name: set(layout.origins[name]) for name in layout.graph.outputs if name in late}
    for task in tasks:
        found.append(task)
        for name, parts in missing.items():
            parts.discard(task.output)
            if not parts and name in late:
                late.discard(name)
                found.append(port_task(layout, name, "out"))
    return tuple(found)


def _problem(
    layout: Layout, graph: RowGraph, lives: Lives, live: int, options: Options
) -> RowProblem:
    """Rows as bars; what the caller sees as one array stays in one piece."""
    ports = {
        *(layout.graph.inputs if options.image == "resident" else ()),
        *(layout.graph.outputs if options.result == "resident" else ()),
    }
    whole = {layout.places[name].storage for name in ports}
    align = options.align
    size, straight = graph.sizes.copy(), []
    for k, name in enumerate(graph.names):
        rows = np.arange(graph.base[k], graph.base[k + 1])
        if name in whole and len(rows) > 1:
            straight.append(rows)
        else:
            size[rows] = -(-size[rows] // align) * align
    start = np.concatenate([lives[name].start for name in graph.names])
    stop = np.concatenate([lives[name].stop for name in graph.names])
    return RowProblem(size, start, stop, tuple(straight), align, live)


def _addresses(lives: Lives, placed: RowPlacement) -> dict[str, IntArray]:
    """The addresses of rows by storage, in the order of the storages."""
    found, first = {}, 0
    for name, life in lives.items():
        found[name] = placed.at[first : first + len(life.start)]
        first += len(life.start)
    return found
