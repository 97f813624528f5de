"""Fold arithmetic by constants, one per output channel, into the linear operator before it."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import Array, bypass, constant, sole_reader, static_shape
from lowtide.frontends.onnx.simplify.rescale import linear, rescale


def fold_affine(model: ir.Model) -> ir.Model:
    """Fold Mul, Add, Sub and Div by constants into the linear operator before.

        x ──> Conv w ──> Add [8,1,1] ──> y        ->      x ──> Conv w, b ──> y
        x ──> MatMul w ──> Add [10] ──> y         ->      x ──> Gemm w, b ──> y

    Linear are Conv, ConvTranspose, Gemm, MatMul and a BatchNormalization that stands on its own.
    The constant must be one number, or one per output channel, and must not enlarge the result.
    The arithmetic must be the only reader. Needs shapes.
    """
    for node in tuple(model.graph):
        if node.op_type not in ("Mul", "Add", "Sub", "Div") or node.domain != "":
            continue
        for index in (0, 1):
            if _fold(node, index):
                break
    return model


def _fold(node: ir.Node, index: int) -> bool:
    """Fold a node whose operand `index` is made by a linear operator; False where not possible."""
    source, other = node.inputs[index], constant(node.inputs[1 - index])
    before = linear(source)
    shape = static_shape(source)
    if source is None or other is None or before is None or shape is None:
        return False
    if sole_reader(source) is not node:
        return False
    numbers = _per_channel(other, shape)
    factors = None if numbers is None else _factors(node.op_type, index, numbers)
    made = None if factors is None else rescale(before, *factors)
    return made is not None and bypass(node, made)


def _per_channel(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The constant as one float64 per channel (axis 1) of a tensor of this shape, or None."""
    if array.ndim > len(shape):
        return None
    dims = (1,) * (len(shape) - array.ndim) + array.shape
    if any(d != 1 for axis, d in enumerate(dims) if axis != 1) or dims[1] not in (1, shape[1]):
        return None
    return np.broadcast_to(array.reshape(-1).astype(np.float64), (shape[1],))


def _factors(op_type: str, index: int, numbers: Array) -> tuple[Array, Array] | None:
    """(scale, shift) of the operator; `index` says on which side the tensor stands."""
    ones, zeros = np.ones_like(numbers), np.zeros_like(numbers)
    if op_type == "Mul":
        return numbers, zeros
    if op_type == "Add":
        return ones, numbers
    if op_type == "Sub":
        return (ones, -numbers) if index == 0 else (-ones, numbers)
    if index == 1 or not numbers.all():
        return None
    return 1.0 / numbers, zeros
