"""Random QDQ networks of several operators: `grown(seed)`.

Every operator stands between DequantizeLinear and QuantizeLinear, but for some that compute in
floats: with scales that are powers of two and weights that are whole quarters, which is exact.

What onnxruntime leaves in floats now and then is not drawn: AveragePool of int8 numbers, and
convolutions of them whose sums leave 32 bits, sums that are clamped elsewhere than at the least
number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from lowtide.ir.graph import Array
from qdq import Drawn

MOST = 3000
"""Elements of a tensor."""

Ends = tuple[np.float32, Array]


@dataclass(frozen=True)
class Made:
    """A tensor as DequantizeLinear hands it on."""

    name: str
    shape: tuple[int, ...]
    ends: Ends
    by: str

    @property
    def image(self) -> bool:
        return len(self.shape) == 4

    @property
    def scale(self) -> float:
        return float(self.ends[0])


Grow = Callable[["Grown", Made, str], bool]
KINDS: dict[str, Grow] = {}
OFTEN = ("Conv", "Conv", "Conv", "Add", "Concat", "MaxPool")
"""What real networks are made of."""


def grows(*kinds: str) -> Callable[[Grow], Grow]:
    """The function below adds these operators to a network, or says that they do not fit."""

    def register(grow: Grow) -> Grow:
        KINDS.update(dict.fromkeys(kinds, grow))
        return grow

    return register


class Grown(Drawn):
    """A network in the making."""

    def __init__(self, seed: int) -> None:
        dice = np.random.default_rng(seed)
        super().__init__(seed, ("uint8", "uint8", "uint8", "int8")[int(dice.integers(4))])
        self.type = TensorProto.UINT8 if self.kind == np.uint8 else TensorProto.INT8
        self.live: list[Made] = []
        self.read: set[str] = set()
        self.pairs: list[tuple[str, str]] = []

    def scaled(self, near: float) -> Ends:
        """Ends of about that scale."""
        _, zero = self.ends()
        return np.float32(near * 2.0 ** self.rng.uniform(-1, 1)), zero

    def add(self, kind: str, held: list[Made], real: str, shape: tuple[int, ...], ends: Ends,
            clamp: bool = False) -> bool:  # fmt: skip
        """What an operator made of `held`, as 8-bit numbers; at times clamped before."""
        for one in held:
            self.read.add(one.name)
            self.pairs.append((one.by, kind))
        what = (
            self.pick("Relu", "Clip" if kind != "Add" else "Relu")
            if clamp and self.int(0, 1)
            else ""
        )
        if what == "Relu":
            real = self.node("Relu", real)
        elif what:
            ends_of = (self.constant(np.float32(0)), self.constant(np.float32(6)))
            real = self.node("Clip", real, *ends_of)
        if what and (kind == "Add" or self.int(0, 1)):
            ends = ends[0], np.array(np.iinfo(self.kind).min, self.kind)
        self.live.append(Made(self.again(real, ends), shape, ends, kind))
        return True

    def grow(self) -> None:
        """An operator more, mostly on what nothing reads yet."""
        while True:
            waiting = [one for one in self.live if one.name not in self.read]
            x = self.pick(*(waiting if waiting and self.int(0, 3) else self.live), self.live[-1])
            kind = self.pick(*KINDS, *OFTEN)
            if KINDS[kind](self, x, kind):
                return

    def begin(self) -> None:
        """An image or two, floats or numbers."""
        shape = (self.pick(1, 1, 1, 2), self.pick(1, 3, 4, 8), self.int(3, 10), self.int(3, 10))
        for _ in range(self.pick(1, 1, 1, 2)):
            ends = self.ends()
            name = self.numbers(shape, ends) if not self.int(0, 2) else self.input(shape, ends)
            self.live.append(Made(name, shape, ends, "input"))

    def numbers(self, shape: tuple[int, ...], ends: Ends) -> str:
        """An input of 8-bit numbers."""
        name, limits = self.name("x"), np.iinfo(self.kind)
        held = self.rng.integers(limits.min, limits.max + 1, shape).astype(self.kind)
        self.inputs.append(helper.make_tensor_value_info(name, self.type, shape))
        self.feeds[name] = held
        return self.node("DequantizeLinear", name, *(self.constant(one) for one in ends))

    def finish(self) -> None:
        """What nothing reads is handed out, and at times what is read too."""
        last = [one for one in self.live if one.name not in self.read]
        more = [one for one in self.live if one.name in self.read and one.by != "input"]
        if more and not self.int(0, 3):
            last.append(self.pick(*more))
        for one in last:
            maker = next(node for node in self.nodes if one.name in node.output)
            whole = one.by != "input" and not self.int(0, 2)
            self.hand_out(*((maker.input[0], self.type) if whole else (one.name,)))


def grown(seed: int) -> Grown:
    """Network number `seed`."""
    net = Grown(seed)
    net.begin()
    for _ in range(net.int(3, 12)):
        net.grow()
    net.finish()
    return net


def fits(shape: tuple[int, ...]) -> bool:
    return 0 < np.prod(shape) <= MOST


def _window(net: Grown, x: Made, most: int) -> tuple[dict[str, Any], tuple[int, ...]]:
    k = [net.int(1, min(n, most)) for n in x.shape[2:]]
    pads = [net.int(0, (q - 1) // 2) for q in (*k, *k)]
    strides = [net.pick(1, 1, 2)] * 2
    size = tuple((n + a + b - q) // s + 1 for n, q, a, b, s
                 in zip(x.shape[2:], k, pads[:2], pads[2:], strides, strict=True))  # fmt: skip
    return {"kernel_shape": k, "pads": pads, "strides": strides}, size


@grows("Conv")
def conv(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    n, c, _, _ = x.shape
    given, size = _window(net, x, 3)
    group = net.pick(1, 1, c)
    out = net.pick(1, 2, 3, 4, 8, 16) if group == 1 else c * net.pick(1, 1, 2)
    if not fits((n, out, *size)):
        return False
    terms = c // group * np.prod(given["kernel_shape"])
    w, scales = net.weights((out, c // group, *given["kernel_shape"]), 0)
    inputs = [x.name, w]
    if net.int(0, 2):
        inputs.append(net.bias(x.ends[0] * scales, out))
    made = net.node("Conv", *inputs, group=group, **given)
    near = x.scale * scales.max() * 64 * terms**0.5 / 4
    return net.add(kind, [x], made, (n, out, *size), net.scaled(near), clamp=True)


@grows("Conv of far biases")
def far_conv(net: Grown, x: Made, kind: str) -> bool:
    if not x.image or net.kind == np.int8:
        return False
    (n, c, h, w), out, ends = x.shape, net.pick(1, 2, 4, 8), net.scaled(x.scale)
    scales, numbers = net.far(x.scale, ends[0], out)
    weights = net.rng.integers(-128, 128, (out, c, 1, 1)).astype(np.int8)
    held = [(weights, scales, np.zeros(out, np.int8)), (numbers, x.ends[0] * scales)]
    parts = [net.node("DequantizeLinear", *map(net.constant, one), axis=0) for one in held]
    if not fits((n, out, h, w)):
        return False
    return net.add(kind, [x], net.node("Conv", x.name, *parts), (n, out, h, w), ends, clamp=True)


@grows("Conv of floats")
def float_conv(net: Grown, x: Made, kind: str) -> bool:
    if not x.image or np.log2(x.scale) % 1:
        return False
    (n, c, h, w), out = x.shape, net.int(1, 4)
    held = net.constant((net.rng.integers(-3, 4, (out, c, 3, 3)) / 4).astype(np.float32))
    made = net.node("Conv", x.name, held, pads=[1, 1, 1, 1])
    return net.add(kind, [x], made, (n, out, h, w), net.scaled(x.scale * c), clamp=True)


@grows("Gemm", "MatMul")
def dense(net: Grown, x: Made, kind: str) -> bool:
    inside, outside = int(np.prod(x.shape[1:])), net.int(1, 10)
    if inside > 600:
        return False
    name, rows = x.name, x.shape[0]
    if len(x.shape) != 2:
        name = net.again(net.node("Flatten", name), x.ends)
    across = kind == "Gemm" and net.int(0, 1)
    w, scales = net.weights((outside, inside) if across else (inside, outside), 0 if across else 1)
    inputs, near = [name, w], x.scale * scales.max() * 64 * inside**0.5 / 4
    if kind == "Gemm":
        inputs.append(net.bias(x.ends[0] * scales, outside))
    made = net.node(kind, *inputs, **({"transB": int(across)} if kind == "Gemm" else {}))
    return net.add(kind, [x], made, (rows, outside), net.scaled(near))


@grows("Add", "Mul")
def elementwise(net: Grown, x: Made, kind: str) -> bool:
    others = [o for o in net.live if o.shape == x.shape and o.name != x.name]
    if others and net.int(0, 3):
        other = net.pick(*others, *others[-1:])
        held, name, scale = [x, other], other.name, other.scale
    else:
        shape = net.pick(x.shape, (1, x.shape[1], *(1 for _ in x.shape[2:])), (1,))
        name, scales = net.weights(shape)
        held, scale = [x], float(scales[0])
    near = max(x.scale, scale) if kind == "Add" else x.scale * scale * 64
    made = net.node(kind, *net.pick((x.name, name), (name, x.name)))
    return net.add(
        kind, held, made, x.shape, net.scaled(near), clamp=kind == "Add" and not net.int(0, 2)
    )


@grows("GlobalAveragePool", "AveragePool", "MaxPool")
def pool(net: Grown, x: Made, kind: str) -> bool:
    if not x.image or (kind == "AveragePool" and net.kind == np.int8):
        return False
    given, size = ({}, (1, 1)) if kind.startswith("Global") else _window(net, x, 4)
    made = net.node(kind, x.name, **given)
    ends = x.ends if kind == "MaxPool" or net.int(0, 1) else net.scaled(x.scale / 2)
    return net.add(kind, [x], made, (*x.shape[:2], *size), ends)


@grows("Concat")
def concat(net: Grown, x: Made, kind: str) -> bool:
    axis = net.pick(1, net.int(1, len(x.shape) - 1))

    def beside(o: Made) -> bool:
        a, b = list(o.shape), list(x.shape)
        return len(a) == len(b) and a[:axis] + a[axis + 1 :] == b[:axis] + b[axis + 1 :]

    parts = [x, *(net.pick(*filter(beside, net.live)) for _ in range(net.int(1, 3)))]
    shape = list(x.shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    if not fits(tuple(shape)) or len({part.name for part in parts}) < len(parts):
        return False
    made = net.node(kind, *(part.name for part in parts), axis=axis)
    ends = net.pick(x.ends, net.scaled(max(part.scale for part in parts)))
    return net.add(kind, parts, made, tuple(shape), ends)


@grows("Sigmoid", "LeakyRelu", "Relu", "Tanh", "HardSigmoid", "HardSwish", "Clip")
def function(net: Grown, x: Made, kind: str) -> bool:
    near = 1 / 128 if kind in ("Tanh", "HardSigmoid", "Sigmoid") else x.scale
    held = [x.name]
    if kind == "Clip":
        held += [net.constant(np.float32(0)), net.constant(np.float32(6))]
    given = {"alpha": 0.1} if kind == "LeakyRelu" else {}
    return net.add(kind, [x], net.node(kind, *held, **given), x.shape, net.scaled(near))


@grows("Softmax")
def softmax(net: Grown, x: Made, kind: str) -> bool:
    if len(x.shape) != 2:
        return False
    low = np.array(np.iinfo(net.kind).min, net.kind)
    made = net.node(kind, x.name, axis=-1)
    return net.add(kind, [x], made, x.shape, (np.float32(1 / 256), low))


@grows("Reshape", "Flatten", "Transpose", "Slice", "Pad", "Resize", "Split")
def moved(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    n, c, h, w = x.shape
    if kind == "Reshape":
        shape = net.pick((n, c, h * w), (n, c * h, w, 1), (n, h, c, w))
        made = net.node(kind, x.name, net.constant(np.array(shape)))
    elif kind == "Flatten":
        shape, made = (n, c * h * w), net.node(kind, x.name)
    elif kind == "Transpose":
        order = net.pick([0, 2, 3, 1], [0, 1, 3, 2], [0, 3, 1, 2])
        shape, made = tuple(x.shape[a] for a in order), net.node(kind, x.name, perm=order)
    elif kind == "Slice":
        axis = net.int(1, 3)
        first = net.int(0, min(x.shape[axis] - 1, 2))
        parts = ([first], [x.shape[axis]], [axis])
        shape = (*x.shape[:axis], x.shape[axis] - first, *x.shape[axis + 1 :])
        made = net.node(kind, x.name, *(net.constant(np.array(part)) for part in parts))
    elif kind == "Pad":
        pads = [net.int(0, 2) for _ in range(4)]
        shape = (n, c, h + pads[0] + pads[2], w + pads[1] + pads[3])
        given = net.constant(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]]))
        made = net.node(kind, x.name, given)
    elif kind == "Resize":
        scales = net.constant(np.array([1, 1, 2, 2], np.float32))
        shape = (n, c, 2 * h, 2 * w)
        made = net.node(kind, x.name, "", scales, mode="nearest", nearest_mode="floor",
                        coordinate_transformation_mode="asymmetric")  # fmt: skip
    else:
        if c % 2:
            return False
        parts = [net.name("a"), net.name("b")]
        net.nodes.append(helper.make_node(kind, [x.name], parts, name=parts[0], axis=1))
        shape, made = (n, c // 2, h, w), parts[1]
        net.add(kind, [x], parts[0], shape, x.ends)
    return fits(shape) and net.add(kind, [x], made, shape, x.ends)


@grows("ArgMax")
def arg_max(net: Grown, x: Made, kind: str) -> bool:
    if kind in [node.op_type for node in net.nodes]:
        return False
    net.read.add(x.name)
    net.pairs.append((x.by, kind))
    net.hand_out(net.node(kind, x.name, axis=1, keepdims=net.int(0, 1)), TensorProto.INT64)
    return True
