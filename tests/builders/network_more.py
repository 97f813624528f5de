"""Random operators beyond the common ones: reductions, normalisations, masks, recurrences.

Each function takes the builder and a value, adds operators, and returns a result, or None where
the value does not suit it. Steps (rounding, places of maxima) only in networks of whole numbers: in
others a last bit would decide.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from network_builder import Builder, Value
from network_sums import clip

WHOLE = ("Abs", "Neg", "Floor", "Ceil", "Round", "Sign")
SMOOTH = ("Abs", "Neg", "Tanh", "Softplus", "Softsign", "Elu", "Selu", "Celu", "Erf", "Sin", "Atan")


def function(b: Builder, x: Value) -> Value:
    """A function of one number, or a slope per channel."""
    if b.dice.random() < 0.2 and x.rank > 1:
        slope = b.constant(b.numbers((x.shape[1], *(1,) * (x.rank - 2))))
        x = x if b.fits(x.shape, 2 * x.most) else clip(b, x)
        return b.node("PRelu", [x, slope], x.shape, 2 * x.most)
    kinds = [*(WHOLE if b.whole else SMOOTH)]
    if not b.whole:
        kinds += [*(("Gelu",) if b.opset >= 20 else ()), *(("Mish",) if b.opset >= 18 else ())]
    since = {"Celu": 12, "Round": 11}
    kind = b.dice.choice([k for k in kinds if b.opset >= since.get(k, 0)])
    if kind in ("Sin", "Selu"):
        x = clip(b, x)
    most = 1.0 if kind == "Sign" else x.most
    return b.node(kind, [x], x.shape, most if kind != "Selu" else 2 * most)


def several(b: Builder, x: Value) -> Value | None:
    """Two or three values of one shape: extremes, sums, means."""
    same = [v for v in b.values if v.shape == x.shape]
    chosen = [x, *(b.dice.choice(same) for _ in range(b.dice.randint(1, 2)))]
    kinds = ("Max", "Min", "Sum") if b.whole else ("Max", "Min", "Sum", "Mean")
    kind, most = b.dice.choice(kinds), sum(v.most for v in chosen)
    return b.node(kind, chosen, x.shape, most) if b.fits(x.shape, most) else None


def reduce(b: Builder, x: Value) -> Value | None:
    """One or two axes become one number."""
    axes = sorted(b.dice.sample(range(x.rank), min(b.dice.randint(1, 2), x.rank - 1)))
    kinds = ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1"]
    kind = b.dice.choice(kinds if b.whole else [*kinds, "ReduceMean", "ReduceL2"])
    kept = x.rank - len(axes) < 2 or b.dice.random() < 0.5
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape) if kept or a not in axes)
    most = x.most * (prod(x.shape[a] for a in axes) if kind in ("ReduceSum", "ReduceL1") else 1)
    if not b.fits(shape, most):
        return None
    given = [a - x.rank if b.dice.random() < 0.3 and b.opset >= 11 else a for a in axes]
    return b.node(kind, [x], shape, most, {"axes": given}, keepdims=int(kept))


def normalise(b: Builder, x: Value) -> Value | None:
    """Over pixels, channels or the last axes; with enough epsilon for what is nearly constant."""
    if b.whole:
        return None
    kinds = ["LogSoftmax", "LpNormalization"]
    kinds += ["InstanceNormalization", "LRN"] if x.rank == 4 else []
    kinds += ["LayerNormalization"] if b.opset >= 17 else []
    kinds += ["GroupNormalization"] if b.opset >= 21 and x.rank == 4 and x.shape[1] % 2 == 0 else []
    kind, more, extra = b.dice.choice(kinds), [], {}  # type: ignore[var-annotated]
    if kind == "LogSoftmax":
        extra = {"axis": b.dice.randrange(x.rank)}
    elif kind == "LpNormalization":
        extra = {"axis": b.dice.randrange(x.rank), "p": 2}
        x = b.node("Softplus", [x], x.shape, x.most + 1)  # no norm near 0
    elif kind == "LRN":
        extra = {"size": b.dice.choice((1, 3, 5)), "alpha": 0.01}
    elif kind == "LayerNormalization":
        axis = b.dice.randrange(x.rank)
        more = [b.constant(b.numbers(x.shape[axis:])) for _ in range(2)]
        extra = {"axis": axis, "epsilon": 0.1}
    else:
        more = [b.constant(b.numbers((x.shape[1],))) for _ in range(2)]
        extra = {"epsilon": 0.1}
        extra |= {"num_groups": 2} if kind == "GroupNormalization" else {}
    return b.node(kind, [x, *more], x.shape, 4.0 + x.most, **extra)


def running_sum(b: Builder, x: Value) -> Value | None:
    axis = b.dice.randrange(x.rank)
    most = x.most * x.shape[axis]
    if b.opset < 11 or not b.fits(x.shape, most):
        return None
    how: dict[str, Any] = {k: b.dice.randint(0, 1) for k in ("exclusive", "reverse")}
    return b.node("CumSum", [x, b.constant(np.array(axis, np.int64))], x.shape, most, **how)


def repeat(b: Builder, x: Value) -> Value | None:
    """Tile, or an axis of extent 1 expanded."""
    axis, times = b.dice.randrange(x.rank), b.dice.randint(2, 3)
    shape = tuple(n * times if a == axis else n for a, n in enumerate(x.shape))
    if not b.fits(shape):
        return None
    if x.shape[axis] == 1 and b.dice.random() < 0.7:
        return b.node("Expand", [x, b.constant(np.array(shape, np.int64))], shape, x.most)
    repeats = np.array([times if a == axis else 1 for a in range(x.rank)], np.int64)
    return b.node("Tile", [x, b.constant(repeats)], shape, x.most)


def masked(b: Builder, x: Value) -> Value:
    """A constant mask, or for whole numbers a comparison, chooses between x and another."""
    same = [v for v in b.values if v.shape == x.shape]
    other = b.dice.choice(same)
    mask: str | Value = b.constant(b.random.random(x.shape[1:]) < 0.5)
    if b.whole and b.dice.random() < 0.5:
        mask = b.node("Less", [x, b.constant(np.array(1, np.float32))], x.shape, 1.0)
        b.values.remove(mask)  # a truth value, nothing to add to
    return b.node("Where", [mask, x, other], x.shape, max(x.most, other.most))


def space_to_depth(b: Builder, x: Value) -> Value | None:
    if x.rank != 4 or x.shape[2] % 2 or x.shape[3] % 2:
        return None
    n, c, h, w = x.shape
    return b.node("SpaceToDepth", [x], (n, 4 * c, h // 2, w // 2), x.most, blocksize=2)


def interpolate(b: Builder, x: Value) -> Value | None:
    """Linear or cubic, to a size larger or smaller."""
    if x.rank != 4 or b.opset < 13 or b.whole:
        return None
    shape = (*x.shape[:2], *(b.dice.randint(2, 2 * n) for n in x.shape[2:]))
    modes = ("half_pixel", "asymmetric", "align_corners")
    if not b.fits(shape):
        return None
    sizes = b.constant(np.array(shape, np.int64))
    return b.node(
        "Resize", [x, "", "", sizes], shape, 2 * x.most,
        mode=b.dice.choice(("linear", "cubic")),
        coordinate_transformation_mode=b.dice.choice(modes),
    )  # fmt: skip


def einsum(b: Builder, x: Value) -> Value | None:
    """Channels mixed by a constant matrix, or an axis summed."""
    if b.opset < 12 or x.rank < 3:
        return None
    made, most = b.dice.randint(1, 6), 2 * x.most * x.shape[1]
    shape = (x.shape[0], made, *x.shape[2:])
    if not b.fits(shape, most):
        return None
    weights = b.weights((x.shape[1], made), x.shape[1])
    return b.node("Einsum", [x, weights], shape, most, equation="ni...,io->no...")


def extreme_place(b: Builder, x: Value) -> Value | None:
    """Where the largest is, as a float."""
    if not b.whole or b.opset < 13:
        return None
    axis = b.dice.randrange(x.rank)
    shape = tuple(1 if a == axis else n for a, n in enumerate(x.shape))
    last = b.dice.randint(0, 1)
    kind = b.dice.choice(("ArgMax", "ArgMin"))
    found = b.node(kind, [x], shape, x.shape[axis], axis=axis, select_last_index=last)
    b.values.remove(found)
    return b.node("Cast", [found], shape, x.shape[axis], to=1)


def quantise(b: Builder, x: Value) -> Value | None:
    """To int8 and back, by a scale that is a power of two."""
    if not b.whole or b.opset < 13:
        return None
    scale, zero = b.constant(np.array(2, np.float32)), b.constant(np.array(3, np.int8))
    held = b.node("QuantizeLinear", [x, scale, zero], x.shape, 128.0)
    b.values.remove(held)
    return b.node("DequantizeLinear", [held, scale, zero], x.shape, 262.0)


def recurrent(b: Builder, x: Value) -> Value | None:
    """GRU or LSTM over the first axis."""
    if b.whole or x.rank != 3 or b.opset < 13:
        return None
    steps, batch, inside = x.shape
    hidden, gates, kind = 3, *b.dice.choice(((3, "GRU"), (4, "LSTM")))
    names = [
        b.constant(b.numbers(shape) / np.float32(3))
        for shape in ((1, gates * hidden, inside), (1, gates * hidden, hidden))
    ]
    bias = b.constant(b.numbers((1, 2 * gates * hidden)))
    shape = (steps, 1, batch, hidden)
    return b.node(kind, [x, *names, bias], shape, 1.0, hidden_size=hidden)
