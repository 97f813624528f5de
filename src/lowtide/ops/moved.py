"""What operators that move nothing make of arrays: their views, taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowtide.ir.graph import Array, Graph, Operator
from lowtide.ir.meaning import Join, Views
from lowtide.ir.view import Permute, Slice, View
from lowtide.ops.meanings import meaning


def moved(operator: Operator, graph: Graph, held: Mapping[str, Array]) -> dict[str, Array] | None:
    """The outputs, by name, of a view or a join of arrays that are held; None of what computes."""
    meant = meaning(operator, graph)
    if isinstance(meant, Views):
        seen = (_seen(held[operator.inputs[0]], chain) for chain in meant.chains)
        return dict(zip(operator.outputs, seen, strict=True))
    if isinstance(meant, Join):
        return {operator.output: np.concatenate([held[n] for n in operator.inputs], meant.axis)}
    return None


def _seen(array: Array, chain: Sequence[View]) -> Array:
    for view in chain:
        if isinstance(view, Permute):
            array = array.transpose(view.order)
        elif isinstance(view, Slice):
            rows = zip(view.starts, view.steps, view.to, strict=True)
            array = array[np.ix_(*(start + step * np.arange(n) for start, step, n in rows))]
        else:
            array = array.reshape(view.to)
    return array
