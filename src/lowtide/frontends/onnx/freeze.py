"""From the model that passes rewrite to the frozen graph that is planned."""

from __future__ import annotations

from collections.abc import Collection

import onnx_ir as ir

from lowtide.errors import EXPORT, FLOAT32, UnsupportedModel
from lowtide.frontends.onnx.simplify.node_as_operator import operator_of
from lowtide.ir.dtype import F32, FLOATS, I8, U8, DType, dtype_of
from lowtide.ir.graph import Graph, Tensor


def freeze(model: ir.Model, eight: bool = False) -> Graph:
    """The graph of a static model: every shape known, every constant an initializer.

    If `eight`, inputs of 8 bits are taken.
    """
    graph, opset = model.graph, model.opset_imports[""]
    constants = {name: value.const_value.numpy() for name, value in graph.initializers.items()}  # type: ignore[union-attr]
    tensors: dict[str, Tensor] = {}
    for value in graph.inputs:
        if value.name not in constants:
            tensors[str(value.name)] = _input(value, (F32, I8, U8) if eight else (F32,))
    operators = []
    for i, node in enumerate(graph):
        operators.append(operator_of(node, i, opset))
        for value in node.outputs:
            if value.name:
                tensors[value.name] = _tensor(value)
    inputs = tuple(str(v.name) for v in graph.inputs if v.name not in constants)
    outputs = tuple(str(v.name) for v in graph.outputs)
    name = str(graph.name or "network")
    return Graph(name, inputs, outputs, tuple(operators), tensors, constants)


def _tensor(value: ir.Value) -> Tensor:
    if value.shape is None or value.dtype is None or not value.shape.is_static():
        raise UnsupportedModel(f"tensor '{value.name}' has no static shape", hint="fix its shape")
    if value.dtype == ir.DataType.UNDEFINED:
        raise UnsupportedModel(f"tensor '{value.name}' has no element type", hint=EXPORT)
    shape = tuple(int(d) for d in value.shape.numpy())
    if min(shape, default=0) < 0:
        maker = value.producer()
        node, type_ = (maker.name, maker.op_type) if maker else (None, None)
        what = f"output '{value.name}' has shape {[*shape]}"
        raise UnsupportedModel(what, node=node, operator=type_, hint=EXPORT)
    return Tensor(str(value.name), shape, dtype_of(value.dtype.numpy()))


def _input(value: ir.Value, types: Collection[DType]) -> Tensor:
    tensor = _tensor(value)
    if tensor.dtype not in types:
        reader = next((use.node for use in value.uses()), None)
        needed = "float32 is" if len(types) == 1 else "float32, int8 or uint8 is"
        by = f", which {reader.op_type} '{reader.name}' reads," if reader is not None else ""
        raise UnsupportedModel(
            f"input '{value.name}'{by} is {tensor.dtype}; {needed} needed",
            hint=FLOAT32
            if tensor.dtype in FLOATS
            else "make it a constant, or begin the network behind what reads it"
            " (onnx.utils.extract_model)",
        )
    return tensor
