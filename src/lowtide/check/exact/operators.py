"""Operators in numpy, whole tensors at once, for the evaluator of the `onnx` package.

Its own pools go element by element in Python, its Conv holds every window at the same time, its
BatchNormalization trains before opset 14, and its Softmax is that of opset 13 in every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from lowtide.check.exact.windows import Axis, Ints, axes, padded, spatial, windows
from lowtide.ir.graph import Array

BLOCK = 1 << 18
"""Numbers of windows that are laid out at a time, about: what a cache holds."""


def products(x: Array, w: Array, groups: int) -> Array:
    """[N, C, ..] by [O, C / groups] -> [N, O, ..], each group of channels for itself."""
    spatial = x.shape[2:]
    parts = x.reshape(x.shape[0], groups, -1, prod(spatial))
    weights = w.reshape(groups, -1, w.shape[1])
    made = parts * weights if w.shape[1] == 1 else weights @ parts
    return np.asarray(made.reshape(x.shape[0], -1, *spatial))


class Conv(OpRun):
    """ONNX's Conv: some rows of the output at a time, a matrix product each."""

    def _run(
        self, x: Array, w: Array, b: Array | None = None, *, auto_pad: str | None = None,
        dilations: Ints = None, group: int | None = None, kernel_shape: Ints = None,
        pads: Ints = None, strides: Ints = None,
    ) -> tuple[Array]:  # fmt: skip
        along = axes(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
        wide, groups = padded(x, along, 0), group or 1
        y = np.empty((x.shape[0], w.shape[0], *(a.out for a in along)), x.dtype)
        first, inner = along[0], along[1:]
        taken = x.shape[0] * x.shape[1] * prod(w.shape[2:]) * prod(a.out for a in inner)
        step = max(1, BLOCK // taken)
        for row in range(0, first.out, step):
            block = replace(first, out=min(step, first.out - row))
            begin = row * first.stride
            rows = wide[:, :, begin : begin + block.reach]
            y[:, :, row : row + block.out] = convolved(rows, w, groups, [block, *inner])
        return (y if b is None else y + _by_channel(b, y),)


def convolved(x: Array, w: Array, groups: int, along: Sequence[Axis]) -> Array:
    """A convolution of what is padded already, every window laid out at the same time."""
    out = tuple(a.out for a in along)
    laid = np.empty((x.shape[0], x.shape[1], prod(w.shape[2:]), *out), x.dtype)
    for number, (_, part) in enumerate(windows(x, along)):
        laid[:, :, number] = part
    laid = laid.reshape(x.shape[0], groups, -1, prod(out))
    made = w.reshape(groups, w.shape[0] // groups, -1) @ laid
    return np.asarray(made.reshape(x.shape[0], w.shape[0], *out))


class ConvTranspose(OpRun):
    """ONNX's ConvTranspose: every input is added, weighted, to the outputs below its taps."""

    def _run(
        self, x: Array, w: Array, b: Array | None = None, *, auto_pad: str | None = None,
        dilations: Ints = None, group: int | None = None, kernel_shape: Ints = None,
        output_padding: Ints = None, output_shape: Ints = None, pads: Ints = None,
        strides: Ints = None,
    ) -> tuple[Array]:  # fmt: skip
        rank, groups = x.ndim - 2, group or 1
        strides, dilations = strides or [1] * rank, dilations or [1] * rank
        more, pads = output_padding or [0] * rank, pads or [0] * (2 * rank)
        same = auto_pad in ("SAME_UPPER", "SAME_LOWER")
        along, crop = [], []
        for a, (size, taps) in enumerate(zip(x.shape[2:], w.shape[2:], strict=True)):
            one = Axis(0, taps, strides[a], dilations[a], 0, 0, size)
            natural = one.reach + more[a]
            begin, length = pads[a], natural - pads[a] - pads[a + rank]
            if same or output_shape:
                length = output_shape[a - rank] if output_shape else min(size * strides[a], natural)
                lost = max(natural - length, 0)
                begin = lost // 2 if auto_pad == "SAME_UPPER" else lost - lost // 2
            along.append(one)
            crop.append((begin, length))
        whole = [max(a.reach, begin + n) for a, (begin, n) in zip(along, crop, strict=True)]
        y = np.zeros((x.shape[0], w.shape[1] * groups, *whole), x.dtype)
        turned = w.reshape(groups, -1, *w.shape[1:]).swapaxes(1, 2)
        turned = turned.reshape(-1, *turned.shape[2:])
        for taps_at, part in windows(y, along):
            part += products(x, turned[spatial(taps_at)], groups)
        y = y[spatial(slice(begin, begin + n) for begin, n in crop)]
        return (y if b is None else y + _by_channel(b, y),)


def _by_channel(b: Array, y: Array) -> Array:
    return b.reshape(-1, *[1] * (y.ndim - 2))


class MaxPool(OpRun):
    """ONNX's MaxPool without its indices."""

    def _run(
        self, x: Array, *, auto_pad: str | None = None, ceil_mode: int | None = None,
        dilations: Ints = None, kernel_shape: Sequence[int] = (), pads: Ints = None,
        storage_order: int | None = None, strides: Ints = None,
    ) -> tuple[Array]:  # fmt: skip
        if len(self.output) > 1 and self.output[1]:
            raise NotImplementedError("indices of MaxPool")
        along = axes(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        y = np.full((*x.shape[:2], *(a.out for a in along)), -np.inf, x.dtype)
        for _, part in windows(padded(x, along, -np.inf), along):
            np.maximum(y, part, out=y)
        return (y,)


class AveragePool(OpRun):
    """ONNX's AveragePool: padding counts if that is asked for, what is behind it never."""

    def _run(
        self, x: Array, *, auto_pad: str | None = None, ceil_mode: int | None = None,
        count_include_pad: int | None = None, dilations: Ints = None,
        kernel_shape: Sequence[int] = (), pads: Ints = None, strides: Ints = None,
    ) -> tuple[Array]:  # fmt: skip
        along = axes(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        y = np.zeros((*x.shape[:2], *(a.out for a in along)), x.dtype)
        for _, part in windows(padded(x, along, 0), along):
            y += part
        counted: Any = np.ones((1, 1, *x.shape[2:]))
        if count_include_pad:
            around = [(0, 0), (0, 0), *((a.before, a.after) for a in along)]
            counted = np.pad(counted, around, constant_values=1)
            along = [Axis(a.size + a.before + a.after, a.kernel, a.stride, a.dilation, 0, 0, a.out)
                     for a in along]  # fmt: skip
        number = sum(part for _, part in windows(padded(counted, along, 0), along))
        return (y / number,)


class GlobalMaxPool(OpRun):
    """The largest of each channel, over any number of axes; the package's own is for two."""

    def _run(self, x: Array) -> tuple[Array]:
        return (np.asarray(x.max(axis=tuple(range(2, x.ndim)), keepdims=True)),)


class BatchNormalization(OpRun):
    """ONNX's BatchNormalization as networks run it; the evaluator's trains before opset 14."""

    def _run(
        self, x: Array, scale: Array, bias: Array, mean: Array, var: Array, *,
        epsilon: float = 1e-5, training_mode: int | None = 0, **_: object,
    ) -> tuple[Array]:  # fmt: skip
        if training_mode or len(self.output) > 1:
            raise NotImplementedError("training")
        axes = [1] * (x.ndim - 1 - scale.ndim)
        scale, bias, mean, var = (p.reshape(*p.shape, *axes) for p in (scale, bias, mean, var))
        return (scale * (x - mean) / np.sqrt(var + epsilon) + bias,)


class Softmax(OpRun):
    """ONNX's Softmax; before opset 13 over all axes from `axis` on."""

    def _run(self, x: Array, *, axis: int | None = None) -> tuple[Array]:
        return (np.exp(_log_softmax(x, axis, self.run_params["opsets"][""])),)


class LogSoftmax(OpRun):
    """ONNX's LogSoftmax; before opset 13 over all axes from `axis` on."""

    def _run(self, x: Array, *, axis: int | None = None) -> tuple[Array]:
        return (_log_softmax(x, axis, self.run_params["opsets"][""]),)


def _log_softmax(x: Array, axis: int | None, opset: int) -> Array:
    if opset >= 13:
        over: tuple[int, ...] = (-1 if axis is None else axis,)
    else:
        over = tuple(range(x.ndim))[1 if axis is None else axis :]
    if not over:  # rows of one number each
        return np.zeros_like(x)
    less = x - x.max(over, keepdims=True)
    return np.asarray(less - np.log(np.exp(less).sum(over, keepdims=True)))


OPERATORS = (
    Conv, ConvTranspose, MaxPool, AveragePool, GlobalMaxPool, BatchNormalization, Softmax,
    LogSoftmax,
)  # fmt: skip
