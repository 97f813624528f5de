"""How far an output may lie over an input that dies with it, by TFLite Micro's reference kernels.

Those go through their output from its first element to its last, and read all that an element
needs before they write it. So an output that begins `d` bytes behind its input is right if no
write comes to a byte that is read later:

    input    |========o=====|       o   the lowest byte that is still read after a write
    output   |====w|                w   where that write ends            d + w <= o, each time

Kernels that do anything else, or that were not read (tensorflow/lite/micro/kernels and
.../internal/reference, 2026-10), have no rule here: their outputs lie over no input. Nothing is
said of other kernels (CMSIS-NN, ESP-NN, Ethos-U, ..), which go their own ways.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lowtide.backends.tflite.outline import Held, Outline, Window
from lowtide.frontends.tflite.stored import Node
from lowtide.placers.problem import Interval

IntArray = npt.NDArray[np.int64]
Rule = Callable[["At"], int | None]

RULES: dict[str, Rule] = {}
"""The largest `d` by the kernel's name, for inputs of the output's type; None: no overlap."""

IN_PLACE = frozenset({"RESHAPE"})
"""Copies, unless input and output have one address; elsewhere the copy must not overlap."""

_TYPES = ("int8", "int16", "float32")
"""Those whose loops were read."""


@dataclass(frozen=True)
class At:
    """An operator, one of its inputs and its one output."""

    outline: Outline
    node: Node
    position: int

    @property
    def x(self) -> Held:
        """The input."""
        return self.outline.tensors[self.node.inputs[self.position]]

    @property
    def y(self) -> Held:
        """The output."""
        return self.outline.tensors[self.node.outputs[0]]

    @property
    def second(self) -> int:
        """The number of the second input, -1 if there is none."""
        return (*self.node.inputs, -1, -1)[1]


def forbidden(outline: Outline, node: Node, dying: int) -> tuple[Interval, ...]:
    """Differences at which the one output of an operator would spoil what it reads; open.

    Of its address less that of an input, which dies with the operator.
    """
    x, y = outline.tensors[dying], outline.tensors[node.outputs[0]]
    apart = ((-y.bytes, x.bytes),)
    if x.type != y.type or x.type not in _TYPES:
        return apart
    if node.kind in IN_PLACE and node.inputs[0] == dying and x.bytes == y.bytes:
        return ((-y.bytes, 0), (0, x.bytes))
    rule, furthest = RULES.get(node.kind), x.bytes
    for position, number in enumerate(node.inputs):
        if number == dying:
            found = rule(At(outline, node, position)) if rule else None
            if found is None:
                return apart
            furthest = min(furthest, found)
    if furthest <= -y.bytes:
        return apart
    return ((furthest, x.bytes),) if furthest < x.bytes else ()


def _kernels(*names: str) -> Callable[[Rule], Rule]:
    def add(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return add


@_kernels("ADD", "SUB", "MUL", "RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU",
          "QUANTIZE", "EXPAND_DIMS")  # fmt: skip
def _each_element(at: At) -> int | None:
    """Element after element; where shapes differ other loops run."""
    shapes = {at.outline.tensors[k].shape for k in (*at.node.inputs, *at.node.outputs)}
    if at.node.kind == "EXPAND_DIMS":
        return 0 if at.position == 0 and at.x.bytes == at.y.bytes else None
    return 0 if len(shapes) == 1 else None


@_kernels("PAD", "PADV2")
def _pad(at: At) -> int | None:
    """Elements in order, the frame's between them: each is read before it moves back."""
    pads = at.outline.numbers.get(at.second)
    if at.position or pads is None or len(at.x.shape) > 5 or pads.size != 2 * len(at.x.shape):
        return None
    if pads.min() < 0:
        return None
    frame = [(int(a), int(b)) for a, b in pads.reshape(-1, 2)]
    if tuple(a + n + b for n, (a, b) in zip(at.x.shape, frame, strict=True)) != at.y.shape:
        return None
    inside = np.pad(np.zeros(at.x.shape, np.int8), frame, constant_values=1)
    read_from = np.flatnonzero(inside.ravel() == 0)
    return int(np.min(np.arange(len(read_from)) - read_from)) * at.x.unit


@_kernels("FULLY_CONNECTED")
def _fully_connected(at: At) -> int | None:
    """Row after row: each is read again for every output of it."""
    weights = at.outline.tensors[at.second].shape if at.second >= 0 else ()
    if at.position or len(weights) != 2 or not at.y.shape or at.y.shape[-1] != weights[0]:
        return None
    rows = int(np.prod(at.y.shape[:-1]))
    if int(np.prod(at.x.shape)) != rows * weights[1]:
        return None
    return _by_pixels(np.arange(rows), weights[1], weights[0]) * at.x.unit


@_kernels("CONV_2D")
def _conv(at: At) -> int | None:
    """Pixel after pixel: its window is read again for every channel."""
    lowest = _windows(at)
    if lowest is None:
        return None
    return _by_pixels(lowest, at.x.shape[3], at.y.shape[3]) * at.x.unit


@_kernels("DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
def _depthwise(at: At) -> int | None:
    """Pixel after pixel, in it channel after channel: one channel of the window for each."""
    return _by_channels(at, _windows(at))


def _by_pixels(lowest: IntArray, channels: int, made: int) -> int:
    """Elements, where all channels of a window are read until the pixel's last is written."""
    before = np.arange(len(lowest)) * made
    still = _still(lowest) * channels
    found = np.append(still[1:] - before[1:], _NEVER)
    if made > 1:
        found = np.append(found, still - before - (made - 1))
    return int(found.min())


def _by_channels(at: At, lowest: IntArray | None) -> int | None:
    """Bytes, where a channel of a window is read for the last time when what it gives is written.

    What is linear in the channel is least at the first or the last of them.
    """
    if lowest is None or at.y.shape[3] % at.x.shape[3]:
        return None
    channels, made = at.x.shape[3], at.y.shape[3]
    each = made // channels
    before, here = np.arange(len(lowest)) * made, lowest * channels
    found = np.append(_still(lowest)[1:] * channels - before[1:], _NEVER)
    next_one = [(c + 1, (c + 1) * each) for c in (0, channels - 2) if channels > 1]
    again = [(c, (c + 1) * each - 1) for c in (0, channels - 1) if each > 1]
    for still, written in (*next_one, *again):
        found = np.append(found, here + still - before - written)
    return int(found.min()) * at.x.unit


_NEVER = 1 << 40


def _still(lowest: IntArray) -> IntArray:
    """The lowest pixel that is read at a pixel or behind."""
    return np.minimum.accumulate(lowest[::-1])[::-1]


def _windows(at: At) -> IntArray | None:
    """The first pixel of the input in the window of each pixel of the output, batches in turn."""
    window, x, y = at.outline.windows.get(at.node.number), at.x.shape, at.y.shape
    if at.position or window is None or len(x) != 4 or len(y) != 4 or x[0] != y[0]:
        return None
    rows, columns = (_first(x[1 + axis], y[1 + axis], window, axis) for axis in (0, 1))
    if rows is None or columns is None:
        return None
    seen = (rows[:, None] < _NEVER) & (columns[None] < _NEVER)
    image = np.arange(x[0])[:, None, None] * x[1] * x[2] + rows[:, None] * x[2] + columns[None]
    return np.where(seen[None], image, _NEVER).ravel()


def _first(n: int, made: int, window: Window, axis: int) -> IntArray | None:
    """Along one axis: the first of `n` pixels in each window; None where the file is at odds."""
    size, stride, gap = window.size[axis], window.stride[axis], window.dilation[axis]
    reach = (size - 1) * gap + 1
    if min(n, made) < 1 or made != -(-(n if window.same else n - reach + 1) // stride):
        return None
    pad = max(0, (made - 1) * stride + reach - n) // 2
    taps = np.arange(made)[:, None] * stride - pad + np.arange(size)[None] * gap
    return np.asarray(np.where((taps >= 0) & (taps < n), taps, _NEVER).min(1), np.int64)
