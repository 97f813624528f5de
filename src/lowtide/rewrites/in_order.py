"""A graph's operators in another order in which they can be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import heappop, heappush

from lowtide.ir.graph import Graph, Operator


def in_order(graph: Graph, outputs: Sequence[str]) -> Graph:
    """The graph with its operators in the order in which `outputs` lists some of their outputs.

    Operators that are not listed come right before the first that needs them.
    """
    rank = {name: float(k) for k, name in enumerate(outputs)}
    for op in reversed(graph.operators):
        if op.output not in rank:
            readers = (r for name in op.outputs for r in graph.readers[name])
            rank[op.output] = min((rank[r.output] for r in readers), default=len(rank)) - 0.5
    return replace(graph, operators=tuple(_sorted(graph, rank)))


def _sorted(graph: Graph, rank: Mapping[str, float]) -> Iterator[Operator]:
    """Every operator after those that make what it reads, the lowest rank first."""
    number = {op.output: k for k, op in enumerate(graph.operators)}
    missing = {
        op.output: {graph.producer[n].output for n in op.read if n in graph.producer}
        for op in graph.operators
    }
    ready = [(rank[name], number[name]) for name, needs in missing.items() if not needs]
    heap: list[tuple[float, int]] = []
    for one in ready:
        heappush(heap, one)
    while heap:
        op = graph.operators[heappop(heap)[1]]
        yield op
        for reader in {r.output: r for name in op.outputs for r in graph.readers[name]}.values():
            missing[reader.output].discard(op.output)
            if not missing[reader.output]:
                heappush(heap, (rank[reader.output], number[reader.output]))
