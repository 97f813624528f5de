"""ONNX operators in torch: from a node's attributes to a function of its inputs.

Only what networks for pictures are made of; layers with weights are modules of `graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lowtide.errors import UnsupportedModel

Step = Callable[..., Tensor]
Attributes = Mapping[str, Any]


def _average(a: Attributes) -> Step:
    shape, strides, pads = _window(a)
    counted = bool(a.get("count_include_pad", 0))
    return lambda x: functional.avg_pool2d(x, shape, strides, pads, False, counted)


def _largest(a: Attributes) -> Step:
    shape, strides, pads = _window(a)
    return lambda x: functional.max_pool2d(x, shape, strides, pads)


def _window(a: Attributes) -> tuple[list[int], list[int], list[int]]:
    pads, shape = list(a.get("pads", [0] * 4)), list(a["kernel_shape"])
    odd = a.get("ceil_mode", 0) or a.get("auto_pad", b"NOTSET") != b"NOTSET"
    if len(shape) != 2 or pads[:2] != pads[2:] or odd or set(a.get("dilations", [1])) != {1}:
        raise UnsupportedModel("a pool with this padding cannot be trained")
    return shape, list(a.get("strides", [1, 1])), pads[:2]


def _mean(a: Attributes) -> Step:
    keep, given = bool(a.get("keepdims", 1)), a.get("axes")

    def step(x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = list(given) if given is not None else axes.tolist() if axes is not None else None
        return x.mean(chosen, keep)

    return step


def _clip(a: Attributes) -> Step:
    def step(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
        least = float(low) if low is not None else a.get("min")
        most = float(high) if high is not None else a.get("max")
        return x.clamp(least, most)

    return step


def _reshape(a: Attributes) -> Step:
    def step(x: Tensor, shape: Tensor) -> Tensor:
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())]
        return x.reshape(wanted)

    return step


def _flatten(a: Attributes) -> Step:
    axis = int(a.get("axis", 1))
    if axis != 1:
        raise UnsupportedModel("Flatten of another axis than 1 cannot be trained")
    return lambda x: x.flatten(1)


def _concat(a: Attributes) -> Step:
    axis = int(a["axis"])
    return lambda *parts: torch.cat(parts, axis)


def _softmax(a: Attributes) -> Step:
    axis = int(a.get("axis", -1))
    return lambda x: x.softmax(axis)


def _transpose(a: Attributes) -> Step:
    order = a.get("perm")
    return lambda x: x.permute(list(order) if order else list(range(x.ndim))[::-1])


def _hard_sigmoid(a: Attributes) -> Step:
    slope, shift = float(a.get("alpha", 0.2)), float(a.get("beta", 0.5))
    return lambda x: (x * slope + shift).clamp(0, 1)


def _leaky(a: Attributes) -> Step:
    slope = float(a.get("alpha", 0.01))
    return lambda x: functional.leaky_relu(x, slope)


def _slice(a: Attributes) -> Step:
    def step(
        x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None,
        steps: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        begin, end = starts.tolist(), ends.tolist()
        which = axes.tolist() if axes is not None else list(range(len(begin)))
        by = steps.tolist() if steps is not None else [1] * len(begin)
        if min(by) < 1:
            raise UnsupportedModel("a Slice that runs backwards cannot be trained")
        index = [slice(None)] * x.ndim
        for axis, first, last, stride in zip(which, begin, end, by, strict=True):
            index[axis] = slice(first, last, stride)
        return x[tuple(index)]

    return step


def _pad(a: Attributes) -> Step:
    if a.get("mode", b"constant") != b"constant":
        raise UnsupportedModel("Pad of another mode than constant cannot be trained")

    def step(
        x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None
    ) -> Tensor:
        if axes is not None:
            raise UnsupportedModel("Pad of some axes cannot be trained")
        ends = pads.tolist()
        pairs = zip(ends[: x.ndim], ends[x.ndim :], strict=True)
        flat = [n for pair in reversed(list(pairs)) for n in pair]
        return functional.pad(x, flat, value=0.0 if value is None else float(value))

    return step


OPERATORS: Mapping[str, Callable[[Attributes], Step]] = {
    "Add": lambda a: lambda x, y: x + y,
    "AveragePool": _average,
    "Clip": _clip,
    "Concat": _concat,
    "Div": lambda a: lambda x, y: x / y,
    "Flatten": _flatten,
    "GlobalAveragePool": lambda a: lambda x: x.mean((2, 3), True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda a: functional.hardswish,
    "Identity": lambda a: lambda x: x,
    "LeakyRelu": _leaky,
    "MaxPool": _largest,
    "Mul": lambda a: lambda x, y: x * y,
    "Pad": _pad,
    "ReduceMean": _mean,
    "Relu": lambda a: torch.relu,
    "Reshape": _reshape,
    "Sigmoid": lambda a: torch.sigmoid,
    "Slice": _slice,
    "Softmax": _softmax,
    "Sub": lambda a: lambda x, y: x - y,
    "Tanh": lambda a: torch.tanh,
    "Transpose": _transpose,
}
