"""Element-wise operators, broadcast by numpy's rule."""

from __future__ import annotations

from math import inf

from lowtide.nest import Load, Nest, Read, Value, axes_of, call, pointwise
from lowtide.ops.entry import Bound, entry


def _unary(op: Bound, finish: Value) -> Nest:
    return pointwise(op.out, ((0, op.shape(0)),), finish)


@entry("Relu", pointwise=True)
def relu(op: Bound) -> Nest:
    """max(x, 0)"""
    return _unary(op, call("max", Load(0), 0))


@entry("LeakyRelu", attributes={"alpha": 0.01}, pointwise=True)
def leaky_relu(op: Bound) -> Nest:
    """x where x >= 0, else alpha * x"""
    return _unary(op, call("leaky", Load(0), float(op.attribute("alpha"))))


@entry("Clip", parameters={"min": 1, "max": 2}, pointwise=True)
def clip(op: Bound) -> Nest:
    """min(max(x, low), high)"""
    low, high = float(op.parameter("min", -inf)), float(op.parameter("max", inf))
    value: Value = Load(0)
    if low > -inf:
        value = call("max", value, low)
    if high < inf:
        value = call("min", value, high)
    return _unary(op, value)


@entry("Sigmoid", pointwise=True)
def sigmoid(op: Bound) -> Nest:
    """1 / (1 + exp(-x))"""
    return _unary(op, call("sigmoid", Load(0)))


@entry("HardSigmoid", attributes={"alpha": 0.2, "beta": 0.5}, pointwise=True)
def hard_sigmoid(op: Bound) -> Nest:
    """max(0, min(1, alpha * x + beta))"""
    line = call("add", call("mul", Load(0), op.attribute("alpha")), op.attribute("beta"))
    return _unary(op, call("max", call("min", line, 1), 0))


@entry("HardSwish", pointwise=True)
def hard_swish(op: Bound) -> Nest:
    """x * max(0, min(1, x / 6 + 1/2))"""
    line = call("add", call("mul", Load(0), 1 / 6), 0.5)
    return _unary(op, call("mul", Load(0), call("max", call("min", line, 1), 0)))


@entry("Exp", pointwise=True)
def exp(op: Bound) -> Nest:
    """e to the x"""
    return _unary(op, call("exp", Load(0)))


def _binary(op: Bound, function: str) -> Nest:
    operands = ((0, op.shape(0)), (1, op.shape(1)))
    return pointwise(op.out, operands, call(function, Load(0), Load(1)))


@entry("Add", pointwise=True)
def add(op: Bound) -> Nest:
    """a + b"""
    return _binary(op, "add")


@entry("Sub", pointwise=True)
def sub(op: Bound) -> Nest:
    """a - b"""
    return _binary(op, "sub")


@entry("Mul", pointwise=True)
def mul(op: Bound) -> Nest:
    """a * b"""
    return _binary(op, "mul")


@entry("Div", pointwise=True)
def div(op: Bound) -> Nest:
    """a / b"""
    return _binary(op, "div")


@entry(
    "BatchNormalization",
    attributes={"epsilon": 1e-5, "momentum": 0.9, "training_mode": 0, "spatial": 1},
    pointwise=True,
)
def batch_normalization(op: Bound) -> Nest:
    """(x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c]"""
    if op.attribute("training_mode") or not op.attribute("spatial") or len(op.outputs) > 1:
        raise op.refuse("only inference with statistics per channel is done")
    axes = axes_of(op.out)
    reads = (Read(0, axes), *(Read(k, (axes[1],)) for k in (1, 2, 3, 4)))
    x, scale, bias, mean, variance = (Load(k) for k in range(5))
    deviation = call("sqrt", call("add", variance, op.attribute("epsilon")))
    normal = call("div", call("sub", x, mean), deviation)
    return Nest(op.out, axes, reads, (), call("add", call("mul", normal, scale), bias))
