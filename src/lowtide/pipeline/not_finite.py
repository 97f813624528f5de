"""Weights that hold NaN or infinity: named where a check on the numbers fails, the likely cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from lowtide.errors import CheckError
from lowtide.ir.graph import Graph, Operator


@contextmanager
def naming_weights(graph: Graph) -> Iterator[None]:
    """A CheckError says which operator reads such weights, if one does."""
    try:
        yield
    except CheckError as error:
        found = next(_readers(graph), None)
        if found is None:
            raise
        operator, name = found
        cause = f"{operator.type} '{operator.name}' reads '{name}', which holds NaN or infinity"
        raise CheckError(f"{error}; {cause}: train or export it anew") from error


def _readers(graph: Graph) -> Iterator[tuple[Operator, str]]:
    for operator in graph.operators:
        inlined = (operator.inlined,) if operator.inlined else ()
        for one in (*inlined, operator, *operator.epilogue):
            for name in one.inputs:
                held = graph.constants.get(name)
                if held is not None and held.dtype.kind == "f" and not np.isfinite(held).all():
                    yield one, name
