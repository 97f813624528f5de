"""Activations with attributes."""

from __future__ import annotations

from math import inf, pi, sqrt

import numpy as np

from lowtide.ir.dtype import F32
from lowtide.ir.nest import Nest, pointwise
from lowtide.ir.value import Load, Value, call
from lowtide.ops.entry import CHOSEN, Bound, entry
from lowtide.ops.unary import unary


@entry("Relu", pointwise=True)
def relu(op: Bound) -> Nest:
    """max(x, 0)"""
    return unary(op, call("larger", Load(0), 0))


@entry("LeakyRelu", attributes={"alpha": 0.01}, pointwise=True)
def leaky_relu(op: Bound) -> Nest:
    """x where x >= 0, else alpha * x"""
    return unary(op, call("leaky", Load(0), float(op.attribute("alpha"))))


@entry("ThresholdedRelu", attributes={"alpha": 1.0}, pointwise=True)
def thresholded_relu(op: Bound) -> Nest:
    """x where x > alpha, else 0"""
    return unary(op, call("select", call("greater", Load(0), op.attribute("alpha")), Load(0), 0))


LARGEST = float(np.finfo(np.float32).max)


@entry("Clip", attributes={"min": None, "max": None}, pointwise=True, take=CHOSEN)
def clip(op: Bound) -> Nest:
    """min(max(x, low), high); of floats a bound that is left out is the last finite number"""
    operands: list[int] = [0]
    value: Value = Load(0)
    real = op.outputs[0].dtype == F32
    far = LARGEST if real else inf
    for function, name, k, last in (("larger", "min", 1, -far), ("smaller", "max", 2, far)):
        bound: Value | float = last
        if op.attribute(name) is not None:
            bound = float(op.attribute(name))
        elif k in op.constants:
            bound = float(op.constants[k].item())
        elif op.has(k):
            bound = Load(len(operands))
            operands.append(k)
        # onnxruntime leaves out one that is no number; whole numbers have no other infinite one
        if bound == bound and (real or bound not in (inf, -inf)):
            value = call(function, value, bound)
    return pointwise(op.out, tuple((k, op.shape(k)) for k in operands), value)


@entry("HardSigmoid", attributes={"alpha": 0.2, "beta": 0.5}, pointwise=True)
def hard_sigmoid(op: Bound) -> Nest:
    """max(0, min(1, alpha * x + beta))"""
    line = call("add", call("mul", Load(0), op.attribute("alpha")), op.attribute("beta"))
    return unary(op, call("larger", call("smaller", line, 1), 0))


@entry("HardSwish", pointwise=True)
def hard_swish(op: Bound) -> Nest:
    """x * max(0, min(1, x / 6 + 1/2))"""
    line = call("add", call("mul", Load(0), 1 / 6), 0.5)
    return unary(op, call("mul", Load(0), call("larger", call("smaller", line, 1), 0)))


@entry("Swish", attributes={"alpha": 1.0}, pointwise=True)
def swish(op: Bound) -> Nest:
    """x / (1 + exp(-alpha * x))"""
    scaled = call("mul", Load(0), op.attribute("alpha"))
    return unary(op, call("mul", Load(0), call("sigmoid", scaled)))


@entry("Elu", attributes={"alpha": 1.0}, pointwise=True)
def elu(op: Bound) -> Nest:
    """x where x >= 0, else alpha * (exp(x) - 1)"""
    return unary(op, call("elu", Load(0), op.attribute("alpha")))


@entry(
    "Selu", attributes={"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}, pointwise=True
)
def selu(op: Bound) -> Nest:
    """gamma times Elu"""
    return unary(
        op, call("mul", call("elu", Load(0), op.attribute("alpha")), op.attribute("gamma"))
    )


@entry("Celu", attributes={"alpha": 1.0}, pointwise=True)
def celu(op: Bound) -> Nest:
    """x where x >= 0, else alpha * (exp(x / alpha) - 1)"""
    alpha = float(op.attribute("alpha"))
    return unary(op, call("mul", call("elu", call("div", Load(0), alpha), 1), alpha))


@entry("Gelu", attributes={"approximate": "none"}, pointwise=True)
def gelu(op: Bound) -> Nest:
    """x / 2 * (1 + erf(x / sqrt(2))), or with a tanh that comes close"""
    x, how = Load(0), op.attribute("approximate")
    if how == "none":
        bent = call("erf", call("mul", x, sqrt(0.5)))
    elif how == "tanh":
        cubed = call("mul", call("mul", call("mul", x, x), x), 0.044715)
        bent = call("tanh", call("mul", call("add", x, cubed), sqrt(2 / pi)))
    else:
        raise op.refuse(f"approximate '{how}' is not supported")
    return unary(op, call("mul", call("mul", x, 0.5), call("add", bent, 1)))


@entry("Shrink", attributes={"bias": 0.0, "lambd": 0.5}, pointwise=True)
def shrink(op: Bound) -> Nest:
    """x + bias below -lambd, x - bias above lambd, 0 between"""
    x, bias, edge = Load(0), float(op.attribute("bias")), float(op.attribute("lambd"))
    above = call("select", call("greater", x, edge), call("sub", x, bias), 0)
    return unary(op, call("select", call("less", x, -edge), call("add", x, bias), above))
