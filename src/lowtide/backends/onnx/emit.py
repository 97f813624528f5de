"""A graph as an ONNX model that any runtime executes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lowtide.errors import UnsupportedModel
from lowtide.ir.graph import Graph, Operator


def emit(graph: Graph) -> onnx.ModelProto:
    """The model; its nodes stand in the graph's order, what is fused onto one right behind it.

        Conv+Relu    ->    Conv, Relu

    Raises UnsupportedModel for a graph whose operators are not ONNX's.
    """
    opset = next((op.opset for op in graph.operators), 21)
    nodes = [node for op in graph.operators for node in _nodes(op)]
    made = helper.make_graph(
        nodes,
        graph.name,
        [_value(graph, name) for name in graph.inputs],
        [_value(graph, name) for name in graph.outputs],
        initializer=[
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in graph.constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", opset)]
    version = max(4, helper.find_min_ir_version_for(opsets))
    return helper.make_model(
        made, opset_imports=opsets, ir_version=version, producer_name="lowtide"
    )


def _value(graph: Graph, name: str) -> onnx.ValueInfoProto:
    tensor = graph.tensors[name]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype.name))
    return helper.make_tensor_value_info(name, kind, tensor.shape)


def _nodes(op: Operator) -> Iterator[onnx.NodeProto]:
    """The operator and those fused onto it, each reading what the one before it makes."""
    if op.inlined is not None:
        raise UnsupportedModel(
            "computes its input as it reads; no ONNX node does that", node=op.name
        )
    last = len(op.epilogue)
    names = [op.output if k == last else f"{op.output}.before{last - k}" for k in range(last + 1)]
    yield _node(replace(op, outputs=(names[0], *op.outputs[1:])))
    for one, before, after in zip(op.epilogue, names, names[1:], strict=False):
        inputs = tuple(before if k == one.running else n for k, n in enumerate(one.inputs))
        # Clones share the operators fused onto them; each node has a name of its own.
        yield _node(replace(one, inputs=inputs, outputs=(after,), name=f"{op.name}.{one.name}"))


def _node(op: Operator) -> onnx.NodeProto:
    node = helper.make_node(op.type, op.inputs, op.outputs, name=op.name)
    known = onnx.defs.get_schema(op.type, op.opset).attributes
    node.attribute.extend(
        helper.make_attribute(name, _held(value), attr_type=known[name].type.value)  # type: ignore[attr-defined]
        for name, value in _sorted(op.attributes)
    )
    return node


def _sorted(attributes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(attributes.items())


def _held(value: Any) -> Any:
    return numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
