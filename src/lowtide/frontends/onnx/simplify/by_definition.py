"""What an operator makes of constants, by lowtide's own definition of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir

from lowtide.errors import ModelError
from lowtide.frontends.onnx.simplify.edit import Array, constant
from lowtide.frontends.onnx.simplify.node_as_operator import operator_of
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Graph, Tensor
from lowtide.ir.nest import Nest
from lowtide.ops import ENTRIES, meaning
from lowtide.ops.evaluate import evaluate


class NotDefined(Exception):
    """The operator's entry does not do this: nobody else is asked what it would be."""


def by_definition(node: ir.Node, version: int, kinds: Sequence[onnx.TypeProto]) -> Array | None:
    """The float32 result of a node that reads constants only, of the type that `kinds` has.

    ONNX's reference knows Softmax and BatchNormalization in one version of several, and computes
    some pools and convolutions otherwise than onnxruntime. None where there is no such definition,
    or it takes too long: moves, other types, large products, which the reference does well. Raises
    NotDefined where the operator is understood and its operands are, but not so.
    """
    arrays = {v.name or "": constant(v) for v in node.inputs if v is not None}
    held = {name: array for name, array in arrays.items() if array is not None}
    first = kinds[0].tensor_type if kinds else onnx.TypeProto.Tensor()
    if node.op_type not in ENTRIES or first.elem_type != onnx.TensorProto.FLOAT:
        return None
    operator = operator_of(node, 0, version)
    parameters = ENTRIES[node.op_type].parameters.values()
    computed = [
        held[name] for k, name in enumerate(operator.inputs) if name and k not in parameters
    ]
    outputs = {
        name: Tensor(name, tuple(d.dim_value for d in kind.tensor_type.shape.dim), F32)
        for name, kind in zip(filter(None, operator.outputs), kinds, strict=True)
    }
    graph = Graph("fold", (), operator.outputs, (operator,), outputs, held)
    try:
        nest = meaning(operator, graph)
    except ModelError as error:
        if all(array.dtype == np.float32 for array in computed):
            raise NotDefined from error
        return None
    if not isinstance(nest, Nest):
        return None
    result = evaluate(nest, [held.get(name) for name in operator.inputs])
    return None if result is None else result.astype(np.float32)
