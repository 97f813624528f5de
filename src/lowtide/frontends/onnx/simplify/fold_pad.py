"""Fold explicit padding into the window operator after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import (
    bypass,
    constant,
    operand,
    parameter,
    sole_reader,
    static_shape,
)


def fold_pad(model: ir.Model) -> ir.Model:
    """Fold a Pad of the spatial axes into the Conv or pool that alone reads it.

        x ──> Pad 0, [1,1,1,1] ──> Conv pads=[0,0,0,0]      ->      x ──> Conv pads=[1,1,1,1]
        x ──> Pad -inf, [1,1,1,1] ──> MaxPool               ->      x ──> MaxPool pads=[1,1,1,1]

    Zeros are what Conv pads with, and AveragePool if it counts them (count_include_pad=1); minus
    infinity is what MaxPool does. Needs shapes.
    """
    for node in tuple(model.graph):
        source = operand(node, 0)
        if node.op_type != "Pad" or node.domain != "" or source is None:
            continue
        reader = sole_reader(node.outputs[0])
        pads = _spatial_pads(node)
        if reader is None or pads is None or not _takes(reader, _fill(node), pads):
            continue
        own = reader.attributes.get_ints("pads", (0,) * len(pads))
        reader.attributes["pads"] = ir.AttrInt64s(
            "pads", [a + b for a, b in zip(own, pads, strict=True)]
        )
        reader.attributes.pop("auto_pad", None)
        if reader.op_type == "AveragePool":
            reader.attributes["count_include_pad"] = ir.AttrInt64("count_include_pad", 1)
        bypass(node, source)
    return model


def _fill(node: ir.Node) -> float | None:
    """What a constant Pad fills with; None for other modes and for values not known."""
    if node.attributes.get_string("mode", "constant") != "constant":
        return None
    value = operand(node, 2)
    if value is None:
        return node.attributes.get_float("value", 0.0)
    array = constant(value)
    return None if array is None or array.size != 1 else float(array.reshape(-1)[0])


def _spatial_pads(node: ir.Node) -> tuple[int, ...] | None:
    """(begins..., ends...) of the axes after batch and channel, or None where others are padded."""
    pads, shape = parameter(node, "pads", 1), static_shape(node.inputs[0])
    if pads is None or shape is None or len(shape) < 3:
        return None
    full = np.zeros((2, len(shape)), np.int64)
    axes = tuple(range(len(shape)))
    if operand(node, 3) is not None:  # opset 18: `axes`
        given = parameter(node, "axes", 3)
        if given is None:
            return None
        axes = given
    if len(pads) != 2 * len(axes) or any(not -len(shape) <= axis < len(shape) for axis in axes):
        return None
    full[:, list(axes)] = np.array(pads).reshape(2, -1)
    if full[:, :2].any() or (full < 0).any():
        return None
    return tuple(int(p) for p in full[:, 2:].reshape(-1))


def _takes(reader: ir.Node, fill: float | None, pads: tuple[int, ...]) -> bool:
    """Whether the reader's own padding does what a Pad filling with `fill` did."""
    auto = reader.attributes.get_string("auto_pad", "NOTSET")
    if fill is None or reader.domain != "" or auto not in ("NOTSET", "VALID"):
        return False
    if reader.op_type == "Conv":
        return fill == 0.0
    own = reader.attributes.get_ints("pads", (0,) * len(pads))
    if reader.op_type == "MaxPool":
        return fill == -np.inf and len(reader.outputs) == 1 and _plain_pool(reader, own, pads)
    if reader.op_type == "AveragePool":
        counted = reader.attributes.get_int("count_include_pad", 0) or not any(own)
        return fill == 0.0 and bool(counted) and _plain_pool(reader, own, pads)
    return False


def _plain_pool(reader: ir.Node, own: Sequence[int], pads: tuple[int, ...]) -> bool:
    """Whether a pool may pad that much: onnxruntime wants less than a window.

    With dilations, or rounding up, which windows count depends on where the padding ends.
    """
    attributes = reader.attributes
    if attributes.get_int("ceil_mode", 0) or set(attributes.get_ints("dilations", ())) - {1}:
        return False
    kernel = attributes.get_ints("kernel_shape", ())
    return all(a + b < k for a, b, k in zip(own, pads, (*kernel, *kernel), strict=True))
