"""The definition of an operator with everything fused onto it."""

from __future__ import annotations

from dataclasses import dataclass

from lowtide.ir.compose import compose, inline
from lowtide.ir.dtype import dtype_of
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ir.nest import Nest
from lowtide.ops.entry import ENTRIES, Bound
from lowtide.ops.meanings import meaning


@dataclass(frozen=True)
class Definition:
    """A nest and the names of its operands: `nest.reads[i].operand` is an index into `operands`."""

    nest: Nest
    operands: tuple[str, ...]


def definition(operator: Operator, graph: Graph) -> Definition | None:
    """The nest of an operator, epilogue and inlined operator included; None for views and joins."""
    nest = meaning(operator, graph)
    if not isinstance(nest, Nest):
        return None
    operands = list(operator.inputs)
    if operator.inlined:
        inner = definition(operator.inlined, graph)
        assert inner is not None, f"{operator.inlined.name} is a view"
        nest, operands = inline(inner.nest, nest), list(inner.operands)
    for outer in operator.epilogue:
        second = _pointwise(outer, graph, graph.tensors[operator.output])
        others = sorted({read.operand for read in second.reads} - {outer.running})
        nest = compose(nest, second, outer.running, len(operands))
        operands += [outer.inputs[i] for i in others]
    return Definition(nest, tuple(operands))


def _pointwise(outer: Operator, graph: Graph, running: Tensor) -> Nest:
    """The nest of a fused operator on the running value."""
    constants = {i: graph.constants[n] for i, n in enumerate(outer.inputs) if n}
    given = {i: _constant(outer.inputs[i], array) for i, array in constants.items()}
    given[outer.running] = running
    inputs = tuple(given.get(i) for i in range(len(outer.inputs)))
    bound = Bound(outer, inputs, constants, (running,))
    nest = bound.meaning()
    assert isinstance(nest, Nest)
    return nest


def _constant(name: str, array: Array) -> Tensor:
    return Tensor(name, tuple(array.shape), dtype_of(array.dtype))


def can_fuse(operator: Operator, graph: Graph) -> int | None:
    """The operand onto whose producer this pointwise operator may be fused; None if it may not.

    That operand must be its only activation, and have the shape and type of the output.
    """
    if not ENTRIES[operator.type].pointwise or "" in operator.inputs[:1]:
        return None
    active = [i for i, name in enumerate(operator.inputs) if name in graph.tensors]
    if len(active) != 1:
        return None
    read, made = graph.tensors[operator.inputs[active[0]]], graph.tensors[operator.output]
    return active[0] if (read.shape, read.dtype) == (made.shape, made.dtype) else None
