"""Functions of one number."""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import I64
from lowtide.ir.graph import CARRIED, STORED
from lowtide.ir.nest import Nest, pointwise
from lowtide.ir.value import Load, Value, call
from lowtide.ops.entry import ANY, BOOL, FLOAT, WHOLE, Bound, entry


def unary(op: Bound, finish: Value) -> Nest:
    """Returns the nest of a function of one number: `finish` of each element, which is Load(0)."""
    return pointwise(op.out, ((0, op.shape(0)),), finish)


@entry(
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp",
    "Floor", "Log", "Neg", "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Sqrt", "Tan",
    "Tanh",
    pointwise=True,
)  # fmt: skip
def named(op: Bound) -> Nest:
    """The function that the operator is named after."""
    return unary(op, call(op.type.lower(), Load(0)))


@entry("Reciprocal", pointwise=True)
def reciprocal(op: Bound) -> Nest:
    """1 / x"""
    return unary(op, call("div", 1, Load(0)))


@entry("Softsign", pointwise=True)
def softsign(op: Bound) -> Nest:
    """x / (1 + |x|)"""
    return unary(op, call("div", Load(0), call("add", 1, call("abs", Load(0)))))


@entry("Mish", pointwise=True)
def mish(op: Bound) -> Nest:
    """x * tanh(log(1 + exp(x)))"""
    return unary(op, call("mul", Load(0), call("tanh", call("softplus", Load(0)))))


@entry("Not", pointwise=True, take=BOOL)
def not_(op: Bound) -> Nest:
    """1 - x"""
    return unary(op, call("sub", 1, Load(0)))


@entry("IsNaN", pointwise=True, makes=BOOL)
def is_nan(op: Bound) -> Nest:
    """Whether x is no number."""
    return unary(op, call("isnan", Load(0)))


@entry("IsInf", attributes={"detect_negative": 1, "detect_positive": 1}, pointwise=True, makes=BOOL)
def is_inf(op: Bound) -> Nest:
    """Whether x is infinite, of a sign that is asked for."""
    value: Value = call("isinf", Load(0))
    if not op.attribute("detect_negative"):
        value = call("mul", value, call("greater", Load(0), 0))
    if not op.attribute("detect_positive"):
        value = call("mul", value, call("less", Load(0), 0))
    return unary(op, value)


LEAST, MOST = -(2.0**31), 2.0**31 - 128
"""What an int64 is kept within, which lies in memory as an int32: floats at the ends of that."""


@entry("Cast", attributes={"to": None, "saturate": 1, "round_mode": "up"}, pointwise=True, take=ANY)
def cast(op: Bound) -> Nest:
    """The same number in another type; floats are cut to whole numbers, or to "not 0"."""
    source, to = op.inputs[0], op.outputs[0].dtype
    assert source is not None
    if to == source.dtype or to in FLOAT or source.dtype in BOOL:
        return unary(op, Load(0))
    if to in BOOL:
        return unary(op, call("select", Load(0), 1, 0))
    if source.dtype in CARRIED and to == I64:
        return unary(op, Load(0))
    if source.dtype in STORED and to in STORED and np.can_cast(source.dtype.name, to.name):
        return unary(op, Load(0))
    if source.dtype in FLOAT and to in WHOLE:
        whole = call("trunc", Load(0))
        if to == I64:
            whole = call("smaller", call("larger", whole, LEAST), MOST)
        return unary(op, whole)
    raise op.refuse(f"converting {source.dtype} to {to} may overflow")
