"""Random .tflite networks of one operator each, by the operator's name: `ONE["ADD"](seed)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tflite_file import Array, TfliteFile

Draw = Callable[["Random"], bytes]
ONE: dict[str, Draw] = {}
ACTIVATIONS = (0, 0, 1, 3)
"""None, RELU, RELU6."""
LITERT_ONLY = ("TILE", "EXP", "LOG", "GELU", "SPACE_TO_BATCH_ND", "dilated CONV_2D",
               "dilated DEPTHWISE_CONV_2D", "STRIDED_SLICE with axes")  # fmt: skip
TFLM_ONLY = ("BATCH_MATMUL", "ABS", "ELU", "EXP", "GELU", "LOG", "RSQRT",
             "SQUARED_DIFFERENCE", "GATHER_ND", "REVERSE_V2")  # fmt: skip
"""What the other runtime does not know, of int8 and of uint8."""
FLOATS_ONLY = ("ADD_N", "SELECT_V2", "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "EQUAL",
               "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOG_SOFTMAX",
               "CUMSUM", "FLOOR_DIV", "L2_POOL_2D")  # fmt: skip
"""What is done of floats alone."""


def one(*kinds: str) -> Callable[[Callable[..., bytes]], Callable[..., bytes]]:
    """The function below draws networks of these operators."""

    def register(drawn: Callable[..., bytes]) -> Callable[..., bytes]:
        for kind in kinds:
            ONE[kind] = lambda random, kind=kind: drawn(random, kind)
        return drawn

    return register


class Random:
    """What is drawn: shapes, scales, numbers, of one type of 8 bits."""

    def __init__(self, seed: int, kind: str = "int8") -> None:
        self.rng = np.random.default_rng(seed)
        self.kind = kind
        self.real = kind == "float32"
        self.ends = np.iinfo("int8" if self.real else kind)
        self.file = TfliteFile()

    def int(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def pick(self, *of: Any) -> Any:
        return of[int(self.rng.integers(len(of)))]

    def scale(self, low: float = -7, high: float = 1) -> float:
        """A third are powers of two, whose quotients lie between two whole numbers at times."""
        power = self.rng.uniform(low, high)
        return float(np.float32(2.0 ** (power if self.int(0, 2) else round(power))))

    def ends_of(self, low: float = -7, high: float = 1) -> tuple[float, int]:
        """A scale and a zero point."""
        return self.scale(low, high), self.zero()

    def zero(self) -> int:
        """A zero point, mostly in the middle of the range."""
        middle = (self.ends.min + self.ends.max) // 2
        wide = self.pick(20, 20, 127)
        return middle + self.int(-wide, wide)

    def image(self) -> tuple[int, int, int, int]:
        return self.pick(1, 1, 2), self.int(1, 9), self.int(1, 9), self.int(1, 6)

    def shape(self) -> tuple[int, ...]:
        return tuple(self.int(1, 6) for _ in range(self.int(1, 4)))

    def numbers(self, shape: tuple[int, ...], low: int | None = None) -> Array:
        if self.real:
            return self.rng.standard_normal(shape)
        least = self.ends.min if low is None else low
        return self.rng.integers(least, self.ends.max + 1, shape)

    def tensor(self, shape: tuple[int, ...], ends: Any = None) -> int:
        return self.file.tensor(shape, self.kind, ends or self.ends_of())

    def drawn(self, shape: tuple[int, ...], ends: Any, axis: int = 0) -> int:
        """A constant of random numbers."""
        low = -127 if self.kind == "int8" else None
        return self.file.constant(self.numbers(shape, low), self.kind, ends, axis)

    def ints(self, *values: int) -> int:
        return self.file.constant(np.asarray(values), "int32")

    def biases(self, channels: int) -> Array:
        return self.rng.integers(-3000, 3000, channels) * (0.001 if self.real else 1)


def weights(
    random: Random, x: float, w: tuple[int, ...], axis: int, channels: int, always: bool = False
) -> list[int]:
    """Weights, and a bias or none, for an input of scale `x`."""
    each = random.kind == "int8" and random.pick(True, False, True)
    scales = [random.scale(-9, -3) for _ in range(channels if each else 1)]
    zeros = [random.int(1, 254)] if random.kind == "uint8" else [0] * len(scales)
    held = random.drawn(w, (scales, zeros), axis)
    bias = random.file.constant(
        random.biases(channels),
        random.kind if random.real else "int32",
        (np.float32(x) * np.asarray(scales), [0] * len(scales)),
    )  # fmt: skip
    return [held, bias if always or random.int(0, 3) else -1]


def sum_scale(random: Random, x: float, count: int) -> float:
    """A scale of the output that uses its range."""
    return float(np.float32(x * 2 * count**0.5 * 2.0 ** random.rng.uniform(-1, 1)))


@one("CONV_2D", "DEPTHWISE_CONV_2D")
def conv(random: Random, kind: str) -> bytes:
    n, h, w, c = random.image()
    k, d = (random.int(1, min(3, h)), random.int(1, min(3, w))), random.pick(1, 1, 2)
    padding = random.pick(0, 1)
    if padding == 1 and d * (max(k) - 1) + 1 > min(h, w):
        padding = 0
    stride = (random.int(1, 3), random.int(1, 3))
    if kind == "CONV_2D":
        out, group = random.int(1, 5), random.pick(1, 1, c)
        out *= group
        shape, options, axis, more = (out, *k, c // group), "Conv2DOptions", 0, {}
    else:
        m = random.int(1, 3)
        out, shape, options, axis = c * m, (1, *k, c * m), "DepthwiseConv2DOptions", 3
        more = {"depthMultiplier": m}
    x_scale = random.scale()
    names = weights(
        random, x_scale, shape, axis, out, always=kind != "CONV_2D" or random.kind != "int8"
    )
    size = [
        -(-s // t) if padding == 0 else (s - d * (q - 1) - 1) // t + 1
        for s, t, q in zip((h, w), stride, k, strict=True)
    ]
    x = random.tensor((n, h, w, c), (x_scale, random.zero()))
    count = int(np.prod(shape[1:])) if kind == "CONV_2D" else k[0] * k[1]
    y = random.tensor((n, *size, out), (sum_scale(random, x_scale, count), random.zero()))
    random.file.operator(
        kind, [x, *names], [y], options, padding=padding, strideH=stride[0], strideW=stride[1],
        dilationHFactor=d, dilationWFactor=d, fusedActivationFunction=random.pick(*ACTIVATIONS),
        **more,
    )  # fmt: skip
    return random.file.bytes([x], [y])


@one("TRANSPOSE_CONV")
def transpose_conv(random: Random, kind: str) -> bytes:
    n, h, w, c = random.image()
    k, stride, out = (random.int(1, 4), random.int(1, 4)), random.int(1, 3), random.int(1, 4)
    padding = random.pick(0, 1)
    sizes = [
        s * stride if padding == 0 else (s - 1) * stride + max(q, stride)
        for s, q in zip((h, w), k, strict=True)
    ]
    x_scale = random.scale()
    names = weights(random, x_scale, (out, *k, c), 0, out)
    x = random.tensor((n, h, w, c), (x_scale, random.zero()))
    y = random.tensor(
        (n, *sizes, out), (sum_scale(random, x_scale, k[0] * k[1] * c), random.zero())
    )
    shape = random.ints(n, *sizes, out)
    inputs = [shape, names[0], x] + ([names[1]] if names[1] >= 0 else [])
    random.file.operator(
        kind, inputs, [y], "TransposeConvOptions",
        padding=padding, strideH=stride, strideW=stride,
    )  # fmt: skip
    return random.file.bytes([x], [y])


@one("FULLY_CONNECTED")
def fully_connected(random: Random, kind: str) -> bytes:
    rows, inside, outside = random.int(1, 4), random.int(1, 40), random.int(1, 12)
    x_scale = random.scale()
    names = weights(random, x_scale, (outside, inside), 0, outside)
    x = random.tensor((rows, inside), (x_scale, random.zero()))
    y = random.tensor((rows, outside), (sum_scale(random, x_scale, inside), random.zero()))
    random.file.operator(
        kind, [x, *names], [y], "FullyConnectedOptions",
        fusedActivationFunction=random.pick(*ACTIVATIONS),
    )  # fmt: skip
    return random.file.bytes([x], [y])


@one("BATCH_MATMUL")
def batch_matmul(random: Random, kind: str) -> bytes:
    batch, m, k, n = (random.int(1, 6) for _ in range(4))
    x, y = random.pick(False, True), random.pick(False, True)
    scale = random.scale()
    a = random.tensor((batch, k, m) if x else (batch, m, k), (scale, random.zero()))
    b = random.tensor((batch, n, k) if y else (batch, k, n), (1 / 64, random.zero()))
    out = random.tensor((batch, m, n), (sum_scale(random, scale, k), random.zero()))
    random.file.operator(kind, [a, b], [out], "BatchMatMulOptions", adjX=x, adjY=y)
    return random.file.bytes([a, b], [out])


@one("ADD", "SUB", "MUL")
def binary(random: Random, kind: str) -> bytes:
    shape = random.shape()
    other = random.pick(shape, tuple(random.pick(1, n) for n in shape), shape[-1:])
    a_scale, b_scale = random.scale(-5, -1), random.scale(-5, -1)
    a = random.tensor(shape, (a_scale, random.zero()))
    b = random.tensor(other, (b_scale, random.zero()))
    inputs = random.pick([a, b], [b, a]) if other == shape else [a, b]
    largest = a_scale * b_scale * 70 if kind == "MUL" else max(a_scale, b_scale)
    y = random.tensor(shape, (largest * random.scale(-1, 1.5), random.zero()))
    random.file.operator(
        kind, inputs, [y], f"{kind.title()}Options",
        fusedActivationFunction=random.pick(*ACTIVATIONS),
    )  # fmt: skip
    return random.file.bytes([a, b], [y])


@one("MAXIMUM", "MINIMUM")
def extreme(random: Random, kind: str) -> bytes:
    shape, ends = random.shape(), random.ends_of()
    a, b, y = (random.tensor(shape, ends) for _ in range(3))
    random.file.operator(kind, [a, b], [y], "MaximumMinimumOptions")
    return random.file.bytes([a, b], [y])


@one("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(random: Random, kind: str) -> bytes:
    (n, h, w, c), ends = random.image(), random.ends_of()
    k, stride = (random.int(1, min(h, 4)), random.int(1, min(w, 4))), random.int(1, 3)
    padding = random.pick(0, 1)
    size = [
        -(-s // stride) if padding == 0 else (s - q) // stride + 1
        for s, q in zip((h, w), k, strict=True)
    ]
    x, y = random.tensor((n, h, w, c), ends), random.tensor((n, *size, c), ends)
    random.file.operator(
        kind, [x], [y], "Pool2DOptions", padding=padding, strideH=stride, strideW=stride,
        filterHeight=k[0], filterWidth=k[1], fusedActivationFunction=random.pick(*ACTIVATIONS),
    )  # fmt: skip
    return random.file.bytes([x], [y])


@one("MEAN", "SUM", "REDUCE_MAX")
def reduced(random: Random, kind: str) -> bytes:
    shape = random.image() if random.int(0, 1) else random.shape()
    axes = [a for a in range(len(shape)) if random.int(0, 1)] or [len(shape) - 1]
    if len(shape) == 4 and random.int(0, 1):
        axes = [1, 2]
    keep, ends = bool(random.int(0, 1)), random.ends_of()
    out = tuple(1 if a in axes else n for a, n in enumerate(shape) if keep or a not in axes)
    x = random.tensor(shape, ends)
    count = int(np.prod([shape[a] for a in axes])) ** 0.5
    spread = {
        "REDUCE_MAX": 1,
        "MEAN": random.scale(-1, 1) / count,
        "SUM": random.scale(-1, 1) * count,
    }
    y = random.tensor(
        out, ends if kind == "REDUCE_MAX" else (ends[0] * spread[kind], random.zero())
    )
    given = random.ints(*(a - random.pick(0, len(shape)) for a in axes))
    random.file.operator(kind, [x, given], [y], "ReducerOptions", keepDims=keep)
    return random.file.bytes([x], [y])


@one("ARG_MAX", "ARG_MIN")
def arg_extreme(random: Random, kind: str) -> bytes:
    shape = random.shape()
    axis = random.int(0, len(shape) - 1)
    x = random.tensor(shape)
    y = random.file.tensor(shape[:axis] + shape[axis + 1 :], "int32")
    options = "ArgMaxOptions" if kind == "ARG_MAX" else "ArgMinOptions"
    random.file.operator(kind, [x, random.ints(axis)], [y], options, outputType=2)
    return random.file.bytes([x], [y])


@one("RELU", "RELU6", "HARD_SWISH", "QUANTIZE", "LEAKY_RELU")
def unary(random: Random, kind: str) -> bytes:
    shape, ends = random.shape(), random.ends_of(-7, -1)
    out = (ends[0] * random.pick(1, random.scale(-1, 1)), random.ends_of()[1])
    x, y = random.tensor(shape, ends), random.tensor(shape, out)
    if kind == "LEAKY_RELU":
        random.file.operator(kind, [x], [y], "LeakyReluOptions", alpha=random.rng.uniform(-1, 2))
    else:
        random.file.operator(kind, [x], [y], "QuantizeOptions" if kind == "QUANTIZE" else "")
    return random.file.bytes([x], [y])


@one("LOGISTIC", "TANH", "L2_NORMALIZATION", "SOFTMAX")
def of_known_scale(random: Random, kind: str) -> bytes:
    shape, low = random.shape(), random.ends.min
    scale = 1 / 256 if kind in ("LOGISTIC", "SOFTMAX") else 1 / 128
    x = random.tensor(shape, random.ends_of(-6, 0))
    y = random.tensor(shape, (scale, low if scale == 1 / 256 else low + 128))
    if kind == "SOFTMAX":
        beta = random.pick(1.0, 1.0, 0.5)
        random.file.operator(kind, [x], [y], "SoftmaxOptions", beta=beta)
    else:
        random.file.operator(kind, [x], [y], "L2NormOptions" if kind.startswith("L2") else "")
    return random.file.bytes([x], [y])


@one("PRELU")
def prelu(random: Random, kind: str) -> bytes:
    n, h, w, c = random.image()
    slope = (1, 1, c) if random.int(0, 1) else (h, w, c)
    ends = random.ends_of()
    out = (ends[0] * random.scale(-1, 1), random.zero())
    x, y = random.tensor((n, h, w, c), ends), random.tensor((n, h, w, c), out)
    a = random.drawn(slope, random.ends_of(-8, -5))
    random.file.operator(kind, [x, a], [y])
    return random.file.bytes([x], [y])


@one("CONCATENATION", "PACK")
def joined(random: Random, kind: str) -> bytes:
    shape, count = list(random.shape()), random.int(1, 4)
    axis, ends, inputs, total = random.int(0, len(shape) - 1), random.ends_of(), [], 0
    for _ in range(count):
        if kind == "CONCATENATION":
            shape[axis] = random.int(1, 4)
        total += shape[axis]
        inputs.append(
            random.tensor(
                tuple(shape),
                random.ends_of(-5, -3) if random.kind == "uint8" and kind != "PACK" else ends,
            )
        )
    if kind == "PACK":
        y = random.tensor((*shape[:axis], count, *shape[axis:]), ends)
        random.file.operator(kind, inputs, [y], "PackOptions", axis=axis, valuesCount=count)
    else:
        shape[axis] = total
        y = random.tensor(tuple(shape), ends if random.kind == "int8" else random.ends_of(-5, -3))
        random.file.operator(kind, inputs, [y], "ConcatenationOptions", axis=axis)
    return random.file.bytes(inputs, [y])


@one("PAD", "PADV2", "MIRROR_PAD")
def pad(random: Random, kind: str) -> bytes:
    shape, ends = random.image(), random.ends_of()
    mode = random.pick(0, 1)
    pads = np.asarray(
        [
            [random.int(0, min(3, n - (kind == "MIRROR_PAD" and mode == 0))) for _ in "ab"]
            for n in shape
        ]
    )
    out = tuple(int(n + p.sum()) for n, p in zip(shape, pads, strict=True))
    x, y = random.tensor(shape, ends), random.tensor(out, ends)
    inputs = [x, random.file.constant(pads, "int32")]
    if kind == "PADV2":
        inputs.append(random.drawn((1,), ends))
    if kind == "MIRROR_PAD":
        random.file.operator(kind, inputs, [y], "MirrorPadOptions", mode=mode)
    else:
        random.file.operator(kind, inputs, [y], "PadOptions" if kind == "PAD" else "PadV2Options")
    return random.file.bytes([x], [y])


@one("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(random: Random, kind: str) -> bytes:
    (n, h, w, c), ends = random.image(), random.ends_of()
    sizes = random.int(1, 14), random.int(1, 14)
    x, y = random.tensor((n, h, w, c), ends), random.tensor((n, *sizes, c), ends)
    corners, half = random.pick((False, False), (True, False), (False, True))
    options = (
        "ResizeBilinearOptions" if kind == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
    )
    random.file.operator(
        kind, [x, random.ints(*sizes)], [y], options, alignCorners=corners, halfPixelCenters=half
    )
    return random.file.bytes([x], [y])


@one("RESHAPE", "TRANSPOSE", "TILE", "GATHER")
def moved(random: Random, kind: str) -> bytes:
    shape, ends = random.shape(), random.ends_of()
    x = random.tensor(shape, ends)
    if kind == "RESHAPE":
        out = (int(np.prod(shape)),) if random.int(0, 1) else (1, *shape[::-1])
        other, options, values = random.ints(*out), "ReshapeOptions", {"newShape": [*out]}
    elif kind == "TRANSPOSE":
        order = [int(a) for a in random.rng.permutation(len(shape))]
        out, other = tuple(shape[a] for a in order), random.ints(*order)
        options, values = "TransposeOptions", {}
    elif kind == "TILE":
        times = [random.int(1, 3) for _ in shape]
        out, other = tuple(n * t for n, t in zip(shape, times, strict=True)), random.ints(*times)
        options, values = "TileOptions", {}
    else:
        axis = random.int(0, len(shape) - 1)
        places = [random.int(0, shape[axis] - 1) for _ in range(random.int(1, 5))]
        out, other = (*shape[:axis], len(places), *shape[axis + 1 :]), random.ints(*places)
        options, values = "GatherOptions", {"axis": axis}
    y = random.tensor(out, ends)
    random.file.operator(kind, [x, other], [y], options, **values)
    return random.file.bytes([x], [y])


@one("SPLIT", "SPLIT_V", "UNPACK")
def split(random: Random, kind: str) -> bytes:
    shape, ends = list(random.shape()), random.ends_of()
    axis, parts = random.int(0, len(shape) - 1), random.int(1, 3)
    each = [random.int(1, 3)] * parts
    if kind == "SPLIT_V":
        each = [random.int(1, 3) for _ in range(parts)]
    shape[axis] = sum(each) if kind != "UNPACK" else parts
    x = random.tensor(tuple(shape), ends)
    cut = [(*shape[:axis], n, *shape[axis + 1 :]) for n in each]
    if kind == "UNPACK":
        cut = [(*shape[:axis], *shape[axis + 1 :])] * parts
    outputs = [random.tensor(one, ends) for one in cut]
    if kind == "SPLIT":
        random.file.operator(kind, [random.ints(axis), x], outputs, "SplitOptions", numSplits=parts)
    elif kind == "SPLIT_V":
        inputs = [x, random.ints(*each), random.ints(axis)]
        random.file.operator(kind, inputs, outputs, "SplitVOptions", numSplits=parts)
    else:
        random.file.operator(kind, [x], outputs, "UnpackOptions", num=parts, axis=axis)
    return random.file.bytes([x], outputs)


@one("SLICE", "STRIDED_SLICE")
def slice_(random: Random, kind: str) -> bytes:
    shape, ends = random.shape(), random.ends_of()
    first = [random.int(0, n - 1) for n in shape]
    sizes = [random.int(1, n - f) for n, f in zip(shape, first, strict=True)]
    x = random.tensor(shape, ends)
    if kind == "SLICE":
        y = random.tensor(tuple(sizes), ends)
        given = [
            random.pick(s, -1) if f + s == n else s
            for n, f, s in zip(shape, first, sizes, strict=True)
        ]
        random.file.operator(
            kind, [x, random.ints(*first), random.ints(*given)], [y], "SliceOptions"
        )
        return random.file.bytes([x], [y])
    steps, out, ends_at, shrunk = [], list[int](), [], 0
    for a, (n, f, s) in enumerate(zip(shape, first, sizes, strict=True)):
        backwards = not random.int(0, 3)
        step = -random.int(1, 2) if backwards else random.int(1, 3)
        end = f - s if backwards else f + s
        if backwards and end < 0:
            end = -n - 1
        taken = range(n)[slice(f, end, step)]
        if not random.int(0, 4):
            shrunk |= 1 << a
            step, end = 1, f + 1
        else:
            out.append(len(taken))
        steps.append(step)
        ends_at.append(end)
    y = random.tensor(tuple(out), ends)
    inputs = [x, random.ints(*first), random.ints(*ends_at), random.ints(*steps)]
    random.file.operator(kind, inputs, [y], "StridedSliceOptions", shrinkAxisMask=shrunk)
    return random.file.bytes([x], [y])


@one("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth(random: Random, kind: str) -> bytes:
    (n, h, w, c), ends, b = random.image(), random.ends_of(), random.int(1, 3)
    small, large = (n, h, w, c * b * b), (n, h * b, w * b, c)
    shape, out = (small, large) if kind == "DEPTH_TO_SPACE" else (large, small)
    x, y = random.tensor(shape, ends), random.tensor(out, ends)
    options = "DepthToSpaceOptions" if kind == "DEPTH_TO_SPACE" else "SpaceToDepthOptions"
    random.file.operator(kind, [x], [y], options, blockSize=b)
    return random.file.bytes([x], [y])
