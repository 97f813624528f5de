"""Operators whose only reader is a pool are computed inside it."""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.compose import reads_each_once
from lowtide.ir.graph import Graph, Operator
from lowtide.ir.nest import Nest
from lowtide.ops import meaning

MOST_INLINED = 8
"""Operators one inside the other: chains of pools of one pixel are as long as they like."""


def fuse_pools(graph: Graph) -> Graph:
    """Computes an operator inside the pool that reads it, where the pool's windows do not overlap.

        Conv+Relu [64,224,224] -> MaxPool 2x2 [64,112,112]   ->   Conv+Relu+MaxPool [64,112,112]

    The tensor between is never stored, and nothing is computed twice. Not where another operator
    reads it, or the network hands it out.
    """
    made: dict[str, Operator] = {}
    depths: dict[str, int] = {}
    for op in graph.operators:
        inner = made.get(op.inputs[0]) if op.inputs else None
        depth = depths.get(inner.output, 0) if inner else 0
        if inner and depth < MOST_INLINED and _fits(inner, op, graph):
            del made[inner.output]
            depths[op.output] = depth + 1
            op = replace(op, inlined=inner)
        made[op.output] = op
    if len(made) == len(graph.operators):
        return graph
    return replace(graph, operators=tuple(made.values()))


def _fits(inner: Operator, outer: Operator, graph: Graph) -> bool:
    name = inner.output
    if name in graph.outputs or len(graph.readers[name]) > 1 or len(inner.outputs) > 1:
        return False
    made, nest = meaning(inner, graph), meaning(outer, graph)
    if outer.inputs.count(name) > 1 or not isinstance(made, Nest) or not isinstance(nest, Nest):
        return False
    return made.arithmetic == nest.arithmetic and reads_each_once(nest, graph.shape(name))
