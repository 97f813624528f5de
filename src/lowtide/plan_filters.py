"""Planning networks that make weights in the arena: in how many blocks of filters."""

from __future__ import annotations

from lowtide.clock import Clock
from lowtide.graph import Graph
from lowtide.plan import Options, Plan, Source
from lowtide.planner import make_plan
from lowtide.rewrites.filter_blocks import filter_blocks, most_filters

LEAST = 512
"""Weights of the smallest block that is tried: filters for one output of 64 channels, 3 x 3."""


def plan_filters(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None = None
) -> Plan:
    """The plan of `make_plan`, with made weights in the blocks that need the least memory.

    The largest blocks within a budget. A network that makes no weights is planned once.
    """
    best = make_plan(source, graph, options, clock, budget)
    size = most_filters(graph) // 2
    while size >= LEAST and (budget is None or best.arena_bytes > budget):
        with clock(f"planning filters in blocks of {size} weights"):
            cut = filter_blocks(graph, size)
        found = make_plan(source, cut, options, clock, budget)
        if found.arena_bytes < best.arena_bytes:
            best = found
        size //= 2
    return best
