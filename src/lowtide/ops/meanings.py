"""The meanings of a graph's operators, worked out once and handed on from graph to graph.

freeze -> understood -> fuse -> fuse_pools -> lay_out        what each makes anew is understood;
          Graph.meanings                                     what stays keeps its meaning
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lowtide.errors import UnsupportedModel, all_of
from lowtide.ir.graph import Graph, Operator
from lowtide.ir.meaning import Meaning, Meant, operands
from lowtide.ops.entry import understand


def meaning(operator: Operator, graph: Graph) -> Meaning:
    """What an operator means in its graph, what is fused onto it not included.

    What the graph has not kept is worked out, and may be refused with UnsupportedModel.
    """
    known = graph.meanings.get(operator.output)
    if known is not None and known.is_of(operator, graph):
        return known.meaning
    return understand(operator, graph)


def understood(graph: Graph) -> Graph:
    """The graph with the meanings of all its operators; those that it has stay.

    Raises UnsupportedModel, which names all operators that have none.
    """
    found: dict[str, Meant] = {}
    refused: list[UnsupportedModel] = []
    for op in _operators(graph):
        try:
            found[op.output] = _meant(op, graph)
        except UnsupportedModel as error:
            refused.append(error)
    if refused:
        raise all_of(refused)
    return replace(graph, meanings=found)


def _operators(graph: Graph) -> Iterator[Operator]:
    """The operators, and before each those that are computed inside it."""
    for op in graph.operators:
        inner = op.inlined
        while inner is not None:
            yield inner
            inner = inner.inlined
        yield op


def _meant(op: Operator, graph: Graph) -> Meant:
    known = graph.meanings.get(op.output)
    if known is not None and known.is_of(op, graph):
        return known
    held = understand(op, graph)
    return Meant(op, operands(op.inputs, graph), operands(op.outputs, graph), held)
