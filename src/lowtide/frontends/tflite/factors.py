"""TFLite's factors and clamps: what the scales of a file make of an operator."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, frexp

import numpy as np
import tflite

from lowtide.ir.dtype import DType
from lowtide.ir.graph import Array

_ACTIVATION = tflite.ActivationFunctionType
_WITHIN: dict[int, tuple[float | None, float | None]] = {
    _ACTIVATION.NONE: (None, None),
    _ACTIVATION.RELU: (0, None),
    _ACTIVATION.RELU6: (0, 6),
    _ACTIVATION.RELU_N1_TO_1: (-1, 1),
}
"""What a fused activation keeps real numbers within."""


def within(activation: int) -> tuple[float | None, float | None] | None:
    """The least and the greatest number behind an activation; None of one that is no clamp."""
    return _WITHIN.get(activation)


def multiplier(factor: float) -> tuple[int, int]:
    """(m, n) with factor = m * 2^(n - 31), m of 31 bits and a sign; (0, 0) of next to nothing.

    Raises ValueError for factors of 2^31 and more.
    """
    if not -(2**31) < factor < 2**31:
        raise ValueError(f"a factor of {factor:g} between scales; below 2^31 is supported")
    part, n = frexp(factor)
    m = round_away(part * 2**31)
    if m == 2**31:
        m, n = m // 2, n + 1
    return (0, 0) if n < -31 else (m, n)


def multipliers(factors: Sequence[float]) -> tuple[Array, Array]:
    """The same of several, as the inputs m and n of an operator; equal ones become one."""
    pairs = [multiplier(f) for f in factors]
    kept = pairs[:1] if len(set(pairs)) == 1 else pairs
    m, n = zip(*kept, strict=True)
    return np.asarray(m, np.int32), np.asarray(n, np.int8)


def as_float32(value: float) -> float:
    """Rounded to float32, as TFLite holds it between two operations."""
    return float(np.float32(value))


def round_away(value: float) -> int:
    """To nearest, halves away from zero."""
    return floor(value + 0.5) if value >= 0 else -floor(0.5 - value)


def number_of(real: float, scale: float, zero: int) -> int:
    """The whole number that stands for a real one."""
    steps = float(np.float32(real) / np.float32(scale))
    return zero + round_away(min(max(steps, -(2.0**31)), 2.0**31))


def clamp(kind: DType, scale: float, zero: int, activation: int) -> tuple[int, int] | None:
    """The numbers that a fused activation leaves; None of one that is no clamp."""
    ends, limits = within(activation), np.iinfo(kind.name)
    if ends is None:
        return None
    low, high = (None if end is None else number_of(end, scale, zero) for end in ends)
    return (
        max(limits.min, limits.min if low is None else low),
        min(limits.max, limits.max if high is None else high),
    )
