"""Fold batch normalisation into the linear operator before it."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import bypass, constant, sole_reader
from lowtide.frontends.onnx.simplify.rescale import linear, rescale


def fold_batchnorm(model: ir.Model) -> ir.Model:
    """Fold BatchNormalization (inference) into the Conv, ConvTranspose, Gemm or MatMul before it.

        x ──> Conv w, b ──> BatchNormalization ──> y      ->      x ──> Conv w', b' ──> y

        g = scale / sqrt(var + epsilon)      w' = w * g      b' = (b - mean) * g + shift

    The normalisation must be the only reader. On its own, or in training mode, it stays.
    """
    for node in tuple(model.graph):
        if node.op_type != "BatchNormalization" or node.domain != "" or _training(node):
            continue
        source = node.inputs[0]
        before = linear(source)
        if source is None or before is None or sole_reader(source) is not node:
            continue
        arrays = [constant(value) for value in node.inputs[1:5]]
        known = [a.astype(np.float64) for a in arrays if a is not None]
        if len(known) != 4 or any(a.shape != (before.channels,) for a in known):
            continue
        scale, shift, mean, var = known
        with np.errstate(all="ignore"):
            gain = scale / np.sqrt(var + node.attributes.get_float("epsilon", 1e-5))
        made = rescale(before, gain, shift - mean * gain)
        if made is not None:
            bypass(node, made)
    return model


def _training(node: ir.Node) -> bool:
    """Whether it normalises by the batch (or, opset 7, by each pixel): not a fixed factor."""
    attributes = node.attributes
    if attributes.get_int("training_mode", 0) or not attributes.get_int("spatial", 1):
        return True
    # Before opset 14 asking for the running statistics is what turns training on.
    return any(out.name for out in node.outputs[1:])
