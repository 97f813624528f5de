"""Planning streamed: segments of operators row by row, each row placed by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lowtide.clock import Clock
from lowtide.layout import Layout
from lowtide.live import Lives, lifetimes, live_bytes
from lowtide.plan import Options
from lowtide.problem import Placement
from lowtide.row_bars import Addresses, place_bars
from lowtide.row_graph import RowGraph, row_graph
from lowtide.schedule import Schedule
from lowtide.schedules.demand import Segment
from lowtide.schedules.layerwise import read_by
from lowtide.schedules.stream import Segments, runs
from lowtide.task import Task, make_tasks, port_task


@dataclass(frozen=True, eq=False)
class Streamed:
    """A streamed schedule of `tasks`, which are in the order of their segments, and its rows."""

    layout: Layout
    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives
    live_bytes: int
    placement: Placement
    addresses: Addresses


@dataclass(frozen=True, eq=False)
class Segmented:
    """Operators in an order, cut into segments."""

    layout: Layout
    graph: RowGraph
    segments: tuple[Segment, ...]

    @property
    def live_bytes(self) -> int:
        """The most that lives at one time."""
        return max((one.peak for one in self.segments), default=0)


LONGEST = (None, 32, 16, 8, 4)
"""The most operators in a segment: the fewer, the more lives at one time, and the better it packs.

Rows of many sizes that come and go leave gaps, whole tensors do not.
"""


def cut_segments(
    layout: Layout, size: int, options: Options, order: Sequence[int] | None = None
) -> list[Segmented]:
    """The operators of a layout, in `order` (None: as they are), in segments of the least peak.

    There are several ways, that of the least peak of all first; which packs best is to be seen.
    """
    made = make_tasks(layout, accumulate=True)
    ordered = [made[k] for k in order] if order is not None else list(made)
    graph = _rows(layout, ordered, size, options)
    known = Segments(graph)
    ways = dict.fromkeys(known.least_peak(longest) for longest in LONGEST)
    return [Segmented(layout, graph, way) for way in ways]


def best_streamed(
    found: Sequence[Segmented], size: int, options: Options, clock: Clock
) -> Streamed:
    """The one of several ways to cut a network whose rows are placed in the least memory."""
    cheap = replace(options, place="greedy")
    best: tuple[Streamed, Segmented] | None = None
    for one in found:
        if best is None or one.live_bytes < best[0].placement.arena_bytes:
            placed = plan_streamed(one, size, cheap, clock)
            if best is None or placed.placement.arena_bytes < best[0].placement.arena_bytes:
                best = placed, one
    assert best is not None
    if options.place == "greedy" or best[0].placement.proven:
        return best[0]
    return plan_streamed(best[1], size, options, clock)


def _rows(layout: Layout, tasks: Sequence[Task], size: int, options: Options) -> RowGraph:
    with_ports = _with_ports(layout, tasks, options)
    return row_graph(layout, with_ports, size, keep_inputs=options.keep_input)


def live_in_parts(
    layout: Layout,
    size: int,
    options: Options,
    parts: Mapping[str, int],
    elsewhere: Collection[str],
) -> tuple[int, int]:
    """The bytes that live in a network some of whose operators are parts of a stretch.

    All its rows in turns, and part after part, each of them one segment. Inputs that are needed
    `elsewhere` are not counted.
    """
    graph = _rows(layout, make_tasks(layout, accumulate=True), size, options)
    sizes = graph.sizes.copy()
    for name in elsewhere:
        sizes[graph.storage == graph.names.index(layout.places[name].storage)] = 0
    known = Segments(replace(graph, sizes=sizes))
    n = len(graph.tasks)
    return known.peak([0, n]), known.peak(part_cuts(graph, parts))


def part_cuts(graph: RowGraph, parts: Mapping[str, int]) -> list[int]:
    """Where the tasks of one part end and those of the next begin.

    What is no part's own comes right before its reader; a result right after it is made.
    """
    n = len(graph.tasks)
    part = [parts.get(task.output) if not task.port else None for task in graph.tasks]
    for k in range(1, n):
        part[k] = part[k - 1] if graph.tasks[k].port == "out" else part[k]
    for k in range(n - 2, -1, -1):
        part[k] = part[k + 1] if part[k] is None else part[k]
    return [0, *(k for k in range(1, n) if part[k] != part[k - 1]), n]


def cut_at(layout: Layout, size: int, options: Options, parts: Mapping[str, int]) -> Segmented:
    """The operators of a layout, as they are, in segments that are numbered by their outputs."""
    graph = _rows(layout, make_tasks(layout, accumulate=True), size, options)
    known = Segments(graph)
    cuts = part_cuts(graph, parts)
    return Segmented(layout, graph, tuple(known.get(a, b) for a, b in pairwise(cuts)))


def plan_streamed(found: Segmented, size: int, options: Options, clock: Clock) -> Streamed:
    """The schedule of segments, and a place for every row."""
    layout, tasks = found.layout, found.graph.tasks
    schedule = Schedule(runs(found.graph, found.segments))
    with clock("finding lifetimes"):
        lives = lifetimes(layout, tasks, schedule, size, keep_inputs=options.keep_input)
        live = int(live_bytes(lives, schedule.ticks).max())
    with clock("placing rows"):
        arena, addresses = place_bars(layout, lives, live, options)
    return Streamed(
        layout, tasks, schedule, lives, live, Placement((), arena, arena == live, live),
        addresses,
    )  # fmt: skip


def _with_ports(layout: Layout, tasks: Sequence[Task], options: Options) -> tuple[Task, ...]:
    """The tasks with the caller's: inputs right before they are read, results when made.

    An input that nothing reads comes last: its rows are handed in all the same.
    """
    graph, found = layout.graph, list[Task]()
    waiting = dict.fromkeys(graph.inputs if options.image == "streamed" else ())
    results = graph.outputs if options.result == "streamed" else ()
    missing = {name: set(layout.origins[name]) for name in results}
    for task in tasks:
        read = {origin for name in read_by(task) for origin in layout.origins.get(name, ())}
        first = [name for name in waiting if name in read]
        found += [port_task(layout, name, "in") for name in first]
        found.append(task)
        for name in first:
            del waiting[name]
        for name in [name for name, parts in missing.items() if parts <= _made(found)]:
            del missing[name]
            found.append(port_task(layout, name, "out"))
    return (*found, *(port_task(layout, name, "in") for name in waiting))


def _made(tasks: Sequence[Task]) -> set[str]:
    return {task.output for task in tasks if task.port != "out"}
