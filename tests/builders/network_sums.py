"""Random arithmetic: element by element with broadcasting, matrix products, softmax.

Each function takes the builder and a value, adds operators, and returns a result, or None where
the value does not suit it.
"""

from __future__ import annotations

from math import prod

import numpy as np

from network_builder import Builder, Shape, Value


def activation(b: Builder, x: Value) -> Value:
    """An element-wise function; for networks of whole numbers one that keeps them whole."""
    kinds = ["Relu", "Relu", "Clip", "LeakyRelu", "Identity"]
    if not b.whole:
        kinds += ["Sigmoid", "HardSigmoid", "Exp"] + (["HardSwish"] if b.opset >= 14 else [])
    kind = b.dice.choice(kinds)
    if kind == "Clip":
        return clip(b, x)
    if kind == "LeakyRelu":
        alpha = 2.0 if b.whole else 0.1
        x = x if b.fits(x.shape, 2 * x.most) else clip(b, x)
        return b.node(kind, [x], x.shape, 2 * x.most, alpha=alpha)
    if kind == "Exp":
        x = clip(b, x)  # for e**x to stay small
    return b.node(kind, [x], x.shape, x.most)


def clip(b: Builder, x: Value) -> Value:
    low, high = b.dice.choice(((-4.0, 4.0), (0.0, 6.0), (-8.0, 3.0)))
    return b.node("Clip", [x], x.shape, 8.0, {"min": low, "max": high})


def binary(b: Builder, x: Value) -> Value | None:
    """x with another value of the network, broadcast where it fits, or with a constant."""
    fitting = [v for v in b.values if v.name != x.name and _joined(x.shape, v.shape) is not None]
    type_ = b.dice.choice(("Add", "Add", "Sub", "Mul"))
    if fitting and b.dice.random() < 0.7:
        same = [v for v in fitting if v.shape == x.shape]
        other = b.dice.choice(same if same and b.dice.random() < 0.7 else fitting)
        shape = _joined(x.shape, other.shape) or x.shape
        most = x.most * other.most if type_ == "Mul" else x.most + other.most
        pair: list[Value | str] = [x, other]
    else:
        smaller = tuple(n if b.dice.random() < 0.5 else 1 for n in x.shape)
        cut = b.dice.randrange(x.rank + 1)
        shape, most = x.shape, 2 * x.most + 2
        pair = [x, b.constant(b.numbers(smaller[cut:]))]
        type_ = "Div" if not b.whole and b.dice.random() < 0.2 else type_
    if type_ != "Div":
        b.dice.shuffle(pair)
    return b.node(type_, pair, shape, most) if b.fits(shape, most) else None


def _joined(a: Shape, c: Shape) -> Shape | None:
    """numpy's broadcast of two shapes, or None."""
    try:
        return np.broadcast_shapes(a, c)
    except ValueError:
        return None


def normalise(b: Builder, x: Value) -> Value | None:
    """BatchNormalization: not whole."""
    if b.whole or x.rank not in (3, 4):
        return None
    c = (x.shape[1],)
    held = [b.constant(b.numbers(c)) for _ in range(3)]
    variance = b.constant(np.abs(b.numbers(c)))
    return b.node("BatchNormalization", [x, *held, variance], x.shape, x.most)


def softmax(b: Builder, x: Value) -> Value | None:
    if b.whole:
        return None
    return b.node("Softmax", [x], x.shape, 1.0, axis=b.dice.randrange(x.rank))


def dense(b: Builder, x: Value) -> Value | None:
    """Flatten and Gemm, or MatMul on the last axis with an Add behind it."""
    made = b.dice.randint(1, 8)
    if x.rank == 2 or (b.dice.random() < 0.5 and x.shape[0] == 1):
        rows, inside = x.shape[0], prod(x.shape[1:])
        most = 2 * 2 * (2 * inside * x.most) + 4
        if inside > 400 or not b.fits((rows, made), most):
            return None
        if x.rank > 2:
            x = b.node("Flatten", [x], (rows, inside), x.most)
        across = b.dice.random() < 0.5
        weights = b.weights((made, inside) if across else (inside, made), inside)
        inputs: list[Value | str] = [x, weights]
        if b.opset < 11 or b.dice.random() < 0.7:
            inputs.append(b.constant(b.numbers(b.dice.choice(((made,), (1, made), (1,))))))
        alpha, beta = b.dice.choice((1.0, 2.0)), b.dice.choice((1.0, 1.0, -2.0))
        return b.node(
            "Gemm", inputs, (rows, made), most, transB=int(across), alpha=alpha, beta=beta
        )
    inside, shape = x.shape[-1], (*x.shape[:-1], made)
    most = 2 * inside * x.most + 2
    if not b.fits(shape, most):
        return None
    product = b.node("MatMul", [x, b.weights((inside, made), inside)], shape, most)
    return b.node("Add", [product, b.constant(b.numbers((made,)))], shape, most)


def matmul(b: Builder, x: Value) -> Value | None:
    """x times another value whose axes fit, itself transposed if there is none."""
    batch = x.shape[:-2]
    fitting = [v for v in b.values if v.rank == x.rank and v.shape[:-1] == (*batch, x.shape[-1])]
    shape = (*x.shape[:-1], x.shape[-2])
    if fitting:
        other = b.dice.choice(fitting)
        shape = (*x.shape[:-1], other.shape[-1])
    most = x.shape[-1] * x.most * max(x.most, *(v.most for v in fitting), 1.0)
    if not b.fits(shape, most):
        return None
    if not fitting:
        order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        turned = tuple(x.shape[a] for a in order)
        other = b.node("Transpose", [x], turned, x.most, perm=order)
    return b.node("MatMul", [x, other], shape, most)
