"""From a simplified graph to a plan: lay out, cut into steps, schedule, place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.backends import scratch
from lowtide.clock import Clock
from lowtide.costs import Profile, measure
from lowtide.errors import UnsupportedModel, UsageError
from lowtide.graph import Graph
from lowtide.layout import Layout, lay_out
from lowtide.live import lifetimes
from lowtide.plan import Options, Plan, Source, straight_rows
from lowtide.plan_bands import BandSearch
from lowtide.plan_layerwise import cut, plan_layerwise
from lowtide.plan_streamed import (
    Streamed,
    best_streamed,
    cut_segments,
    live_after,
    live_in_bands,
)
from lowtide.rewrites.bands import in_order
from lowtide.rewrites.fuse_pools import fuse_pools
from lowtide.schedules import layerwise
from lowtide.task import Task, make_tasks

MOST_ALIGN = 4096
"""No loader promises to align a program's memory to more."""

MOST_PLACED = 6
"""Plans with bands of which the rows are placed to see whether they fit a budget."""


def make_plan(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None = None
) -> Plan:
    """Lays a graph out, schedules it and places its storages.

    A streamed plan is kept only if it needs less memory than the one layer by layer. Work is done
    twice, up to `options.max_overhead`, for the least memory, or the least work within `budget`.
    """
    try:
        with clock("laying out"):
            size = options.element_bytes or _element_bytes(graph)
            fused = _fused(graph, options)
            layout = lay_out(fused, options.io_layout)
            tasks = cut(make_tasks(layout), layout, options)
    except UnsupportedModel as error:
        raise error.within(file=source.file) from None
    _check(options, size)
    whole = _layerwise(source, graph, fused, layout, tasks, size, options, clock)
    if options.schedule == "layerwise" or options.overlap == "none" or options.tile:
        return whole
    found = stream(whole, clock)
    if not _ports(options) and found.arena_bytes >= whole.arena_bytes:
        found = whole
    if not options.max_overhead or (budget is not None and found.arena_bytes <= budget):
        return found
    return _with_bands(whole, found, graph, clock, budget)


def _layerwise(
    source: Source,
    graph: Graph,
    fused: Graph,
    layout: Layout,
    tasks: tuple[Task, ...],
    size: int,
    options: Options,
    clock: Clock,
) -> Plan:
    best, placement = plan_layerwise(layout, tasks, size, options, clock)
    measured = measure(layout, tasks, best.schedule, best.lives, size, options.keep_input)
    if fused is not graph:
        measured = _against(measured, graph, options, size)
    addresses = straight_rows(layout, best.problem, placement, size)
    return Plan(
        source, options, size, layout, tasks, best.schedule, best.lives, best.problem, placement,
        addresses, measured, _scratch(layout, tasks, options) * size,
    )  # fmt: skip


def stream(whole: Plan, clock: Clock) -> Plan:
    """A plan layer by layer made anew with rows in turns; what it is compared with stays."""
    order = [run.task for run in whole.schedule.runs]
    with clock("cutting into segments"):
        found = cut_segments(whole.layout, whole.element_bytes, whole.options, order)
    return _streamed(whole, best_streamed(found, whole.element_bytes, whole.options, clock))


def _with_bands(whole: Plan, without: Plan, graph: Graph, clock: Clock, budget: int | None) -> Plan:
    """The plan with its first operators in column bands, if that is better than `without`."""
    options, size, best = whole.options, whole.element_bytes, without
    windows = options.image == "streamed"
    outputs = [whole.tasks[run.task].output for run in whole.schedule.runs]

    def laid_out(banded: Graph) -> Layout:
        return lay_out(_fused(banded, options), options.io_layout)

    with clock("looking for bands"):
        after = live_after(whole.layout, size, options, outputs)
        candidates = BandSearch(
            in_order(graph, outputs),
            int(options.max_overhead * whole.profile.macs),
            without.profile.lower_bound_bytes,
            windows,
            lambda banded: live_in_bands(laid_out(banded), size, options),
            after.get,
            clock.progress,
        ).run()
    if budget is not None:
        candidates = [one for one in candidates if one.live_bytes <= budget][:MOST_PLACED]
    else:
        candidates = sorted(candidates, key=lambda one: one.live_bytes)[:2]
    for one in candidates:
        with clock("cutting into segments"):
            segmented = cut_segments(laid_out(one.graph), size, options)
        found = _streamed(whole, best_streamed(segmented, size, options, clock))
        best = found if found.arena_bytes < best.arena_bytes else best
        if budget is not None and best.arena_bytes <= budget:
            break
    return best


def _streamed(whole: Plan, found: Streamed) -> Plan:
    """The plan with its rows in segments; what it is compared with stays."""
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
        scratch_bytes=0,
    )


def _ports(options: Options) -> bool:
    """Whether the caller hands in, or takes, rows."""
    return "streamed" in (options.image, options.result)


def _check(options: Options, size: int) -> None:
    """Raises UsageError for options that do not go together; `size` is that of an element."""
    if options.tile and options.overlap in ("none", "row"):
        raise UsageError(f"--tile is for --overlap group or pixel, not {options.overlap}")
    if _ports(options) and (options.schedule == "layerwise" or options.overlap == "none"):
        raise UsageError("--image streamed and --result streamed need --schedule stream")
    if options.max_overhead and (options.schedule == "layerwise" or options.overlap == "none"):
        raise UsageError("--max-overhead needs --schedule stream")
    if options.max_overhead and options.image == "streamed" and options.io_layout != "nhwc":
        # in planes the columns of a band are not one piece of a row
        raise UsageError("--max-overhead with --image streamed needs --io-layout nhwc")
    if options.max_overhead and options.tile:
        raise UsageError("--tile and --max-overhead do not go together")
    if _ports(options) and options.tile:
        raise UsageError("--tile is for images and results that are resident")
    if options.image == "streamed" and options.keep_input:
        raise UsageError("--keep-input is for --image resident: rows that are handed in pass by")
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


def _element_bytes(graph: Graph) -> int:
    """The size of the activations' elements; the plan counts in one size so far."""
    texts = [name for name, tensor in graph.tensors.items() if tensor.dtype == "string"]
    if texts:
        raise UnsupportedModel(f"'{texts[0]}' is string; float32 is needed")
    sizes = {np.dtype(tensor.stored).itemsize for tensor in graph.tensors.values()}
    if len(sizes) > 1:
        raise UnsupportedModel("activations of several element sizes in one network")
    return sizes.pop() if sizes else 4
