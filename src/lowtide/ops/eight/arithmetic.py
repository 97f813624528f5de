"""Element-wise operators of 8-bit numbers."""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.dtype import I32
from lowtide.ir.nest import Load, Nest, Value, call, pointwise
from lowtide.ops.eight.finish import EIGHT, ENDS, above, factor_types, finished, kept, rescaled
from lowtide.ops.entry import Bound, entry

RAISED = 2**20
"""TFLite's sums: both operands get so many steps between two numbers before they are scaled."""

_OTHERS = factor_types(2)
_ENDS = {**ENDS, "b_zero": 0}


def _operands(op: Bound) -> tuple[Value, Value]:
    return above(Load(0), int(op.attribute("x_zero"))), above(Load(1), int(op.attribute("b_zero")))


@entry("QAdd", "QSub", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def add(op: Bound) -> Nest:
    """clamp(round((round(a * factor[0]) +- round(b * factor[1])) * factor[2]) + y_zero)"""
    if op.attribute("rounding") != "tflite":
        raise op.refuse("sums are rounded as TFLite does it")
    a, b = (
        rescaled(op, call("mul", operand, RAISED), 2, [], which=k)
        for k, operand in enumerate(_operands(op))
    )
    value = call("add" if op.type == "QAdd" else "sub", a, b)
    return _elementwise(op, finished(op, value, 2, [], which=2))


@entry("QMul", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def mul(op: Bound) -> Nest:
    """clamp(round(a * b * factor) + y_zero)"""
    return _elementwise(op, finished(op, call("mul", *_operands(op)), 2, []))


@entry("QPRelu", attributes=_ENDS, take=EIGHT, other_types=_OTHERS, pointwise=True)
def prelu(op: Bound) -> Nest:
    """clamp(round(x * factor[0]) + y_zero) from the zero point up, below it round(x * slope *
    factor[1]) + y_zero"""
    x, slope = _operands(op)
    above_zero = rescaled(op, x, 2, [], which=0)
    below_zero = rescaled(op, call("mul", x, slope), 2, [], which=1)
    value = call("select", call("less", x, 0), below_zero, above_zero)
    return _elementwise(op, kept(op, call("add", value, int(op.attribute("y_zero")))))


def _elementwise(op: Bound, finish: Value) -> Nest:
    operands = tuple((k, op.shape(k)) for k in range(2))
    return replace(pointwise(op.out, operands, finish), arithmetic=I32)
