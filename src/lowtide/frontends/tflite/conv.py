"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite.activate import limits, make_float
from lowtide.frontends.tflite.factors import as_float32, multipliers
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import I8, I32
from lowtide.ir.graph import Array
from lowtide.ops.eight.finish import fit, span_of_sums


def geometry(op: Site, options: Any, kernel: tuple[int, int], channels: int) -> dict[str, Any]:
    """Strides, dilations and pads as attributes; with SAME the odd pixel lies behind.

    What is made has so many `channels`.
    """
    if len(op.input(0).shape) != 4:
        raise op.refuse(
            f"not supported: an image of shape {[*op.input(0).shape]}; 4 axes are needed"
        )
    given = _geometry(op, options, kernel)
    (n, *sizes, _), pads = op.input(0).shape, given["pads"]
    out = (
        (size + before + after - dilation * (k - 1) - 1) // stride + 1
        for size, before, after, dilation, k, stride in zip(
            sizes, pads[:2], pads[2:], given["dilations"], kernel, given["strides"], strict=True
        )
    )
    op.shape((n, *out, channels))
    return given


def _geometry(op: Site, options: Any, kernel: tuple[int, int]) -> dict[str, Any]:
    strides = (options.StrideH(), options.StrideW())
    dilations = (1, 1)
    if hasattr(options, "DilationHFactor"):
        dilations = (options.DilationHFactor(), options.DilationWFactor())
    if min(*strides, *dilations, *kernel) < 1:
        raise op.refuse(
            f"not supported: strides {strides}, dilations {dilations}, a kernel of {kernel}"
        )
    if op.node.spread is not None:
        return {"strides": strides, **dict(zip(("dilations", "pads"), op.node.spread, strict=True))}
    before, after = [], []
    for size, k, stride, dilation in zip(
        op.input(0).shape[1:3], kernel, strides, dilations, strict=True
    ):
        covered = (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1
        total = max(covered - size, 0) if options.Padding() == tflite.Padding.SAME else 0
        before.append(total // 2)
        after.append(total - total // 2)
    return {"strides": strides, "dilations": dilations, "pads": (*before, *after)}


def zeros_of_weights(op: Site, k: int) -> int:
    """The zero point of all weights; int8 ones have none."""
    held = op.input(k)
    zeros = set(held.quant.zeros) if held.quant else {0}
    if held.dtype == I8 and zeros != {0}:
        raise op.refuse(f"int8 weights '{held.name}' with zero point {max(zeros, key=abs)}")
    if len(zeros) > 1:
        raise op.refuse(f"weights '{held.name}' of {len(zeros)} zero points")
    return zeros.pop()


def channel_factors(op: Site, x: int, w: int) -> list[float]:
    """What sums of products of two inputs are multiplied with, for each channel."""
    (sx, _), (sy, _) = op.scale(op.input(x)), op.scale(op.output())
    scales = op.scales(op.input(w))
    if op.input(w).dtype == I8:
        return [sx * sw / sy for sw in scales]
    return [as_float32(sx * sw) / sy for sw in scales]


def check_sums(op: Site, x: int, weights: Array, w_zero: int, b: int, along: int = 0) -> None:
    """Refuses sums that may leave 32 bits; the runtimes do as the processor does."""
    held, channels = op.input(x), op.output().shape[-1]
    bias = op.constant(b) if op.has(b) else np.zeros(1)
    span = span_of_sums(held.dtype, op.scale(held)[1], weights, w_zero, channels, along)
    if not fit(bias, span):
        raise op.refuse("sums that may need more than 32 bits")


def _make(
    op: Site, type_: str, inputs: tuple[int, int, int], weights: Array, attributes: dict[str, Any],
    activation: int,
) -> None:  # fmt: skip
    """A convolution of channels first; `inputs` are the image, the weights, the bias."""
    x, w, b = inputs
    zero = op.scale(op.input(x))[1] if op.is_eight(x, w) else 0
    image, attributes = _without_frame(op, op.name(x, image=True), zero, attributes)
    names = [image, op.add_constant(weights, "weights")]
    if op.has(b):
        op.constant(b)
        names.append(op.name(b))
    if not op.is_eight(x, w):
        make_float(op, type_, names, activation, True, attributes)
        return
    channels = op.output().shape[-1]
    factors = channel_factors(op, x, w)
    if len(factors) not in (1, channels):
        raise op.refuse(f"{len(factors)} scales of weights for {channels} channels")
    if op.has(b) and op.input(b).dtype != I32:
        raise op.refuse(f"a bias of type {op.input(b).dtype}; int32 is needed")
    m, n = multipliers(factors)
    check_sums(op, x, weights, zeros_of_weights(op, w), b, along=int(type_ == "ConvTranspose"))
    names += [] if op.has(b) else [""]
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    ends = {
        "x_zero": zero,
        "w_zero": zeros_of_weights(op, w),
        "y_zero": op.scale(op.output())[1],
        **limits(op, activation),
    }
    op.make(f"Q{type_}", names, True, {**attributes, **ends})


def _without_frame(
    op: Site, image: str, zero: int, attributes: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """A frame of zeros in memory is padding: PAD -> CONV_2D reads what is inside the frame."""
    frame = op.net.frames.get(image)
    if frame is None or frame.value != zero or "output_padding" in attributes:
        return image, attributes
    pads = tuple(a + b for a, b in zip(attributes["pads"], frame.pads, strict=True))
    return frame.of, {**attributes, "pads": pads}


def _weights(op: Site, k: int) -> Array:
    held = op.constant(k)
    if held.ndim != 4:
        raise op.refuse(f"weights of shape {[*held.shape]}; 4 axes are needed")
    return held


@operator("CONV_2D")
def conv_2d(op: Site) -> None:
    """Weights [out, y, x, in]; fewer input channels than the image has: groups."""
    options, weights = op.options(tflite.Conv2DOptions), _weights(op, 1)
    channels, inside = op.input(0).shape[-1], weights.shape[3]
    if inside < 1 or channels % inside:
        raise op.refuse(f"weights for {inside} channels on an image of {channels}")
    attributes = geometry(op, options, weights.shape[1:3], weights.shape[0])
    _make(
        op, "Conv", (0, 1, 2), weights.transpose(0, 3, 1, 2),
        {**attributes, "group": channels // inside}, options.FusedActivationFunction(),
    )  # fmt: skip


@operator("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(op: Site) -> None:
    """Weights [1, y, x, out]: each channel of the image makes out / in channels."""
    options, weights = op.options(tflite.DepthwiseConv2DOptions), _weights(op, 1)
    if weights.shape[0] != 1:
        raise op.refuse(f"weights of shape {[*weights.shape]}; the first axis must be 1")
    attributes = geometry(op, options, weights.shape[1:3], weights.shape[3])
    _make(
        op, "Conv", (0, 1, 2), weights.transpose(3, 0, 1, 2),
        {**attributes, "group": op.input(0).shape[-1]}, options.FusedActivationFunction(),
    )  # fmt: skip


@operator("TRANSPOSE_CONV")
def transpose_conv(op: Site) -> None:
    """Weights [out, y, x, in]: each pixel is spread over a window of the output."""
    options, weights = op.options(tflite.TransposeConvOptions), _weights(op, 1)
    strides, kernel = (options.StrideH(), options.StrideW()), weights.shape[1:3]
    asked = tuple(int(n) for n in op.constant(0).ravel())
    if len(op.input(2).shape) != 4 or (asked[:1], asked[3:]) != (
        op.input(2).shape[:1],
        weights.shape[:1],
    ):
        raise op.refuse(f"an output of shape {[*asked]} of {[*op.input(2).shape]}")
    op.shape(asked)
    if min(*strides, *kernel) < 1:
        raise op.refuse(f"not supported: strides {strides}, a kernel of {kernel}")
    before, after, extra = [], [], []
    for size, k, stride, out in zip(
        op.input(2).shape[1:3], kernel, strides, op.output().shape[1:3], strict=True
    ):
        total = max((-(-out // stride) - 1) * stride + k - out, 0)
        cut = total // 2 if options.Padding() == tflite.Padding.SAME else 0
        rest = (size - 1) * stride + k - cut - out
        before.append(cut)
        after.append(max(rest, 0))
        extra.append(max(-rest, 0))
    attributes = {"strides": strides, "pads": (*before, *after), "output_padding": tuple(extra)}
    _make(
        op, "ConvTranspose", (2, 1, 3), weights.transpose(3, 0, 1, 2), attributes,
        options.FusedActivationFunction(),
    )  # fmt: skip
