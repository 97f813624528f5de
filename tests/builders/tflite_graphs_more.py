"""The other operators of random .tflite networks: functions, joins, moves, floats between."""

from __future__ import annotations

import numpy as np

from tflite_graphs import Grown, Made, fits, grows
from tflite_operators import sum_scale, weights


@grows("RELU", "RELU6", "HARD_SWISH", "QUANTIZE", "LEAKY_RELU", "PRELU", "ABS", "ELU")
def unary(net: Grown, x: Made, kind: str) -> bool:
    if x.kind == "float32" and kind not in ("RELU", "RELU6"):
        return False
    if kind in ("ABS", "ELU") and x.kind != "int8":
        return False
    scale = x.ends[0] * net.pick(1, net.scale(-1, 1))
    y = net.result(x, kind, x.shape, scale, *x.ends)
    if kind == "LEAKY_RELU":
        alpha = net.rng.uniform(-1, 2)
        return net.add(kind, [x], [y], "LeakyReluOptions", alpha=alpha)
    if kind == "PRELU":
        if not x.image:
            return False
        slopes = net.drawn((1, 1, x.shape[-1]), net.ends_of(-8, -5))
        return net.add(kind, [x, slopes], [y])
    if kind == "HARD_SWISH" and y.ends[0] < x.ends[0] / 64:
        return False
    options = {"QUANTIZE": "QuantizeOptions", "ABS": "AbsOptions"}.get(kind, "")
    return net.add(kind, [x], [y], options)


@grows("LOGISTIC", "TANH", "L2_NORMALIZATION", "SOFTMAX")
def of_known_scale(net: Grown, x: Made, kind: str) -> bool:
    if not x.eight:
        return False
    if kind == "SOFTMAX" and (x.ends[0] < 2**-10 or x.shape[-1] > 200):  # TFLite Micro aborts
        return False
    scale, low = 1 / 256 if kind in ("LOGISTIC", "SOFTMAX") else 1 / 128, int(net.ends.min)
    y = net.new(x.shape, x.kind, (scale, low if scale == 1 / 256 else low + 128), kind)
    if kind == "SOFTMAX":
        return net.add(kind, [x], [y], "SoftmaxOptions", beta=1.0)
    return net.add(kind, [x], [y], "L2NormOptions" if kind.startswith("L2") else "")


@grows("CONCATENATION")
def concatenation(net: Grown, x: Made, kind: str) -> bool:
    """Channels, rows or columns; int8 numbers of other scales are given this one's first."""
    rank = len(x.shape)
    axis = net.pick(rank - 1, rank - 1, net.int(1, rank - 1)) if rank > 1 else 0

    def beside(o: Made) -> bool:
        a, b = list(o.shape), list(x.shape)
        return (
            o.kind == x.kind
            and len(a) == len(b)
            and (a[axis:] == a[axis : axis + 1] + b[axis + 1 :])
            and a[:axis] == b[:axis]
        )

    parts = [x] + [net.pick(*filter(beside, net.live)) for _ in range(net.int(1, 3))]
    out = list(x.shape)
    out[axis] = sum(part.shape[axis] for part in parts)
    if not fits(tuple(out)):
        return False
    if x.kind == "int8":
        parts = [part if part.ends == x.ends else _requantised(net, part, x) for part in parts]
    y = net.like(x, kind, tuple(out))
    if x.kind == "float32":
        units = [part.ends[0] for part in parts]
        most = max(a * b for a, b in (part.ends for part in parts))
        y = net.new(y.shape, y.kind, (min(units), most / min(units) if min(units) else 0), kind)
    return net.add(kind, list(parts), [y], "ConcatenationOptions", axis=axis)


def _requantised(net: Grown, part: Made, like: Made) -> Made:
    made = net.new(part.shape, part.kind, like.ends, "QUANTIZE")
    net.add("QUANTIZE", [part], [made], "QuantizeOptions")
    return made


@grows("PAD", "MIRROR_PAD")
def pad(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    mode = net.int(0, 1)
    most = 2 if kind == "PAD" else min(2, min(x.shape[1:3]) - 1)
    pads = np.zeros((4, 2), int)
    pads[1:3] = [[net.int(0, most) for _ in "ab"] for _ in range(2)]
    if kind == "PAD" and not net.int(0, 3):
        pads[3] = net.int(0, 2), net.int(0, 2)
    out = tuple(int(n + p.sum()) for n, p in zip(x.shape, pads, strict=True))
    if not fits(out):
        return False
    inputs = [x, net.file.constant(pads, "int32")]
    options = "PadOptions" if kind == "PAD" else "MirrorPadOptions"
    given = {"mode": mode} if kind == "MIRROR_PAD" else {}
    return net.add(kind, inputs, [net.like(x, kind, out)], options, **given)


@grows("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
def resize(net: Grown, x: Made, kind: str) -> bool:
    bilinear = kind == "RESIZE_BILINEAR"
    if not x.image or (bilinear and x.kind == "float32"):
        return False
    n, h, w, c = x.shape
    sizes = net.pick((2 * h, 2 * w), (net.int(1, 14), net.int(1, 14)))
    if not fits((n, *sizes, c)):
        return False
    corners, half = net.pick((False, False), (True, False), (False, True))
    options = "ResizeBilinearOptions" if bilinear else "ResizeNearestNeighborOptions"
    return net.add(kind, [x, net.ints(*sizes)], [net.like(x, kind, (n, *sizes, c))], options,
                   alignCorners=corners, halfPixelCenters=half)  # fmt: skip


@grows("RESHAPE", "TRANSPOSE", "REVERSE_V2", "GATHER", "SLICE", "STRIDED_SLICE")
def moved(net: Grown, x: Made, kind: str) -> bool:
    shape, rank = x.shape, len(x.shape)
    axis = net.int(0, rank - 1)
    if kind == "RESHAPE":
        out = _other_axes(net, shape)
        return net.add(kind, [x, net.ints(*out)], [net.like(x, kind, out)], "ReshapeOptions",
                       newShape=[*out])  # fmt: skip
    if kind == "REVERSE_V2":
        y = net.like(x, kind, shape)
        return x.kind != "uint8" and net.add(kind, [x, net.ints(axis)], [y], "ReverseV2Options")
    if kind == "TRANSPOSE":
        order = [int(a) for a in net.rng.permutation(rank)]
        out = tuple(shape[a] for a in order)
        y = net.like(x, kind, out)
        return net.add(kind, [x, net.ints(*order)], [y], "TransposeOptions")
    if kind == "GATHER":
        places = [net.int(0, shape[axis] - 1) for _ in range(net.int(1, 5))]
        y = net.like(x, kind, (*shape[:axis], len(places), *shape[axis + 1 :]))
        return net.add(kind, [x, net.ints(*places)], [y], "GatherOptions", axis=axis)
    first = [net.int(0, min(n - 1, 2)) for n in shape]
    last = [net.int(f + 1, n) for n, f in zip(shape, first, strict=True)]
    if kind == "SLICE":
        sizes = [b - a for a, b in zip(first, last, strict=True)]
        y = net.like(x, kind, tuple(sizes))
        return net.add(kind, [x, net.ints(*first), net.ints(*sizes)], [y], "SliceOptions")
    steps = [net.pick(1, 1, 2) for _ in shape]
    out = tuple(len(range(a, b, s)) for a, b, s in zip(first, last, steps, strict=True))
    inputs = [x, *(net.ints(*part) for part in (first, last, steps))]
    return net.add(kind, inputs, [net.like(x, kind, out)], "StridedSliceOptions")


def _other_axes(net: Grown, shape: tuple[int, ...]) -> tuple[int, ...]:
    n, rest = shape[0], int(np.prod(shape[1:]))
    if len(shape) < 4:
        side = next(k for k in range(int(rest**0.5) + 1, 0, -1) if rest % k == 0)
        return n, side, rest // side, 1
    _, h, w, c = shape
    return net.pick((n, rest), (n, h * w, c), (n, h, w * c, 1), (n, 1, h * w, c), (n, w, h, c))


@grows("SPLIT", "UNPACK", "PACK")
def split(net: Grown, x: Made, kind: str) -> bool:
    shape, rank = x.shape, len(x.shape)
    axis = net.int(0, rank - 1)
    size = shape[axis]
    if kind == "PACK":
        others = [o for o in net.live if (o.shape, o.kind, o.ends) == (shape, x.kind, x.ends)]
        if rank == 4:
            return False
        parts = [x, *(net.pick(*others) for _ in range(net.int(0, 2)))]
        y = net.like(x, kind, (*shape[:axis], len(parts), *shape[axis:]))
        return fits(y.shape) and net.add(
            kind, [*parts], [y], "PackOptions", axis=axis, valuesCount=len(parts)
        )
    if kind == "UNPACK":
        if rank < 2 or size > 4:
            return False
        out = (*shape[:axis], *shape[axis + 1 :])
        made = [net.like(x, kind, out) for _ in range(size)]
        return net.add(kind, [x], made, "UnpackOptions", num=size, axis=axis)
    parts = next((k for k in (2, 3, 4) if size % k == 0), 0)
    if not parts:
        return False
    out = (*shape[:axis], size // parts, *shape[axis + 1 :])
    made = [net.like(x, kind, out) for _ in range(parts)]
    return net.add(kind, [net.ints(axis), x], made, "SplitOptions", numSplits=parts)


@grows("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth(net: Grown, x: Made, kind: str) -> bool:
    if not x.image:
        return False
    (n, h, w, c), deep = x.shape, kind == "DEPTH_TO_SPACE"
    if c % 4 if deep else h % 2 or w % 2:
        return False
    out = (n, h * 2, w * 2, c // 4) if deep else (n, h // 2, w // 2, c * 4)
    options = "DepthToSpaceOptions" if deep else "SpaceToDepthOptions"
    return net.add(kind, [x], [net.like(x, kind, out)], options, blockSize=2)


@grows("ARG_MAX", "ARG_MIN")
def arg_extreme(net: Grown, x: Made, kind: str) -> bool:
    if len(x.shape) < 2:
        return False
    y = net.new(x.shape[:-1], "int32", (0, 0), kind)
    options = "ArgMaxOptions" if kind == "ARG_MAX" else "ArgMinOptions"
    return net.add(kind, [x, net.ints(len(x.shape) - 1)], [y], options, outputType=2)


@grows("DEQUANTIZE", "float end")
def dequantize(net: Grown, x: Made, kind: str) -> bool:
    """Floats of bytes; floats that are computed with are multiples of a power of two."""
    if x.kind == "float32":
        if kind == "float end":
            return False
        net.of(net.base)
        y = net.new(x.shape, net.base, net.ends_of(-5, 0), "QUANTIZE")
        return net.add("QUANTIZE", [x], [y], "QuantizeOptions")
    if np.log2(x.ends[0]) % 1:
        ends = (float(2.0 ** np.round(np.log2(x.ends[0]))), x.ends[1])
        x = _requantised(net, x, Made(0, x.shape, x.kind, ends, ""))
    y = net.new(x.shape, "float32", (x.ends[0], 255.0), "DEQUANTIZE")
    return net.add("DEQUANTIZE", [x], [y], "DequantizeOptions")


@grows("MEAN", "SUM", "REDUCE_MAX")
def reduced(net: Grown, x: Made, kind: str) -> bool:
    axes, keep = ((1, 2) if x.image else (len(x.shape) - 1,)), bool(net.int(0, 1))
    if x.kind == "float32" or x.shape[0] > 1:
        return False
    out = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if keep or a not in axes)
    if not out:
        return False
    count = int(np.prod([x.shape[a] for a in axes])) ** 0.5
    spread = net.scale(-1, 1) * (1 / count if kind == "MEAN" else count)
    y = (net.like(x, kind, out) if kind == "REDUCE_MAX"
         else net.result(x, kind, out, x.ends[0] * spread))  # fmt: skip
    return net.add(kind, [x, net.ints(*axes)], [y], "ReducerOptions", keepDims=keep)


@grows("SQUARED_DIFFERENCE")
def squared_difference(net: Grown, x: Made, kind: str) -> bool:
    others = [o for o in net.live if o.shape == x.shape and o.kind == x.kind]
    if x.kind != "int8":
        return False
    other = net.pick(*others, *others[-1:])
    y = net.result(x, kind, x.shape, max(x.ends[0], other.ends[0]) ** 2 * 70)
    return net.add(kind, [x, other], [y], "SquaredDifferenceOptions")


@grows("BATCH_TO_SPACE_ND")
def dilated(net: Grown, x: Made, kind: str) -> bool:
    """A convolution of every second pixel, written with batches, which LiteRT alone has right."""
    if not x.image or x.kind != "uint8":
        return False
    (n, h, w, c), out = x.shape, net.int(1, 4)
    if h % 2 or w % 2 or min(h, w) < 6:
        return False
    block, none = net.ints(2, 2), net.file.constant(np.zeros((2, 2)), "int32")
    apart = net.like(x, "SPACE_TO_BATCH_ND", (4 * n, h // 2, w // 2, c))
    net.add("SPACE_TO_BATCH_ND", [x, block, none], [apart], "SpaceToBatchNDOptions")
    held = weights(net, x.ends[0], (out, 3, 3, c), 0, out, always=True)
    shape = (4 * n, h // 2 - 2, w // 2 - 2, out)
    made = net.result(x, "CONV_2D", shape, sum_scale(net, x.ends[0], 9 * c) / 8)
    net.add("CONV_2D", [apart, *held], [made], "Conv2DOptions", padding=1, strideH=1, strideW=1)
    y = net.like(made, kind, (n, h - 4, w - 4, out))
    return net.add(kind, [made, block, none], [y], "BatchToSpaceNDOptions")
