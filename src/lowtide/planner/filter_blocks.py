"""Planning networks that make weights in the arena: in how many blocks of filters."""

from __future__ import annotations

from lowtide.clock import Clock
from lowtide.ir.graph import Graph
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options, Source
from lowtide.planner.plan import Plan
from lowtide.rewrites.filter_blocks import filter_blocks, most_filters

SIZES = (2, 4, 8)
"""Blocks are tried of this part of the largest layer's weights: below, there is little to gain."""


def plan_filters(
    source: Source, graph: Graph, options: Options, clock: Clock, budget: int | None = None
) -> Plan:
    """Plans a network, and where it makes weights in the arena, tries blocks of filters.

    Returns the plan with the smallest arena; with a `budget` in bytes the one with the largest
    blocks that meets it. A network that makes no weights is planned once.
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
    """Whether a budget may change the plan; if not, it is the plan of least memory anyway."""
    return options.objective != "memory" or options.max_overhead > 0 or most_filters(graph) > 0
