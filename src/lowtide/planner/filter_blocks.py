"""Planning networks that make weights in the arena: in how many blocks of filters."""

from __future__ import annotations

from lowtide.clock import Clock
from lowtide.ir.graph import Graph
from lowtide.planner.make_plan import make_plan
from lowtide.planner.plan import Options, Plan, Source
from lowtide.rewrites.filter_blocks import filter_blocks, most_filters

SIZES = (2, 4, 8)
"""Blocks are tried of this part of the largest layer's weights: below, there is little to gain."""


def plan_filters(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None = None
) -> Plan:
    """The plan of `make_plan`, with made weights in the blocks that need the least memory.

    The largest blocks within a budget. A network that makes no weights is planned once.
    """
    best = make_plan(source, graph, options, clock, budget)
    largest = most_filters(graph)
    for part in SIZES if largest else ():
        if budget is not None and best.arena_bytes <= budget:
            break
        with clock("cutting filters into blocks"):
            cut = filter_blocks(graph, -(-largest // part))
        found = make_plan(source, cut, options, clock, budget)
        best = found if found.arena_bytes < best.arena_bytes else best
    return best


def heeds_budget(graph: Graph, options: Options) -> bool:
    """Whether a budget may lead to another plan: else that of the least memory is made anyway."""
    return options.objective != "memory" or options.max_overhead > 0 or most_filters(graph) > 0
