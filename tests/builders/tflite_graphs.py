"""Random .tflite networks of several operators and types: `grown(seed)`.

Floats between two bytes are exact: scales are powers of two, weights whole quarters, and sums end
before float32 rounds them. So every output is equal, whatever computed it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tflite_file import Array
from tflite_operators import ACTIVATIONS, Random, sum_scale, weights

MOST, EXACT = 3000, 2**24
"""Elements of a tensor, and units in a float of sums that are exact."""

OFTEN = (*("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "CONCATENATION") * 3, "PAD", "AVERAGE_POOL_2D")
"""What real networks are made of."""

Grow = Callable[["Grown", "Made", str], bool]
KINDS: dict[str, Grow] = {}


@dataclass(frozen=True)
class Made:
    """A tensor; of bytes a scale and zero point, of floats the unit that all are multiples of (0:
    none) and how many at most."""

    number: int
    shape: tuple[int, ...]
    kind: str
    ends: tuple[float, float]
    by: str

    @property
    def image(self) -> bool:
        return len(self.shape) == 4

    @property
    def eight(self) -> bool:
        return self.kind in ("int8", "uint8")


def grows(*kinds: str) -> Callable[[Grow], Grow]:
    """The function below adds these operators to a network, or says that they do not fit."""

    def register(grow: Grow) -> Grow:
        KINDS.update(dict.fromkeys(kinds, grow))
        return grow

    return register


class Grown(Random):
    """A network in the making."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.base = self.pick("int8", "int8", "int8", "uint8")
        self.live: list[Made] = []
        self.read: set[int] = set()
        self.pairs: list[tuple[str, str]] = []
        self.reals = 0
        self.of(self.base)

    def of(self, kind: str) -> None:
        """What is drawn from here on is of this type."""
        self.kind, self.real = kind, kind == "float32"
        self.ends = np.iinfo("int8" if self.real else kind)

    def numbers(self, shape: tuple[int, ...], low: int | None = None) -> Array:
        if self.real:
            return self.rng.integers(-3, 4, shape) / 4
        return super().numbers(shape, low)

    def biases(self, channels: int) -> Array:
        return self.rng.integers(-99, 99, channels) / 4 if self.real else super().biases(channels)

    def new(self, shape: tuple[int, ...], kind: str, ends: tuple[float, float], by: str) -> Made:
        given = ends if kind in ("int8", "uint8") else None
        return Made(self.file.tensor(shape, kind, given), shape, kind, ends, by)

    def add(self, kind: str, inputs: list[Made | int], made: list[Made], options: str = "",
            **values: Any) -> bool:  # fmt: skip
        """Adds an operator; its results are there from now on."""
        for one in inputs:
            if isinstance(one, Made):
                self.read.add(one.number)
                self.pairs.append((one.by, kind))
        numbers = [one if isinstance(one, int) else one.number for one in inputs]
        self.file.operator(kind, numbers, [one.number for one in made], options, **values)
        self.live += made
        return True

    def result(self, x: Made, kind: str, shape: tuple[int, ...], scale: float, unit: float = 0,
               most: float = 0) -> Made:  # fmt: skip
        """A result of another scale, or of floats."""
        ends = (unit, most) if x.kind == "float32" else (float(np.float32(scale)), self.zero())
        return self.new(shape, x.kind, ends, kind)

    def like(self, x: Made, kind: str, shape: tuple[int, ...]) -> Made:
        """A result of numbers that are those of `x`."""
        return self.new(shape, x.kind, x.ends, kind)

    def grow(self) -> None:
        """An operator more, mostly on what nothing reads yet."""
        while True:
            waiting = [one for one in self.live if one.number not in self.read]
            x = self.pick(*(waiting if waiting and self.int(0, 3) else self.live), self.live[-1])
            kind = self.pick(*KINDS, *OFTEN)
            self.of(x.kind if x.kind != "int32" else self.base)
            if x.kind != "int32" and KINDS[kind](self, x, kind):
                return

    def begin(self) -> list[Made]:
        """An image or two, some of them floats or of the other type of 8 bits."""
        shape = (self.pick(1, 1, 1, 2), self.int(3, 10), self.int(3, 10), self.pick(1, 3, 4, 8))
        given = []
        for _ in range(self.pick(1, 1, 1, 2)):
            kind = self.pick(self.base, self.base, "float32", "uint8")
            ends = (self.scale(-5, -1), 0.0) if kind == "float32" else self.ends_of(-6, -1)
            self.of(kind)
            given.append(
                self.new(shape, kind, ends if kind == "float32" else self.ends_of(), "input")
            )
            self.of(self.base)
            if kind == self.base:
                self.live.append(given[-1])
            else:
                ends = self.ends_of(-6, -1)
                made = self.new(shape, self.base, ends, "QUANTIZE")
                self.add("QUANTIZE", [given[-1]], [made], "QuantizeOptions")
        return given

    def bytes_of(self, given: list[Made]) -> bytes:
        """The file; what nothing reads is handed out, and at times what is read too."""
        last = [one for one in self.live if one.number not in self.read]
        more = [one for one in self.live if one.number in self.read and one.by != "input"]
        if more and not self.int(0, 3):
            last.append(self.pick(*more))
        return self.file.bytes([one.number for one in given], [one.number for one in last])


def grown(seed: int) -> tuple[bytes, Grown]:
    """Network number `seed`."""
    net = Grown(seed)
    given = net.begin()
    for _ in range(net.int(3, 12)):
        net.grow()
    return net.bytes_of(given), net


def fits(*shapes: tuple[int, ...]) -> bool:
    return all(0 < np.prod(shape) <= MOST for shape in shapes)


def _window(net: Grown, x: Made, most: int, dilation: int = 1) -> dict[str, Any]:
    """A window that fits: kernel, strides, padding and the size of what it makes."""
    _, h, w, _ = x.shape
    k = net.int(1, min(h, most)), net.int(1, min(w, most))
    stride, same = net.pick(1, 1, 2), net.int(0, 1)
    reach = [dilation * (q - 1) + 1 for q in k]
    if not same and any(r > s for r, s in zip(reach, (h, w), strict=True)):
        same = 1
    size = [-(-s // stride) if same else (s - r) // stride + 1
            for s, r in zip((h, w), reach, strict=True)]  # fmt: skip
    return {"k": k, "stride": stride, "padding": 1 - same, "size": size}


def _exact(x: Made, terms: int) -> float:
    """How many units sums of so many products with three quarters and a bias have; 0: too many."""
    if x.kind != "float32":
        return 1
    unit, most = x.ends
    count = 3 * terms * most + 99 / min(unit, 1) if unit else EXACT
    return count if count < EXACT else 0


@grows("CONV_2D", "DEPTHWISE_CONV_2D")
def conv(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    n, _, _, c = x.shape
    d = net.pick(1, 1, 1, 2)
    found = _window(net, x, 3, d)
    more: dict[str, Any] = {}
    if kind == "CONV_2D":
        group = net.pick(1, 1, 1, c)
        out = group * net.pick(1, 2, 3, 4, 8, 16) if group == 1 else c * net.pick(1, 2)
        w, axis, terms = (out, *found["k"], c // group), 0, int(np.prod(found["k"])) * c // group
    else:
        more["depthMultiplier"] = net.pick(1, 1, 2)
        out = c * more["depthMultiplier"]
        w, axis, terms = (1, *found["k"], out), 3, int(np.prod(found["k"]))
    shape, most = (n, *found["size"], out), _exact(x, terms)
    if not fits(shape) or not most:
        return False
    always = kind != "CONV_2D" or x.kind != "int8"
    held = weights(net, x.ends[0], w, axis, out, always)
    y = net.result(x, kind, shape, sum_scale(net, x.ends[0], terms) / 8, x.ends[0] / 4, most)
    options = "Conv2DOptions" if kind == "CONV_2D" else "DepthwiseConv2DOptions"
    return net.add(
        kind, [x, *held], [y], options, padding=found["padding"], strideH=found["stride"],
        strideW=found["stride"], dilationHFactor=d, dilationWFactor=d,
        fusedActivationFunction=net.pick(0, *ACTIVATIONS), **more,
    )  # fmt: skip


@grows("TRANSPOSE_CONV")
def transpose_conv(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    (n, h, w, c), k, stride, out = x.shape, net.int(1, 3), net.pick(1, 2, 2), net.int(1, 4)
    same, most = net.int(0, 1), _exact(x, k * k * c)
    sizes = [s * stride if same else (s - 1) * stride + max(k, stride) for s in (h, w)]
    if not fits((n, *sizes, out)) or not most:
        return False
    held = weights(net, x.ends[0], (out, k, k, c), 0, out)
    shape = (n, *sizes, out)
    y = net.result(x, kind, shape, sum_scale(net, x.ends[0], k * k * c) / 8, x.ends[0] / 4, most)
    inputs = [net.ints(*shape), held[0], x] + ([held[1]] if held[1] >= 0 else [])
    return net.add(kind, inputs, [y], "TransposeConvOptions", padding=1 - same, strideH=stride,
                   strideW=stride)  # fmt: skip


@grows("FULLY_CONNECTED")
def fully_connected(net: Grown, x: Made, kind: str) -> bool:
    inside, outside = int(np.prod(x.shape[1:])), net.int(1, 10)
    most = _exact(x, inside)
    if inside > 600 or not most:
        return False
    held = weights(net, x.ends[0], (outside, inside), 0, outside)
    shape = (x.shape[0], outside)
    y = net.result(x, kind, shape, sum_scale(net, x.ends[0], inside) / 8, x.ends[0] / 4, most)
    activation = net.pick(0, *ACTIVATIONS)
    return net.add(kind, [x, *held], [y], "FullyConnectedOptions",
                   fusedActivationFunction=activation)  # fmt: skip


@grows("ADD", "SUB", "MUL")
def binary(net: Grown, x: Made, kind: str) -> bool:
    """Of two tensors of one shape, or with a constant of it, of its channels, or of one number."""
    others = [o for o in net.live if o.shape == x.shape and o.kind == x.kind]
    constant = not net.int(0, 2)
    if constant:
        shape = net.pick(x.shape, x.shape[-1:], (1,) * len(x.shape))
        ends = (0.25, 3.0) if x.kind == "float32" else net.ends_of(-5, -1)
        other = Made(net.drawn(shape, ends), shape, x.kind, ends, "constant")
    else:
        other = net.pick(*others, *others[-1:])
    (a, p), (b, q) = x.ends, other.ends
    if x.kind == "float32":
        unit = a * b if kind == "MUL" else min(a, b)
        most = p * q if kind == "MUL" else (a * p + b * q) / unit if unit else EXACT
        unit = unit if most < EXACT else 0
        y = net.result(x, kind, x.shape, 0, unit, most)
    else:
        largest = a * b * 70 if kind == "MUL" else max(a, b)
        y = net.result(x, kind, x.shape, largest * net.scale(-1, 1))
    # TFLite Micro broadcasts the second operand alone.
    inputs: list[Made | int] = [x, other.number if constant else other]
    return net.add(kind, inputs, [y], f"{kind.title()}Options",
                   fusedActivationFunction=net.pick(0, *ACTIVATIONS))  # fmt: skip


@grows("MAXIMUM", "MINIMUM")
def extreme(net: Grown, x: Made, kind: str) -> bool:
    others = [o for o in net.live if (o.shape, o.kind, o.ends) == (x.shape, x.kind, x.ends)]
    other: Made | int = net.pick(*others)
    if other is x or not net.int(0, 2):
        other = net.drawn(x.shape, x.ends)
    return net.add(kind, [x, other], [net.like(x, kind, x.shape)], "MaximumMinimumOptions")


@grows("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    n, h, w, c = x.shape
    found = _window(net, x, 4)
    if not net.int(0, 3):
        found = {"k": (h, w), "stride": 1, "padding": 1, "size": [1, 1]}
    y = net.like(x, kind, (n, *found["size"], c))
    if x.kind == "float32" and kind == "AVERAGE_POOL_2D":
        y = net.new(y.shape, y.kind, (0, 0), kind)
        if not x.ends[0]:
            return False
    return net.add(
        kind, [x], [y], "Pool2DOptions", padding=found["padding"], strideH=found["stride"],
        strideW=found["stride"], filterHeight=found["k"][0], filterWidth=found["k"][1],
        fusedActivationFunction=net.pick(0, *ACTIVATIONS),
    )  # fmt: skip
