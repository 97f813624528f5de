"""What operators mean, and what a graph keeps of it."""

from __future__ import annotations

from dataclasses import dataclass

from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ir.nest import Nest
from lowtide.ir.view import Permute, View


@dataclass(frozen=True)
class Views:
    """The outputs are the first input, seen differently: one chain of views for each output."""

    chains: tuple[tuple[View, ...], ...]

    def turned(self, rank: int) -> tuple[int, ...] | None:
        """Where each axis of the output is among its input's `rank`; None if more has changed."""
        order = tuple(range(rank))
        for view in self.chains[0]:
            if not isinstance(view, Permute):
                return None
            order = tuple(order[axis] for axis in view.order)
        return order if len(self.chains) == 1 else None


@dataclass(frozen=True)
class Join:
    """The inputs that are activations lie one after the other along `axis` of the output."""

    axis: int


Meaning = Nest | Views | Join

Operand = Tensor | Array | None
"""A tensor, a constant, or an optional input that is left out."""


@dataclass(frozen=True, eq=False)
class Meant:
    """A meaning, with all that it follows from. What is fused onto the operator is no part of it.

    Names do not count: an operator keeps its meaning when its tensors are called otherwise.
    """

    operator: Operator
    inputs: tuple[Operand, ...]
    outputs: tuple[Operand, ...]
    meaning: Meaning

    def is_of(self, operator: Operator, graph: Graph) -> bool:
        """Whether an operator means this in a graph, since all that counts is the same."""
        mine = self.operator
        return (
            operator.type == mine.type
            and operator.opset == mine.opset
            and operator.attributes is mine.attributes
            and _same(operands(operator.inputs, graph), self.inputs)
            and _same(operands(operator.outputs, graph), self.outputs)
        )


def operands(names: tuple[str, ...], graph: Graph) -> tuple[Operand, ...]:
    """What names stand for in a graph."""
    tensors, constants = graph.tensors, graph.constants
    return tuple(tensors[name] if name in tensors else constants.get(name) for name in names)


def _same(a: tuple[Operand, ...], b: tuple[Operand, ...]) -> bool:
    return len(a) == len(b) and all(
        x is y
        or (
            (isinstance(x, Tensor) and isinstance(y, Tensor))
            and (x.shape, x.dtype) == (y.shape, y.dtype)
        )
        for x, y in zip(a, b, strict=True)
    )
