"""Floats of 16 and 32 bits made float64: arrays, nodes and the graphs inside them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from lowtide.check.exact.blocks import blocks
from lowtide.ir.graph import Array

NARROW = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})

_TYPE_ATTRIBUTES = frozenset(
    {"to", "dtype", "output_dtype", "output_datatype", "softmax_precision"}
)

_LARGEST = float(np.finfo(np.float32).max)
_LEAST = float(np.finfo(np.float32).smallest_subnormal)


def widen(array: Array) -> Array:
    """The same numbers in float64; what is no float stays."""
    if array.dtype == np.float32 or array.dtype.name in ("float16", "bfloat16"):
        return array.astype(np.float64)
    return array


def in_range(array: Array) -> Array:
    """float64 numbers where float32 has some: beyond them infinity, below them zero.

    The network's tensors are float32, and so are their largest and least numbers; what is between
    keeps all its digits.
    """
    if array.dtype != np.float64:
        return array
    if not any(_outside(block).any() for (block,) in blocks(array)):
        return array
    with np.errstate(over="ignore", under="ignore"):
        return np.where(_outside(array), array.astype(np.float32).astype(np.float64), array)


def _outside(array: Array) -> Array:
    size = np.abs(array)
    return ((size > _LARGEST) & (size < np.inf)) | ((size < _LEAST) & (size > 0))


def widen_node(node: onnx.NodeProto) -> onnx.NodeProto:
    """A copy of a node that makes float64 where it made a float; float attributes stay."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.domain = domain_of(node)
    for attribute in made.attribute:
        if attribute.name in _TYPE_ATTRIBUTES and attribute.i in NARROW:
            attribute.i = TensorProto.DOUBLE
        if attribute.type == AttributeProto.TENSOR:
            _widen_tensor(attribute.t)
        for graph in (attribute.g, *attribute.graphs):
            if graph.node:
                _widen_graph(graph)
    return made


def domain_of(said: onnx.NodeProto | onnx.OperatorSetIdProto) -> str:
    """ONNX's own domain has two names."""
    return "" if said.domain == "ai.onnx" else str(said.domain)


def _widen_graph(graph: onnx.GraphProto) -> None:
    nodes = [widen_node(node) for node in graph.node]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in NARROW:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE


def _widen_tensor(tensor: TensorProto) -> None:
    if tensor.data_type in NARROW:
        wide = widen(numpy_helper.to_array(tensor))
        tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))


def names_inside(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Every tensor that the graphs inside some nodes speak of."""
    found: set[str] = set()
    for node in nodes:
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                found.update(name for one in graph.node for name in one.input)
                found.update(value.name for value in graph.output)
                found |= names_inside(graph.node)
    return found
