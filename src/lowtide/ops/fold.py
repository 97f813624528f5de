"""What an operator makes of constants, by its own definition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lowtide.errors import CUT, UnsupportedModel
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ops.definition import definition
from lowtide.ops.evaluate import evaluate
from lowtide.ops.moved import moved

MOST_POINTS = 1 << 26


def folded(
    operator: Operator, tensors: Mapping[str, Tensor], constants: Mapping[str, Array]
) -> dict[str, Array]:
    """The outputs, by name, of an operator that reads constants alone."""
    graph = Graph("constants", (), operator.outputs, (operator,), tensors, constants)
    made = moved(operator, graph, constants)
    defined = definition(operator, graph)
    if defined is not None:
        operands = [constants[name] if name else None for name in defined.operands]
        result = evaluate(defined.nest, operands, MOST_POINTS)
        if result is None:
            raise UnsupportedModel(
                "its result is a constant that takes too long to compute",
                node=operator.name,
                operator=operator.type,
                hint=f"fold it with onnxsim, or {CUT}",
            )
        made = {operator.output: result.astype(tensors[operator.output].dtype.name)}
    assert made is not None
    return {name: np.ascontiguousarray(array) for name, array in made.items()}
