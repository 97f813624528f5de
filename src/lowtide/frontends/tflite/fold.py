"""What an operator makes of constants, by its own definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ir.meaning import Join, Views
from lowtide.ir.view import Permute, Slice, View
from lowtide.ops import meaning
from lowtide.ops.evaluate import evaluate

MOST_POINTS = 1 << 26


def folded(
    operator: Operator, tensors: Mapping[str, Tensor], constants: Mapping[str, Array]
) -> dict[str, Array]:
    """The outputs, by name, of an operator that reads constants alone."""
    graph = Graph("constants", (), operator.outputs, (operator,), tensors, constants)
    held = meaning(operator, graph)
    arrays = [constants[name] if name else None for name in operator.inputs]
    made: list[Array | None]
    if isinstance(held, Views):
        assert arrays[0] is not None
        made = [_seen(arrays[0], chain) for chain in held.chains]
    elif isinstance(held, Join):
        made = [np.concatenate([a for a in arrays if a is not None], held.axis)]
    else:
        made = [evaluate(held, arrays, MOST_POINTS)]
    results = {}
    for name, array in zip(operator.outputs, made, strict=True):
        if array is None:
            raise UnsupportedModel(
                "its constant result takes too long", node=operator.name, operator=operator.type
            )
        results[name] = np.ascontiguousarray(array.astype(tensors[name].dtype.name))
    return results


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
