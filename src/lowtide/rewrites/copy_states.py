"""Copies of what is carried from call to call, where it is read after the new value is made.

h ─> A ─> h'           h' lies where h lies, and B would read it too late
h ─> B(A's)

h ─> A ─> h'.made ─> Copy ─> h'        of the output, when all of h is read
h ─> Copy ─> h.read ─> A ─> h'         of the input, before anything is made
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lowtide.ir.graph import Graph, Operator
from lowtide.ir.state import State


def copied_outputs(graph: Graph, states: Sequence[State]) -> Graph:
    """The graph with some of its states made elsewhere first."""
    names = {one.output: f"{one.output}.made" for one in states}
    tensors = {n: replace(graph.tensors[name], name=n) for name, n in names.items()}
    copies = tuple(_copy(made, name) for name, made in names.items())
    return replace(
        graph,
        operators=(*(_renamed(op, names, names) for op in graph.operators), *copies),
        tensors={**graph.tensors, **tensors},
    )


def copied_inputs(graph: Graph, states: Sequence[State]) -> Graph:
    """The graph with some of its states copied before they are read."""
    names = {one.input: f"{one.input}.read" for one in states}
    tensors = {n: replace(graph.tensors[name], name=n) for name, n in names.items()}
    copies = tuple(_copy(name, read) for name, read in names.items())
    return replace(
        graph,
        operators=(*copies, *(_renamed(op, names, {}) for op in graph.operators)),
        tensors={**graph.tensors, **tensors},
    )


def _renamed(op: Operator, read: Mapping[str, str], made: Mapping[str, str]) -> Operator:
    """An operator that reads and makes tensors of other names."""
    return replace(
        op,
        inputs=tuple(read.get(name, name) for name in op.inputs),
        outputs=tuple(made.get(name, name) for name in op.outputs),
        epilogue=tuple(_renamed(one, read, {}) for one in op.epilogue),
        inlined=None if op.inlined is None else _renamed(op.inlined, read, made),
    )


def _copy(source: str, target: str) -> Operator:
    return Operator(f"copy to {target}", "Copy", (source,), (target,), {"chain": ()})
