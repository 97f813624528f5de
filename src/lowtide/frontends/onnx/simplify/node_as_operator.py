"""A node of an ONNX graph as an operator of ours."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from lowtide.ir.graph import Operator


def operator_of(node: ir.Node, number: int, opset: int) -> Operator:
    """The node as an operator; `number` names one that nothing else does."""
    inputs = [str(v.name) if v is not None else "" for v in node.inputs]
    while inputs and not inputs[-1]:
        inputs.pop()
    outputs = [str(v.name) for v in node.outputs]
    while outputs and not outputs[-1]:
        outputs.pop()
    attributes = {name: _attribute(value) for name, value in node.attributes.items()}
    name = node.name or (outputs[0] if outputs else f"node {number}")
    return Operator(name, node.op_type, tuple(inputs), tuple(outputs), attributes, opset)


def _attribute(value: Any) -> Any:
    held = value.value
    if value.type == ir.AttributeType.TENSOR:
        return held.numpy()
    return list(held) if isinstance(held, list | tuple) else held
