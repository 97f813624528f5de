"""From a simplified graph to a plan: lay out, cut into steps, schedule, place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from lowtide.clock import Clock
from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Graph
from lowtide.kernels.families import families_of
from lowtide.layout.lay_out import Layout, lay_out
from lowtide.planner.costs import Whole, measure
from lowtide.planner.layerwise import cut, plan_layerwise
from lowtide.planner.options import Objective, Options, Source
from lowtide.planner.parts import Parting
from lowtide.planner.plan import Plan, straight_rows
from lowtide.planner.refuse import check_align, check_options, check_states, check_types
from lowtide.planner.scratch import narrower, with_scratch
from lowtide.planner.states import Candidates, hold, with_copies
from lowtide.planner.steps import best_streamed
from lowtide.planner.streamed import Segmented, Streamed, cut_segments
from lowtide.rewrites.as_if import as_if
from lowtide.rewrites.fuse_pools import fuse_pools
from lowtide.rewrites.in_order import in_order
from lowtide.rows.follows import in_state_order
from lowtide.rows.liveness import whole_lifetimes
from lowtide.rows.task import Task, make_tasks
from lowtide.schedules import layerwise
from lowtide.schedules.depth_first import depth_first

_NARROWINGS = 3
"""How often a network is planned again for narrower tiles; a tile of four is halved twice."""


def make_plan(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None = None
) -> Plan:
    """Lays a graph out, schedules it and places its storages; returns the best plan found.

    A streamed plan is kept if it needs less memory than the one layer by layer, or if the
    objective is time: its steps are whole rows, for which there are faster kernels. Within
    `options.max_overhead` work may be done twice, for the least memory, or, with a `budget` in
    bytes, as little as meets it. Where the tiles of kernels raise the peak much, it is planned
    again with narrower ones. Raises UsageError for options that do not go together,
    UnsupportedModel for what cannot be planned.
    """
    check_options(options)
    check_states(graph, options)
    return with_copies(graph, lambda one: _narrowed(source, one, options, clock, budget))


def _narrowed(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None
) -> Plan:
    plan = _planned(source, graph, options, clock, budget, {})
    for _ in range(_NARROWINGS):
        tiles = narrower(plan)
        if tiles == plan.layout.tiles:
            break
        plan = _planned(source, graph, options, clock, budget, tiles)
    return plan


def _planned(
    source: Source,
    graph: Graph,
    options: Options,
    clock: Clock,
    budget: int | None,
    tiles: Mapping[str, int],
) -> Plan:
    try:
        with clock("laying out"):
            check_types(graph)
            graph = as_if(graph, options.element_bytes)
            laid = _laid_out(graph, options, tiles)
    except UnsupportedModel as error:
        raise error.within(file=source.path) from None
    check_align(options, laid.layout)
    whole = _layerwise(source, laid, options, clock)
    if options.schedule == "layerwise" or options.overlap == "none" or options.tile:
        return hold(whole)
    cuts, most = _cuts(whole, clock), inf if budget is None else budget
    plans = Candidates()
    if not _ports(options) and options.objective == "memory":
        plans.add(whole)
    if options.max_overhead and budget is None:
        plans.add(*_with_parts(whole, cuts[0], graph, clock, budget))
    if plans.arena_bytes > cuts[0].live_bytes:
        plans.add(_at_objective(whole, cuts, clock, budget))
    if options.max_overhead and plans.arena_bytes > most:
        plans.add(*_with_parts(whole, cuts[0], graph, clock, budget))
    if not _ports(options) and plans.arena_bytes > most:
        plans.add(whole)
    return plans.smallest


@dataclass(frozen=True, eq=False)
class _Laid:
    """A network as it was given, and in the layout that is planned, in which pools may be fused."""

    given: Graph
    fused: bool
    layout: Layout
    tasks: tuple[Task, ...]


def _laid_out(graph: Graph, options: Options, tiles: Mapping[str, int]) -> _Laid:
    fused = _fused(graph, options)
    families = None if options.cpu is None else families_of(options.cpu)
    layout = replace(lay_out(fused, options.io_layout), tiles=tiles, families=families)
    tasks = in_state_order(layout, make_tasks(layout))
    return _Laid(graph, fused is not graph, layout, cut(tasks, layout, options))


def _layerwise(source: Source, laid: _Laid, options: Options, clock: Clock) -> Plan:
    layout, tasks = laid.layout, laid.tasks
    held = with_scratch(layout, tasks, by_rows=False)
    best, found, placement = plan_layerwise(held, tasks, options, clock)
    if laid.fused:
        given = _as_given(laid.given, tasks, options)
    else:
        kept, lives = options.keep_input, {n: found[n] for n in layout.storages}
        if options.overlap != "none":
            lives = whole_lifetimes(layout, tasks, best.schedule, kept)
        given = Whole(layout, tasks, best.schedule, lives)
    measured = measure(given, tasks, best.problem.lower_bound)
    addresses = straight_rows(held, best.problem, placement)
    return Plan(
        source, options, held, tasks, best.schedule, found, best.problem, placement,
        addresses, measured, given,
    )  # fmt: skip


SLOWER: tuple[Objective, ...] = ("latency", "balanced", "memory")
"""Objectives, the fastest first."""


def _at_objective(whole: Plan, cuts: Sequence[Segmented], clock: Clock, budget: int | None) -> Plan:
    """The streamed plan of the objective that was asked for, or the fastest within a budget."""
    slower = SLOWER[SLOWER.index(whole.options.objective) :]
    for objective in slower:
        options = replace(whole.options, objective=objective)
        placed = best_streamed(cuts, options, clock)
        if budget is None or placed.placement.arena_bytes <= budget:
            break
    return as_streamed(replace(whole, options=options), placed)


def stream(whole: Plan, clock: Clock) -> Plan:
    """Plans again with rows in turns; the figures that it is compared with stay."""
    cuts = _cuts(whole, clock)
    return as_streamed(whole, best_streamed(cuts, whole.options, clock))


def _cuts(whole: Plan, clock: Clock) -> list[Segmented]:
    """The ways to cut the operators in their order, or in one in which branches end sooner."""
    layout, options = whole.layout, whole.options
    ordered = [whole.tasks[run.task] for run in whole.schedule.runs]
    with clock("cutting into segments"):
        found = cut_segments(layout, ordered, options)
        if options.order != "given":
            after = layerwise.order_problem(layout, ordered).after
            other = [ordered[k] for k in depth_first(after)]
            second = found if other == ordered else cut_segments(layout, other, options)
            found = min(found, second, key=lambda cuts: cuts[0].live_bytes)
    return found


def _with_parts(
    whole: Plan, without: Segmented, graph: Graph, clock: Clock, budget: int | None
) -> Iterator[Plan]:
    """Plans that need less than `without` since stretches of operators are made in parts."""
    options = whole.options
    outputs = [whole.tasks[run.task].output for run in whole.schedule.runs]
    parting = Parting(
        in_order(graph, outputs),
        without,
        int(options.max_overhead * whole.profile.macs),
        options,
        lambda parted: replace(
            lay_out(_fused(parted, options), options.io_layout),
            tiles=whole.layout.tiles,
            families=whole.layout.families,
        ),
        clock,
    )
    for found in parting.least() if budget is None else parting.within(budget):
        yield as_streamed(whole, found)


def as_streamed(whole: Plan, found: Streamed) -> Plan:
    """`whole` with the schedule and rows of `found`; the figures it is compared with stay."""
    before = whole.schedule
    return replace(
        whole,
        layout=found.layout,
        tasks=found.tasks,
        schedule=replace(found.schedule, proven=before.proven, bound=before.bound),
        lives=found.lives,
        problem=None,
        placement=found.placement,
        addresses=found.addresses,
        profile=replace(whole.profile, lower_bound_bytes=found.live_bytes),
    )


def _ports(options: Options) -> bool:
    """Whether the caller hands in, or takes, rows."""
    return "streamed" in (options.image, options.result)


def _fused(graph: Graph, options: Options) -> Graph:
    wanted = options.fuse_pools
    if wanted is None:  # whole tensors are the baseline that others are measured against
        wanted = options.overlap != "none"
    return fuse_pools(graph) if wanted else graph


def _as_given(graph: Graph, known: Sequence[Task], options: Options) -> Whole:
    """The network without fused pools; `known` are the tasks with them."""
    layout = lay_out(graph, options.io_layout)
    tasks = in_state_order(layout, make_tasks(layout, known))
    schedule = layerwise.schedule(layout, tasks, options.order, options.keep_input)
    lives = whole_lifetimes(layout, tasks, schedule, options.keep_input)
    return Whole(layout, tasks, schedule, lives)
