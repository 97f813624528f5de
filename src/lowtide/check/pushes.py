"""What a network for endless input is expected to make of pushes that follow one another.

Its file has another input, so no runtime has it. It is evaluated push after push, fed with the
rows that it keeps, by the definitions of its operators: whole numbers exactly, floats in float64.
"""

from __future__ import annotations

import numpy as np

from lowtide.check.by_definition import by_definition
from lowtide.check.drawn import draw_sets
from lowtide.check.ends import Sets
from lowtide.check.expected import Expected
from lowtide.check.floats import floats_before, parts_of
from lowtide.check.numbers import Sample
from lowtide.check.tflite_truth import as_stored, inputs_of, rule
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Graph

BEYOND = 4
MOST = 64
"""Pushes: those of the delay and some beyond it, but never more."""


def push_samples(graph: Graph, given: Sets) -> list[Sample]:
    """Seeded random pushes and the given ones, in a row, each with what it is expected to make."""
    assert graph.pushes is not None
    kept = {one.input for one in graph.states}
    wanted = {name: drawn for name, drawn in inputs_of(graph).items() if name not in kept}
    drawn = draw_sets(wanted, min(graph.pushes.delay + BEYOND, MOST))
    return expect_pushes(graph, {**drawn, **given})


def expect_pushes(graph: Graph, given: Sets) -> list[Sample]:
    """Pushes in a row, the first of them after a reset, each with what it is expected to make."""
    hidden = {one.output for one in graph.states if not one.shown}
    names = [name for name in graph.outputs if name not in hidden]
    floats = floats_before(parts_of(graph), names)
    real = np.float64 if all(t.dtype == F32 for t in graph.tensors.values()) else np.float32
    old = [(graph.tensors[one.input], one.initial) for one in graph.states]
    held = {t.name: np.full(t.shape, initial, t.dtype.name) for t, initial in old}
    found = []
    for name, inputs in given.items():
        made = by_definition(graph, {**inputs, **held}, real)
        held = {one.input: made[one.output] for one in graph.states}
        outputs = tuple(as_stored(made[y], graph.tensors[y]) for y in names)
        kind, gaps = rule(graph, names, floats, outputs)
        expected = Expected(outputs, kind, "lowtide's definitions", "", gaps)
        found.append(Sample(name, inputs, expected))
    return found
