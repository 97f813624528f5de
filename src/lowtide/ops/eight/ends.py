"""Real numbers made whole and back, where 8 bits begin and end: TFLite's rounding."""

from __future__ import annotations

from lowtide.ir.nest import Nest
from lowtide.ir.value import Load, call
from lowtide.ops.eight.finish import EIGHT
from lowtide.ops.entry import FLOAT, Bound, entry
from lowtide.ops.unary import unary


@entry("Quantize", attributes={"scale": 1.0, "y_zero": 0, "low": -128, "high": 127}, makes=EIGHT)
def quantize(op: Bound) -> Nest:
    """Reals to 8-bit numbers: clamp(x / scale, rounded, halves away from zero, + y_zero)"""
    whole = call("round_away", call("div", Load(0), float(op.attribute("scale"))))
    moved = call("add", whole, float(op.attribute("y_zero")))
    low, high = float(op.attribute("low")), float(op.attribute("high"))
    return unary(op, call("smaller", call("larger", moved, low), high))


@entry("Dequantize", attributes={"scale": 1.0, "x_zero": 0}, take=EIGHT, makes=FLOAT)
def dequantize(op: Bound) -> Nest:
    """8-bit numbers to reals: (x - x_zero) * scale"""
    whole = call("sub", Load(0), float(op.attribute("x_zero")))
    return unary(op, call("mul", whole, float(op.attribute("scale"))))
