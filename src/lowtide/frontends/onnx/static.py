"""Check that every value of a simplified model is a tensor whose size is known."""

from __future__ import annotations

from math import prod

import onnx_ir as ir

from lowtide.errors import (
    CUT,
    FLOAT32,
    NO_SEQUENCES,
    STATIC,
    UnreadableModel,
    UnsupportedModel,
)
from lowtide.frontends.onnx.simplify.edit import static_shape
from lowtide.frontends.onnx.tensors import MOST_ELEMENTS
from lowtide.ir.dtype import dtype_of
from lowtide.ops.entry import ANY


def check_static(model: ir.Model) -> None:
    """Every value is a tensor of a known shape, neither empty nor absurdly large."""
    for value in model.graph.outputs:
        if value.is_initializer():
            _check_value(value, None)
    for node in model.graph:
        for value in node.outputs:
            if value.name:
                _check_value(value, node)
        if node.op_type == "Reshape":
            # Shape inference believes a target without -1, whatever it reshapes.
            sizes = [prod(static_shape(v) or ()) for v in (node.inputs[0], node.outputs[0])]
            if sizes[0] != sizes[1]:
                raise UnreadableModel(
                    f"makes {sizes[1]} elements of {sizes[0]}", node=node.name, operator="Reshape"
                )


def _check_value(value: ir.Value, node: ir.Node | None) -> None:
    shape, hint = static_shape(value), CUT
    shown = f"'{value.name}'" if node is not None else f"output '{value.name}'"
    if not isinstance(value.type, ir.TensorType | None):
        what, hint = f"{shown} is not a tensor", f"{NO_SEQUENCES}, or {CUT}"
    elif shape is None and node is not None and value is not node.outputs[0]:
        what = f"its output {shown} is not made"
    elif shape is None or value.type is None:
        what, hint = f"the shape of {shown} depends on the input's values", STATIC
    elif prod(shape) == 0:
        what, hint = f"{shown} has 0 elements", "take it out, nothing is computed there"
    elif prod(shape) > MOST_ELEMENTS:
        what = f"{shown} has {prod(shape)} elements"
    elif node is None and dtype_of(value.type.dtype.numpy()) not in ANY:
        what, hint = f"{shown}, a constant, is {value.type.dtype.name}", FLOAT32
    else:
        return
    place = {"node": node.name, "operator": node.op_type} if node is not None else {}
    raise UnsupportedModel(what, hint=hint, **place)
