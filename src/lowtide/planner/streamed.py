"""Planning streamed: segments of operators row by row, each row placed by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from lowtide.clock import Clock
from lowtide.layout.lay_out import Layout
from lowtide.placers.problem import Placement
from lowtide.planner.options import Options
from lowtide.planner.row_problem import Addresses, row_bars
from lowtide.planner.scratch import with_scratch
from lowtide.rows.liveness import Lives, live_bytes
from lowtide.rows.row_graph import RowGraph, row_graph, row_lifetimes
from lowtide.rows.schedule import Schedule
from lowtide.rows.sums import with_sums
from lowtide.rows.task import Task, port_task
from lowtide.schedules.demand import Segment
from lowtide.schedules.segments import Segments, runs


@dataclass(frozen=True, eq=False)
class Streamed:
    """A streamed plan: its schedule, the lifetimes and the addresses of its rows.

    `tasks` are in the order of their segments.
    """

    layout: Layout
    tasks: tuple[Task, ...]
    schedule: Schedule
    lives: Lives
    live_bytes: int
    placement: Placement
    addresses: Addresses


@dataclass(frozen=True, eq=False)
class Segmented:
    """Tasks in an order, cut into segments; nothing is placed yet."""

    layout: Layout
    known: Segments
    segments: tuple[Segment, ...]

    @property
    def graph(self) -> RowGraph:
        """The rows of the tasks."""
        return self.known.graph

    @property
    def live_bytes(self) -> int:
        """The most that lives at one time."""
        return max((one.peak for one in self.segments), default=0)

    @cached_property
    def timed(self) -> TimedRows:
        """The segments as a schedule, with the lifetime of every row."""
        schedule = Schedule(runs(self.graph, self.segments))
        lives = row_lifetimes(self.graph, schedule)
        return TimedRows(self, schedule, lives, int(live_bytes(lives, schedule.ticks).max()))


LONGEST = (None, 32, 16, 8, 4)
"""The most operators in a segment: the fewer, the more lives at one time, and the better it packs.

Rows of many sizes that come and go leave gaps, whole tensors do not.
"""


MOST_ROWS = 1 << 22
"""Rows to be put in order, some seconds, for a way to cut; with more, segments are to be shorter.

That is twice what the largest network in docs/models.md takes.
"""


def cut_segments(layout: Layout, tasks: Sequence[Task], options: Options) -> list[Segmented]:
    """Cuts tasks, in an order in which they can be run, into segments of least peak.

    Returns several ways to cut. The first has the least peak of all; the others have shorter
    segments, whose rows may be placed with fewer gaps.
    """
    layout, graph = _rows(layout, tasks, options)
    known = Segments(graph)
    *longer, last = LONGEST
    ways = [known.least_peak(longest, MOST_ROWS) for longest in longer]
    ways.append(known.least_peak(last))
    return [Segmented(layout, known, way) for way in dict.fromkeys(ways) if way is not None]


def _rows(layout: Layout, tasks: Sequence[Task], options: Options) -> tuple[Layout, RowGraph]:
    """The rows of tasks, and the layout with room for sums that wait between them, and scratch."""
    wide, rows = with_sums(layout, tasks)
    with_ports = _with_ports(wide, rows, options)
    wide = with_scratch(wide, with_ports, by_rows=True)
    return wide, row_graph(wide, with_ports, keep_inputs=options.keep_input)


def live_in_parts(
    layout: Layout,
    tasks: Sequence[Task],
    options: Options,
    parts: Mapping[str, int],
    elsewhere: Collection[str],
) -> tuple[int, int]:
    """The peak in bytes of a network some of whose operators are parts of a stretch.

    Two numbers: all its rows in turns as one segment; and part after part, a segment each. Inputs
    that are needed `elsewhere` are not counted.
    """
    layout, graph = _rows(layout, tasks, options)
    sizes = graph.sizes.copy()
    for name in elsewhere:
        sizes[graph.storage == graph.names.index(layout.places[name].storage)] = 0
    known = Segments(replace(graph, sizes=sizes))
    n = len(graph.tasks)
    return known.peak([0, n]), known.peak(part_cuts(graph, parts))


def part_cuts(graph: RowGraph, parts: Mapping[str, int]) -> list[int]:
    """The cuts between the tasks of one part and those of the next.

    A task that is in no part belongs to the next one; a result that the caller takes, to the part
    that makes it.
    """
    n = len(graph.tasks)
    part = [parts.get(task.output) if not task.port else None for task in graph.tasks]
    for k in range(1, n):
        part[k] = part[k - 1] if graph.tasks[k].port == "out" else part[k]
    for k in range(n - 2, -1, -1):
        part[k] = part[k + 1] if part[k] is None else part[k]
    return [0, *(k for k in range(1, n) if part[k] != part[k - 1]), n]


def cut_at(
    layout: Layout, tasks: Sequence[Task], options: Options, parts: Mapping[str, int]
) -> Segmented:
    """Cuts tasks, in their order, into segments.

    `parts` gives the number of each task's segment, by its output.
    """
    layout, graph = _rows(layout, tasks, options)
    known = Segments(graph)
    cuts = part_cuts(graph, parts)
    return Segmented(layout, known, tuple(known.get(a, b) for a, b in pairwise(cuts)))


@dataclass(frozen=True, eq=False)
class TimedRows:
    """Segments as a schedule, with the lifetimes of its rows."""

    found: Segmented
    schedule: Schedule
    lives: Lives
    live_bytes: int

    def placed(self, arena: int, addresses: Addresses) -> Streamed:
        """The streamed plan that has its rows at these addresses."""
        live = self.live_bytes
        return Streamed(
            self.found.layout, self.found.graph.tasks, self.schedule, self.lives, live,
            Placement((), arena, arena == live, live), addresses,
        )  # fmt: skip


def plan_streamed(found: Segmented, options: Options, clock: Clock) -> Streamed:
    """Places every row of a schedule of segments."""
    with clock("finding lifetimes"):
        timed = found.timed
    with clock("placing rows"):
        bars = row_bars(found.layout, timed.lives, timed.live_bytes, options)
        return timed.placed(*bars.place(options.place)[:2])


def _with_ports(layout: Layout, tasks: Sequence[Task], options: Options) -> tuple[Task, ...]:
    """The tasks with the caller's: inputs right before they are read, results when made.

    An input that nothing reads comes last: its rows are handed in all the same.
    """
    graph, found = layout.graph, list[Task]()
    waiting = dict.fromkeys(graph.inputs if options.image == "streamed" else ())
    results = graph.outputs if options.result == "streamed" else ()
    waiting = {name: None for name in waiting if name not in graph.carried}
    results = tuple(name for name in results if name not in graph.carried)
    missing = {name: set(layout.origins[name]) for name in results}
    for task in tasks:
        read = {origin for name in task.reads for origin in layout.origins.get(name, ())}
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
