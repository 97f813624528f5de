"""A whole graph by the definitions of its operators, in numpy, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowtide.ir.graph import Array, Graph
from lowtide.ops.definition import definition
from lowtide.ops.evaluate import evaluate
from lowtide.ops.moved import moved

MOST_POINTS = 1 << 30
"""Rounds of one operator's loops: minutes."""


def by_definition(
    graph: Graph, inputs: Mapping[str, Array], real: type[np.floating[Any]] = np.float32
) -> dict[str, Array]:
    """All tensors by name: whole numbers exactly, floats as `real`; raises MemoryError."""
    held: dict[str, Array] = {**graph.constants, **inputs}
    for op in graph.operators:
        defined = definition(op, graph)
        if defined is None:
            held |= moved(op, graph, held) or {}
            continue
        operands = [held[name] if name else None for name in defined.operands]
        made = evaluate(defined.nest, operands, MOST_POINTS, real)
        if made is None:
            raise MemoryError
        kind = graph.tensors[op.output].dtype.name
        held[op.output] = made.astype(real if kind == "float32" else kind)
    return held
