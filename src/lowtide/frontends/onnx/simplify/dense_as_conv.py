"""Turn a dense layer over an image into the convolution it is."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import (
    add_constant,
    operand,
    remove,
    replace,
    shared_constant,
    sole_reader,
    static_shape,
)
from lowtide.frontends.onnx.simplify.rescale import Linear, linear


def dense_as_conv(model: ir.Model) -> ir.Model:
    """Make a Gemm or MatMul that reads a flattened image a Conv as large as that image.

        x [1,C,H,W] ──> Flatten ──> Gemm [C*H*W, M] ──> y [1,M]
                                    ->
        x [1,C,H,W] ──> Conv [M,C,H,W] ──> [1,M,1,1] ──> Reshape ──> y [1,M]

    Flattening an image is free in NCHW, but a copy where pixels lie in HWC order. The weights
    are turned round here instead, once. Needs shapes.
    """
    for node in tuple(model.graph):
        if node.op_type not in ("Gemm", "MatMul") or node.domain != "":
            continue
        image, dense = _flattened(node), linear(node.outputs[0])
        shape = static_shape(image)
        if image is not None and dense is not None and shape is not None:
            _convert(dense, image, shape)
    return model


def _flattened(node: ir.Node) -> ir.Value | None:
    """The image [N,C,H,W], H*W > 1, that the node reads as [N, C*H*W]; None if there is none."""
    rows = operand(node, 0)
    flatten = rows.producer() if rows is not None else None
    if rows is None or flatten is None or flatten.op_type not in ("Flatten", "Reshape"):
        return None
    if sole_reader(rows) is not node or node.attributes.get_int("transA", 0) != 0:
        return None
    image = flatten.inputs[0]
    shape = static_shape(image)
    if shape is None or len(shape) != 4 or shape[2] * shape[3] == 1:
        return None
    if static_shape(rows) != (shape[0], shape[1] * shape[2] * shape[3]):
        return None
    return image


def _convert(dense: Linear, image: ir.Value, shape: tuple[int, ...]) -> None:
    node, graph = dense.node, dense.node.graph
    old, flat = operand(node, 1), operand(node, 0)
    assert isinstance(graph, ir.Graph)
    assert old is not None
    assert flat is not None
    kind, dims = dense.weights.dtype, (dense.channels, *shape[1:])
    rows = dense.weights if node.attributes.get_int("transB", 0) else dense.weights.T
    alpha = node.attributes.get_float("alpha", 1.0)
    if alpha != 1.0:
        rows = (rows.astype(np.float64) * alpha).astype(kind)
    weights = np.ascontiguousarray(rows).reshape(dims)
    inputs: list[ir.Value | None] = [image, shared_constant(graph, f"{old.name}_filters", weights)]
    if dense.bias.any():
        inputs.append(shared_constant(graph, f"{old.name}_bias", dense.bias.astype(kind)))
    conv = ir.node("Conv", inputs, {"kernel_shape": list(shape[2:])}, name=f"{node.name}_conv")
    graph.insert_before(node, conv)
    conv.outputs[0].name = f"{node.outputs[0].name}_1x1"
    target = np.array([shape[0], dense.channels], np.int64)
    replace(node, "Reshape", [conv.outputs[0], add_constant(graph, "shape", target)], {})
    flatten = flat.producer()
    if flatten is not None:
        remove(flatten)
