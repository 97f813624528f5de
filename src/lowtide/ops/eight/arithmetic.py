"""Element-wise operators of 8-bit numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowtide.ir.dtype import I32
from lowtide.ir.index import number
from lowtide.ir.nest import Nest, Read, axes_of, broadcast
from lowtide.ir.value import Call, Chosen, Load, Number, Value, call
from lowtide.ops.eight.finish import EIGHT, ENDS, above, factor_types, finished, kept, rescaled
from lowtide.ops.entry import Bound, entry

RAISED = 2**20
"""TFLite's sums: both operands get so many steps between two numbers before they are scaled."""

SQUARED = 2**7
"""The same of differences that are squared."""

_OTHERS = factor_types(2)
_ENDS = {**ENDS, "b_zero": 0}


def _operands(op: Bound) -> tuple[Value, Value]:
    return above(Load(0), int(op.attribute("x_zero"))), above(Load(1), int(op.attribute("b_zero")))


@entry("QAdd", "QSub", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def add(op: Bound) -> Nest:
    """A sum or difference of 8-bit numbers:
    clamp(round((round(a * factor[0]) +- round(b * factor[1])) * factor[2]) + y_zero)"""
    if op.attribute("rounding") == "float":
        return _add_in_float(op)
    a, b = (_raised(op, operand, k) for k, operand in enumerate(_operands(op)))
    value = call("add" if op.type == "QAdd" else "sub", a, b)
    return _elementwise(op, finished(op, value, 2, [], which=2))


def _raised(op: Bound, operand: Value, which: int) -> Value:
    """round(operand * RAISED * factor). The factor of the larger scale is a half: no rounding."""
    value = rescaled(op, call("mul", operand, RAISED), 2, [], which=which)
    half = isinstance(value, Call) and value.arguments[1:] == (Number(2.0**30), Number(0.0))
    return call("mul", operand, RAISED // 2) if half else value


@entry("QSquaredDifference", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def squared_difference(op: Bound) -> Nest:
    """A squared difference of 8-bit numbers:
    clamp(round((round(a * factor[0]) - round(b * factor[1]))^2 * factor[2]) + y_zero)"""
    a, b = (
        rescaled(op, call("mul", operand, SQUARED), 2, [], which=k)
        for k, operand in enumerate(_operands(op))
    )
    apart = call("sub", a, b)
    return _elementwise(op, finished(op, call("mul", apart, apart), 2, [], which=2))


def _add_in_float(op: Bound) -> Nest:
    """clamp(round(a * factor[0] + (b * factor[1] + factor[2])) + 0), both sums rounded once

    The zero points are in factor[2].
    """
    if op.type != "QAdd" or op.shape(2) != (3,):
        raise op.refuse(f"factors {op.shape(2)}; differences are not rounded in float32")
    parts = [Read(2, (number(k),)) for k in range(3)]
    value = call("sum_scaled", *(Load(k) for k in range(5)))
    return _elementwise(op, kept(op, value), parts)


@entry("QMul", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def mul(op: Bound) -> Nest:
    """A product of 8-bit numbers: clamp(round(a * b * factor) + y_zero)"""
    product = call("mul", *_operands(op))
    if op.attribute("rounding") != "float":
        return _elementwise(op, finished(op, product, 2, []))
    # onnxruntime adds the zero point before it rounds.
    value = call("scale_onto", product, Load(2), int(op.attribute("y_zero")))
    return _elementwise(op, kept(op, value), [Read(2, (number(0),))])


@entry(
    "QAddReals",
    "QMulReals",
    attributes={**ENDS, "reals": None, "b_reals": None, "scale": 1.0},
    take=EIGHT,
    pointwise=True,
)
def of_reals(op: Bound) -> Nest:
    """A sum or product of 8-bit numbers, in floats:
    clamp(round((reals[a] + b_reals[b]) / scale) + y_zero), or the product

    What the 256 numbers stand for is a table, since a compiler may round a product and a sum
    together.
    """
    kind = op.outputs[0].dtype.name
    tables = [tuple(float(v) for v in op.attribute(name)) for name in ("reals", "b_reals")]
    if any(len(table) != 256 for table in tables):
        raise op.refuse("tables of 256 numbers are needed")
    first = int(np.iinfo(kind).min)
    a, b = (Chosen(table, first, Load(k)) for k, table in enumerate(tables))
    value = call("add" if op.type == "QAddReals" else "mul", a, b)
    steps = call("round", call("div", value, float(op.attribute("scale"))))
    moved = call("add", steps, float(op.attribute("y_zero")))
    low, high = float(op.attribute("low")), float(op.attribute("high"))
    finish = call("smaller", call("larger", moved, low), high)
    return Nest(op.out, axes_of(op.out), tuple(_reads(op)), (), finish)


@entry("QPRelu", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def prelu(op: Bound) -> Nest:
    """PRelu of 8-bit numbers: clamp(round(x * factor[0]) + y_zero) from the zero point up, below
    it round(x * slope * factor[1]) + y_zero"""
    x, slope = _operands(op)
    above_zero = rescaled(op, x, 2, [], which=0)
    below_zero = rescaled(op, call("mul", x, slope), 2, [], which=1)
    value = call("select", call("less", x, 0), below_zero, above_zero)
    return _elementwise(op, kept(op, call("add", value, int(op.attribute("y_zero")))))


def _reads(op: Bound) -> list[Read]:
    return [Read(k, broadcast(axes_of(op.out), op.shape(k))) for k in range(2)]


def _elementwise(op: Bound, finish: Value, factors: Sequence[Read] = ()) -> Nest:
    return Nest(op.out, axes_of(op.out), (*_reads(op), *factors), (), finish, I32)
