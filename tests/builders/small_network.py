"""A network of a few nodes, written by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lowtide.ir.graph import Array


class SmallNetwork:
    """Collects nodes, constants, and inputs with their values."""

    def __init__(self, opset: int) -> None:
        self.opset, self._count = opset, 0
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.feeds: dict[str, Array] = {}

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def constant(self, array: Array | np.generic) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array), self.name("const")))
        return self.constants[-1].name

    def node(self, type_: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node with one output, whose name is returned."""
        made, name = self.name(type_.lower()), self.name("n")
        self.nodes.append(helper.make_node(type_, inputs, [made], name=name, **attributes))
        return made

    def fed(self, array: Array) -> str:
        """The array made at run time: an input of the network, of another type by a node."""
        name = self.name("in")
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape))
        self.feeds[name] = array.astype(np.float32)
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        if kind == TensorProto.FLOAT:
            return name
        if kind == TensorProto.BOOL:
            return self.node("Greater", name, self.constant(np.float32(0.5)))
        if array.dtype in (np.int8, np.uint8) and self.opset >= 10:
            scale, zero = self.constant(np.float32(1)), self.constant(np.zeros((), array.dtype))
            return self.node("QuantizeLinear", name, scale, zero)
        return self.node("Cast", name, to=kind)

    def finish(self, outputs: Sequence[str]) -> onnx.ModelProto:
        """The model with these outputs, of the types that inference finds."""
        infos = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "drawn", self.inputs, infos, self.constants)
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        try:
            inferred = onnx.shape_inference.infer_shapes(model)
        except onnx.shape_inference.InferenceError:
            inferred = model  # some draws are no ONNX
        for info, held in zip(model.graph.output, inferred.graph.output, strict=True):
            kind = held.type.tensor_type.elem_type or TensorProto.FLOAT
            info.type.tensor_type.elem_type = kind
        return model
