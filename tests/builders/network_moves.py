"""Random operators that move elements: views, joins, and their like.

Each function takes the builder and a value, adds operators, and returns a result, or None where
the value does not suit it.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from network_builder import Builder, Shape, Value


def transpose(b: Builder, x: Value) -> Value:
    order = list(range(x.rank))
    b.dice.shuffle(order)
    return _permuted(b, x, order)


def _permuted(b: Builder, x: Value, order: list[int]) -> Value:
    return b.node("Transpose", [x], tuple(x.shape[a] for a in order), x.most, perm=order)


def _reshaped(b: Builder, x: Value, shape: Shape) -> Value:
    given = list(shape)
    if b.dice.random() < 0.5:
        given[b.dice.randrange(len(given))] = -1
    return b.node("Reshape", [x, b.constant(np.array(given, np.int64))], shape, x.most)


def reshape(b: Builder, x: Value) -> Value:
    """Neighbouring axes merged, or an axis cut in two."""
    shape = list(x.shape)
    at = b.dice.randrange(x.rank)
    cuts = [n for n in range(2, shape[at]) if shape[at] % n == 0]
    if cuts and x.rank < 5 and b.dice.random() < 0.6:
        n = b.dice.choice(cuts)
        shape[at : at + 1] = [n, shape[at] // n]
    elif x.rank > 2:
        at = b.dice.randrange(x.rank - 1)
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
    return _reshaped(b, x, tuple(shape))


def flatten(b: Builder, x: Value) -> Value:
    axis = b.dice.choice((1, 1, x.rank - 1))
    shape = (prod(x.shape[:axis]), prod(x.shape[axis:]))
    return b.node("Flatten", [x], shape, x.most, axis=axis)


def squeeze(b: Builder, x: Value) -> Value | None:
    """An axis of extent 1 dropped where there is one, else added."""
    ones = [a for a, extent in enumerate(x.shape) if extent == 1 and x.rank > 2]
    if ones and b.dice.random() < 0.7:
        a = b.dice.choice(ones)
        shape = (*x.shape[:a], *x.shape[a + 1 :])
        return b.node("Squeeze", [x], shape, x.most, {"axes": [a]})
    if x.rank > 4:
        return None
    a = b.dice.randrange(x.rank + 1)
    return b.node("Unsqueeze", [x], (*x.shape[:a], 1, *x.shape[a:]), x.most, {"axes": [a]})


def shuffle(b: Builder, x: Value) -> Value | None:
    """Channel shuffle: the channels of each group dealt out like cards."""
    groups = [g for g in range(2, x.shape[1]) if x.shape[1] % g == 0] if x.rank == 4 else []
    if not groups:
        return None
    n, c, h, w = x.shape
    g = b.dice.choice(groups)
    dealt = _permuted(b, _reshaped(b, x, (n, g, c // g, h, w)), [0, 2, 1, 3, 4])
    return _reshaped(b, dealt, x.shape)


def head(b: Builder, x: Value) -> Value | None:
    """A detector's head: pixel by pixel, k numbers a box."""
    if x.rank != 4:
        return None
    n, c, h, w = x.shape
    k = b.dice.choice([k for k in range(1, c + 1) if c % k == 0])
    return _reshaped(b, _permuted(b, x, [0, 2, 3, 1]), (n, h * w * c // k, k))


def depth_to_space(b: Builder, x: Value) -> Value | None:
    if x.rank != 4 or x.shape[1] % 4:
        return None
    n, c, h, w = x.shape
    mode: dict[str, Any] = {"mode": b.dice.choice(("DCR", "CRD"))} if b.opset >= 11 else {}
    return b.node("DepthToSpace", [x], (n, c // 4, 2 * h, 2 * w), x.most, blocksize=2, **mode)


def split(b: Builder, x: Value) -> Value | None:
    """Two or three parts, of one size or not; the others are left for later operators."""
    axis = b.dice.randrange(x.rank)
    size = x.shape[axis]
    count = b.dice.choice((2, 2, 3))
    if size < count:
        return None
    cuts = [0, *sorted(b.dice.sample(range(1, size), count - 1)), size]
    even = size % count == 0 and b.dice.random() < 0.5
    extents = [size // count] * count if even else [q - p for p, q in zip(cuts, cuts[1:])]  # noqa: B905
    shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in extents]
    if even and b.opset >= 18:
        parts = b.split("Split", [x], shapes, x.most, axis=axis, num_outputs=count)
    else:
        parts = b.split(
            "Split", [x], shapes, x.most, {"split": None if even else extents}, axis=axis
        )
    return b.dice.choice(parts)


def slice_(b: Builder, x: Value) -> Value:
    """One or two axes cut; from opset 10 on with steps, backwards as well."""
    chosen = b.dice.sample(range(x.rank), min(b.dice.randint(1, 2), x.rank))
    if b.opset < 10:
        chosen.sort()  # or onnx infers no shape
    shape, starts, ends, steps = list(x.shape), [], [], []
    for a in chosen:
        step = b.dice.choice((1, 1, 2, 3, -1, -2)) if b.opset >= 10 else 1
        p, q = sorted((b.dice.randrange(x.shape[a]), b.dice.randrange(x.shape[a])))
        start, end = (p, q + 1) if step > 0 else (q, p - 1)
        if end < 0 or (end == x.shape[a] and b.dice.random() < 0.5):
            end = 2**31 - 1 if step > 0 else -(2**31)
        taken = range(x.shape[a])[start : None if abs(end) > 2**30 else end : step]
        shape[a] = len(taken)
        starts.append(start - x.shape[a] if b.dice.random() < 0.3 else start)
        ends.append(end)
        steps.append(step)
    parameters: dict[str, Any] = {"starts": starts, "ends": ends, "axes": chosen}
    if b.opset >= 10:
        parameters["steps"] = steps
    return b.node("Slice", [x], tuple(shape), x.most, parameters)


def gather(b: Builder, x: Value) -> Value:
    """Chosen elements of an axis, in any order, some of them twice."""
    axis = b.dice.randrange(x.rank)
    indices = [b.dice.randrange(x.shape[axis]) for _ in range(b.dice.randint(1, 4))]
    shape = (*x.shape[:axis], len(indices), *x.shape[axis + 1 :])
    return b.node("Gather", [x, b.constant(np.array(indices, np.int64))], shape, x.most, axis=axis)


def concat(b: Builder, x: Value) -> Value | None:
    """Two or three values that agree on all axes but one; x itself again, or a constant."""
    axis = b.dice.choice((1, 1, b.dice.randrange(x.rank)))
    if axis >= x.rank:
        return None

    def rest(v: Value) -> Shape:
        return (*v.shape[:axis], *v.shape[axis + 1 :])

    others = [v for v in b.values if v.rank == x.rank and rest(v) == rest(x)]
    parts: list[Value | str] = [x, *(b.dice.choice(others) for _ in range(b.dice.randint(1, 2)))]
    size = sum(v.shape[axis] for v in parts if isinstance(v, Value))
    if b.dice.random() < 0.2:
        parts.append(b.constant(b.numbers((*x.shape[:axis], 2, *x.shape[axis + 1 :]))))
        size += 2
    shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
    b.dice.shuffle(parts)
    most = max(2.0, *(v.most for v in parts if isinstance(v, Value)))
    return b.node("Concat", parts, shape, most, axis=axis) if b.fits(shape) else None


def pad(b: Builder, x: Value) -> Value | None:
    """The last two axes framed; mirrored only where there is enough to mirror."""
    if x.rank < 3:
        return None
    modes = ["constant", "constant", "edge"]
    modes += ["reflect"] if min(x.shape[-2:]) > 2 else []
    mode = b.dice.choice(modes)
    low = -1 if mode == "constant" and min(x.shape[-2:]) > 2 else 0
    frame = [b.dice.randint(low, 2) for _ in range(4)]
    pads = [0] * (x.rank - 2) + frame[:2] + [0] * (x.rank - 2) + frame[2:]
    shape = tuple(n + p + q for n, p, q in zip(x.shape, pads, pads[x.rank :], strict=False))
    parameters: dict[str, Any] = {"pads": pads}
    if mode == "constant" and b.dice.random() < 0.5:
        parameters["value"] = 1.0
    return (
        b.node("Pad", [x], shape, max(x.most, 1), parameters, mode=mode) if b.fits(shape) else None
    )


def resize(b: Builder, x: Value) -> Value | None:
    """Nearest neighbours at whole scales; onnxruntime has opset 11's form from there on."""
    if x.rank != 4 or b.opset < 11:
        return None
    scale = (b.dice.choice((1, 2, 3)), b.dice.choice((1, 2)))
    shape = (*x.shape[:2], x.shape[2] * scale[0], x.shape[3] * scale[1])
    if not b.fits(shape):
        return None
    modes = b.dice.choice((("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")))
    scales = b.constant(np.array((1, 1, *scale), np.float32))
    inputs = [x, "", scales] if b.opset >= 13 else [x, b.constant(np.zeros(0, np.float32)), scales]
    if b.dice.random() < 0.4:
        inputs = [*inputs[:2], "" if b.opset >= 13 else b.constant(np.zeros(0, np.float32))]
        inputs.append(b.constant(np.array(shape, np.int64)))
    return b.node(
        "Resize", inputs, shape, x.most,
        mode="nearest", coordinate_transformation_mode=modes[0], nearest_mode=modes[1],
    )  # fmt: skip
