"""Scale and shift the output channels of a linear operator through its constants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import (
    Array,
    constant,
    operand,
    replace,
    shared_constant,
    static_shape,
)

# All have the channels' factors as input 1 and their shift as input 2.
LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"})


@dataclass(frozen=True)
class Linear:
    """A linear operator's constants. `weights` as stored, `bias` one float64 per output channel."""

    node: ir.Node
    weights: Array
    bias: Array
    channels: int


def linear(value: ir.Value | None) -> Linear | None:
    """The operator of LINEAR that makes the value, if its constants are known.

    None also where the bias is more than one number per output channel, and for a MatMul that
    Gemm could not replace (operands of rank other than 2).
    """
    node = value.producer() if value is not None else None
    if node is None or node.op_type not in LINEAR or node.domain != "":
        return None
    weights = constant(operand(node, 1))
    shape = static_shape(node.outputs[0])
    if (
        weights is None
        or shape is None
        or len(shape) < 2
        or not np.issubdtype(weights.dtype, np.floating)
    ):
        return None
    dense = node.op_type in ("Gemm", "MatMul")
    if dense and (len(shape) != 2 or weights.ndim != 2):
        return None
    if node.op_type == "BatchNormalization" and weights.shape != (shape[1],):
        return None  # opset 7 may have a factor per pixel
    if node.op_type == "MatMul" and len(static_shape(node.inputs[0]) or ()) != 2:
        return None
    bias = _bias(node, shape[1])
    return None if bias is None else Linear(node, weights, bias, shape[1])


def _bias(node: ir.Node, channels: int) -> Array | None:
    value = operand(node, 2)
    if value is None:
        return np.zeros(channels)
    array = constant(value)
    if array is None or (array.size, *array.shape[-1:]) not in ((1,), (1, 1), (channels, channels)):
        return None  # one number per row of a Gemm, or per element
    beta = node.attributes.get_float("beta", 1.0) if node.op_type == "Gemm" else 1.0
    with np.errstate(invalid="ignore"):  # a damaged file's infinity times 0
        return np.broadcast_to(array.reshape(-1).astype(np.float64) * beta, (channels,))


def rescale(before: Linear, scale: Array, shift: Array) -> ir.Value | None:
    """Make the operator give `y * scale + shift`, one number each per output channel.

        Conv(x, w, b) * scale + shift      ->      Conv(x, w * scale, b * scale + shift)
        MatMul(x, w) * scale + shift       ->      Gemm(x, w * scale, shift)

    Computed in float64, then rounded to the weights' type. Gives the value made, or None, and
    nothing changed, where a number does not fit that type.
    """
    kind = before.weights.dtype
    with np.errstate(all="ignore"):
        weights = (before.weights.astype(np.float64) * _along(before, scale)).astype(kind)
        bias = (before.bias * scale + shift).astype(kind)
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    return _store(before, weights, bias).outputs[0]


def _along(before: Linear, scale: Array) -> Array:
    """The scale of each output channel, shaped to multiply the stored weights."""
    node, dims = before.node, before.weights.shape
    if node.op_type == "ConvTranspose":
        # [C, M/g, ...]: the input channels of a group meet only that group's output channels.
        groups = node.attributes.get_int("group", 1)
        per_group = scale.reshape(groups, 1, dims[1])
        per_row = np.broadcast_to(per_group, (groups, dims[0] // groups, dims[1]))
        return per_row.reshape(dims[:2] + (1,) * (len(dims) - 2))
    transposed = node.op_type == "Gemm" and node.attributes.get_int("transB", 0) != 0
    if node.op_type in ("Conv", "BatchNormalization") or transposed:
        return scale.reshape((-1,) + (1,) * (len(dims) - 1))
    return scale.reshape(1, -1)


def _store(before: Linear, weights: Array, bias: Array) -> ir.Node:
    node, graph = before.node, before.node.graph
    old = operand(node, 1)
    assert isinstance(graph, ir.Graph)
    assert old is not None
    filters = shared_constant(graph, f"{old.name}_folded", weights)
    if node.op_type == "MatMul":
        shift = shared_constant(graph, f"{old.name}_bias", bias)
        return replace(node, "Gemm", [node.inputs[0], filters, shift], {})
    node.replace_input_with(1, filters)
    if operand(node, 2) is not None or bias.any():
        node.resize_inputs(max(3, len(node.inputs)))
        node.replace_input_with(2, shared_constant(graph, f"{old.name}_bias", bias))
    node.attributes.pop("beta", None)
    return node
