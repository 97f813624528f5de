"""Sizes that ONNX's shape inference gets wrong, as onnxruntime, and ONNX's own text, have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir
from onnx import NodeProto, helper

from lowtide.frontends.onnx.simplify.edit import operand, static_shape

_POOLS = frozenset({"AveragePool", "MaxPool", "LpPool"})
_SAME = ("SAME_UPPER", "SAME_LOWER")


def needs_sizes(node: ir.Node) -> bool:
    """Whether the node's sizes are written out for inference: those of its input come first."""
    if node.domain != "":
        return False
    if node.op_type in _POOLS:
        return bool(node.attributes.get_int("ceil_mode", 0))
    if node.op_type == "Squeeze":  # before opset 11, whose text has no axes below 0
        return min(node.attributes.get_ints("axes", ()), default=0) < 0
    return (
        node.op_type == "ConvTranspose"
        and _auto_pad(node) in _SAME
        and not node.attributes.get_ints("output_shape", ())
    )


def with_sizes(node: ir.Node) -> NodeProto | None:
    """A node of the same sizes that inference gets right; None while sizes it needs are unknown.

        AveragePool ceil_mode, whose last window would begin behind the image   ->  ..  pads
        ConvTranspose auto_pad SAME_UPPER                                       ->  ..  pads
        Squeeze axes -2                                                         ->  ..  axes 1

    A node that makes no sense is left as it is, for inference to say so.
    """
    shape = static_shape(operand(node, 0))
    if shape is None:
        return None
    proto = ir.serde.serialize_node(node)
    if node.op_type == "Squeeze":
        axes = [a + len(shape) if a < 0 else a for a in node.attributes.get_ints("axes", ())]
        return _with(proto, axes=axes)
    kernel = _kernel(node)
    if kernel is None:
        return None
    found = _axes(node, shape[2:], kernel)
    if found is None:
        return proto
    padded = _transposed if node.op_type == "ConvTranspose" else _pooled
    # Only how much padding there is counts here, not where.
    return _with(proto, pads=[0] * len(found) + [padded(axis, _auto_pad(node)) for axis in found])


@dataclass(frozen=True)
class _Axis:
    """One axis of an image under a window; `span` is what one window covers."""

    size: int
    span: int
    stride: int
    before: int
    after: int
    extra: int


def _axes(node: ir.Node, sizes: Sequence[int], kernel: Sequence[int]) -> list[_Axis] | None:
    """The axes, None where the attributes do not fit the kernel or each other."""
    rank, given = len(kernel), node.attributes.get_ints
    strides, dilations = given("strides", (1,) * rank), given("dilations", (1,) * rank)
    extra, pads = given("output_padding", (0,) * rank), given("pads", (0,) * (2 * rank))
    if _auto_pad(node) != "NOTSET":
        pads = (0,) * (2 * rank)
    lengths = {len(sizes), len(strides), len(dilations), len(extra), len(pads) / 2}
    if lengths != {rank} or min((*strides, *dilations), default=1) < 1:
        return None
    return [
        _Axis(size, (k - 1) * d + 1, stride, before, after, more)
        for size, k, d, stride, before, after, more in zip(
            sizes, kernel, dilations, strides, pads[:rank], pads[rank:], extra, strict=True
        )
    ]


def _transposed(axis: _Axis, auto_pad: str) -> int:
    """What is cut off so that the result is at most stride times as large as the image."""
    full = axis.stride * (axis.size - 1) + axis.extra + axis.span
    return max(full - axis.size * axis.stride, 0)


def _pooled(axis: _Axis, auto_pad: str) -> int:
    """The padding with which windows that are all complete are as many as those of ceil_mode."""
    room = axis.size + axis.before + axis.after - axis.span
    windows = -(-room // axis.stride) + 1
    if auto_pad in _SAME:
        windows = -(-axis.size // axis.stride)
    elif (windows - 1) * axis.stride >= axis.size + axis.before:
        windows -= 1  # it would begin behind the image
    # Less than none there cannot be; what is left over of the image then is less than a stride.
    return max((windows - 1) * axis.stride + axis.span - axis.size, 0)


def _auto_pad(node: ir.Node) -> str:
    return node.attributes.get_string("auto_pad", "NOTSET") or "NOTSET"


def _kernel(node: ir.Node) -> Sequence[int] | None:
    weights = static_shape(operand(node, 1))
    given = node.attributes.get_ints("kernel_shape", ())
    return given or (weights[2:] if weights is not None else None)


def _with(proto: NodeProto, **attributes: list[int]) -> NodeProto:
    """The node with attributes written out, instead of the words that stood for them."""
    gone = {*attributes, "auto_pad", "ceil_mode"}
    kept = [a for a in proto.attribute if a.name not in gone]
    kept += [helper.make_attribute(name, values) for name, values in attributes.items()]
    del proto.attribute[:]
    proto.attribute.extend(kept)
    return proto
