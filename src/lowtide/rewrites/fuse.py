"""Fuse element-wise operators into the operator that makes their input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from lowtide.ir.graph import Graph, Operator
from lowtide.ir.meaning import Meant
from lowtide.ir.nest import Nest
from lowtide.ir.value import Load, walk
from lowtide.ir.view import Slice
from lowtide.ops import Meaning, Views, understood
from lowtide.ops.definition import can_fuse

MOST_TERMS = 100
"""Parts of one operator's arithmetic: a chain of a thousand functions is cut into several, and so
is one whose functions use their argument twice, which doubles with each of them."""


def fuse(graph: Graph) -> Graph:
    """Applies activations and constant factors before a result is stored: one operator, one result.

        Conv -> Relu -> MaxPool              ->   Conv+Relu -> MaxPool
        Conv -> Transpose -> Reshape -> Exp  ->   Conv+Exp -> Transpose -> Reshape

    Only where the tensors between have no other reader and are no outputs of the network, and the
    arithmetic of the whole stays below `MOST_TERMS`.
    """
    graph = understood(graph)
    made: list[Operator] = []
    meant: list[Meant] = []
    terms: dict[int, int] = {}
    maker: dict[str, int] = {}
    for op in graph.operators:
        running = can_fuse(op, graph)
        home = None
        if running is not None:
            home = _home(op, op.inputs[running], graph, made, meant, maker)
        count = 0
        if home is not None and _differ(meant[home].meaning, graph.meanings[op.output].meaning):
            home = None
        if running is not None and home is not None:
            inner = terms.get(home) or _terms(meant[home].meaning)
            count = _terms(graph.meanings[op.output].meaning, running, inner)
        if running is None or home is None or count > MOST_TERMS:
            maker |= {name: len(made) for name in op.outputs}
            made.append(op)
            meant.append(graph.meanings[op.output])
            continue
        terms[home] = count
        inputs = tuple("" if i == running else name for i, name in enumerate(op.inputs))
        epilogue = (*made[home].epilogue, replace(op, inputs=inputs, running=running))
        made[home] = replace(made[home], epilogue=epilogue)
        # The result keeps the later name, which may be an output of the network.
        last = maker.pop(op.inputs[running])
        made[last] = replace(made[last], outputs=op.outputs)
        maker[op.output] = last
    alive = {*graph.inputs, *(name for op in made for name in op.outputs)}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name in alive}
    meanings = {op.output: held for op, held in zip(made, meant, strict=True)}
    return replace(graph, operators=tuple(made), tensors=tensors, meanings=meanings)


def _differ(one: Meaning, other: Meaning) -> bool:
    """Whether two nests do not compute in the same arithmetic."""
    assert isinstance(one, Nest)
    assert isinstance(other, Nest)
    return one.arithmetic != other.arithmetic


def _terms(nest: Meaning, running: int = -1, inner: int = 1) -> int:
    """The parts of an operator's arithmetic where operand `running` has `inner` of them itself."""
    assert isinstance(nest, Nest)
    parts = list(walk(nest.finish))
    uses = sum(isinstance(p, Load) and nest.reads[p.read].operand == running for p in parts)
    return len(parts) + uses * (inner - 1)


def _home(
    op: Operator,
    name: str,
    graph: Graph,
    made: Sequence[Operator],
    meant: Sequence[Meant],
    maker: Mapping[str, int],
) -> int | None:
    """The operator that computes tensor `name`, seen through views that keep every element."""
    scalars = all(prod(graph.constants[n].shape) == 1 for n in op.inputs if n in graph.constants)
    while name in maker and name not in graph.outputs and len(graph.readers[name]) == 1:
        number = maker[name]
        held = meant[number].meaning
        if isinstance(held, Nest):
            return number
        # Constants with axes of their own would have to be seen through the views as well.
        if not isinstance(held, Views) or not scalars or len(held.chains) > 1:
            return None
        if any(isinstance(view, Slice) for view in held.chains[0]):
            return None
        name = made[number].inputs[0]
    return None
