"""Routes: the operators of a network as segments from cut to cut, some with a stretch in parts."""

from __future__ import annotations

from dataclasses import dataclass

from lowtide.ir.graph import Graph
from lowtide.rewrites.stretch import Stretch
from lowtide.rows.row_graph import RowGraph


@dataclass(frozen=True, eq=False)
class Edge:
    """Tasks `first` .. `end` - 1 as one segment, or with a stretch of them in parts.

    `apart`: each part is a segment of its own. `peak` counts what crosses the segment, in bytes.
    """

    first: int
    end: int
    peak: int
    stretch: Stretch | None = None
    apart: bool = False

    @property
    def cost(self) -> tuple[int, int]:
        """Multiply-adds done twice, and operators added; what a route has least of."""
        one = self.stretch
        return (one.extra_macs, len(one.parts) - (one.end - one.first)) if one else (0, 0)


@dataclass(frozen=True)
class Route:
    """A way through the network: edges from the first task to the last."""

    edges: tuple[Edge, ...]

    @property
    def peak(self) -> int:
        """The most bytes that live in one of its segments."""
        return max((edge.peak for edge in self.edges), default=0)

    @property
    def extra_macs(self) -> int:
        """Multiply-adds that it does twice."""
        return sum(edge.cost[0] for edge in self.edges)

    @property
    def stretches(self) -> list[Stretch]:
        """The stretches that are made in parts."""
        return [edge.stretch for edge in self.edges if edge.stretch]

    def segments(self, graph: Graph, rows: RowGraph) -> dict[str, int]:
        """For each operator, by its output, the number of the segment that it is in."""
        first, end = operators_of(graph, rows)
        found, number = dict[str, int](), 0
        for edge in self.edges:
            for op in graph.operators[first[edge.first] : end[edge.end]]:
                found[op.output] = number
            if edge.stretch:
                found |= {n: number + edge.apart * k for n, k in edge.stretch.parts.items()}
            number = max(found.values(), default=0) + 1
        return found


def operators_of(graph: Graph, rows: RowGraph) -> tuple[list[int], list[int]]:
    """For each cut the operator that a stretch begins with there, and the one it ends before.

    Joins and views have no tasks: they stay outside, before a stretch; not those of images with
    their channels last, which are how the network begins. The caller's rows belong to the operators
    that read or make them.
    """
    number = {name: k for k, op in enumerate(graph.operators) for name in op.outputs}
    n = len(rows.tasks)
    first, end = [len(graph.operators)] * (n + 1), [0] * (n + 1)
    for k in range(n - 1, -1, -1):
        task = rows.tasks[k]
        known = not task.port and task.output in number
        inner = task.operator.inlined
        own = [number[t] for t in (task.output, *([inner.output] if inner else ())) if known]
        first[k] = min(own) if own else first[k + 1]
    for k in range(1, n + 1):
        task = rows.tasks[k - 1]
        known = not task.port and task.output in number
        end[k] = number[task.output] + 1 if known else end[k - 1]
    turned = (graph.tensors.get(op.read[0]) for op in graph.operators[: first[0]])
    if all(image is not None and image.channels_last for image in turned):
        first[0] = 0
    return first, end
