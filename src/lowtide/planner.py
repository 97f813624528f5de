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
from lowtide.plan_layerwise import cut, plan_layerwise
from lowtide.plan_streamed import plan_streamed
from lowtide.rewrites.fuse_pools import fuse_pools
from lowtide.schedules import layerwise
from lowtide.task import Task, make_tasks

MOST_ALIGN = 4096
"""No loader promises to align a program's memory to more."""


def make_plan(source: Source, graph: Graph, options: Options, clock: Clock) -> Plan:
    """Lays a graph out, schedules it and places its storages.

    A streamed plan is kept only if it needs less memory than the one layer by layer.
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
    return found if _ports(options) or found.arena_bytes < whole.arena_bytes else whole


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
    found = plan_streamed(whole.layout, order, whole.element_bytes, whole.options, clock)
    return replace(
        whole,
        tasks=found.tasks,
        schedule=found.schedule,
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
    sizes = {np.dtype(tensor.dtype).itemsize for tensor in graph.tensors.values()}
    if len(sizes) > 1:
        raise UnsupportedModel("activations of several element sizes in one network")
    return sizes.pop() if sizes else 4
