"""Functions of one 8-bit number as the 256 numbers that TFLite makes of it."""

from __future__ import annotations

from collections.abc import Callable
from math import floor

import numpy as np

from lowtide.frontends.tflite.factors import as_float32, multiplier
from lowtide.frontends.tflite.fixed_point import exp_below_zero
from lowtide.ir.dtype import DType
from lowtide.ir.graph import Array
from lowtide.ir.whole import (
    MOST,
    halved,
    inverse_root,
    inverse_root_shift,
    newton,
    rescale,
)

Ends = tuple[float, int]
"""A scale and a zero point."""


def numbers(kind: DType, zero: int) -> Array:
    """All 256 numbers of a type, above its zero point."""
    ends = np.iinfo(kind.name)
    return np.arange(ends.min, ends.max + 1, dtype=np.int64) - zero


def table(values: Array, zero: int, low: int, high: int) -> list[int]:
    """Numbers moved to a zero point and kept within two ends."""
    return [int(v) for v in np.clip(values + zero, low, high)]


def scaled(x: Array, factor: float) -> Array:
    """x * factor by TFLite's rounding."""
    return rescale(x, *multiplier(factor))


def leaky(x: Array, x_scale: float, y_scale: float, alpha: float) -> Array:
    """x * alpha below zero; the sign of alpha is taken out, and put in after."""
    slope = as_float32(as_float32(x_scale * as_float32(alpha)) / y_scale)
    below = scaled(x, abs(slope)) * (-1 if slope < 0 else 1)
    return np.where(x >= 0, scaled(x, as_float32(x_scale / y_scale)), below)


def of_reals(kind: DType, x: Ends, y: Ends, function: Callable[[Array], Array]) -> list[int]:
    """A function of real numbers in float32, rounded, halves away from zero."""
    real = np.float32(x[0]) * numbers(kind, x[1]).astype(np.float32)
    with np.errstate(all="ignore"):
        made = function(real).astype(np.float32) * (np.float32(1) / np.float32(y[0]))
    ends = np.iinfo(kind.name)
    return table(rounded(made), y[1], int(ends.min), int(ends.max))


def rounded(real: Array) -> Array:
    """Whole numbers, halves away from zero."""
    whole = np.floor(np.abs(real.astype(np.float64)) + 0.5)
    return np.asarray(np.copysign(whole, real).astype(np.int64))


def inverse_roots(x: Array, x_scale: float, y_scale: float) -> Array:
    """1 / sqrt(x * x_scale) in steps of y_scale, in fixed point; far above for what has none."""
    steps = as_float32(as_float32(x_scale**0.5) * as_float32(y_scale))
    (m, n), above = multiplier(1 / steps), np.maximum(x, 1)
    root = rescale(np.ones_like(above), inverse_root(above), inverse_root_shift(above) + 20)
    return np.where(x > 0, rescale(root, m, n - 20), MOST)


def logistic(x: Array, scale: float) -> Array:
    """256 / (1 + exp(-x * scale)), in fixed point."""
    a, radius = _sixteen(x, scale)
    power = exp_below_zero(-np.abs(a), 4)
    share = np.clip(newton((power + MOST + 1) >> 1) << 1, -MOST - 1, MOST)
    share = np.where(a > 0, share, MOST - share)
    made = halved(np.where(a == 0, 1 << 30, share), 23)
    return np.where(x <= -radius, 0, np.where(x >= radius, 255, made))


def tanh(x: Array, scale: float) -> Array:
    """128 * tanh(x * scale), in fixed point."""
    a, radius = _sixteen(x, scale)
    power = exp_below_zero(-np.abs(a), 5)
    made = np.clip((newton((power + MOST + 1) >> 1) - (1 << 29)) << 2, -MOST - 1, MOST)
    made = halved(np.where(a == 0, 0, np.where(a > 0, made, -made)), 24)
    return np.where(x <= -radius, -128, np.where(x >= radius, 127, made))


def _sixteen(x: Array, scale: float) -> tuple[Array, int]:
    """x * scale in parts of 2^27, and from which x on that would leave 32 bits."""
    m, n = multiplier(min(scale * 2**27, MOST))
    radius = floor(15 * 2**27 / 2**n)
    return rescale(np.clip(x, -radius, radius), m, n), radius


def hard_swish(x: Array, x_scale: float, y_scale: float) -> Array:
    """x * clamp(x / 6 + 1/2, 0, 1), by steps of 16 bits."""
    high = np.float32(x_scale) * np.float32(1 / 128)
    m, out_exponent = multiplier(float(high / np.float32(y_scale)))
    gate_m, exponent = multiplier(float(high / np.float32(3 / 32768)))
    if out_exponent > 0:
        raise ValueError(f"a hard swish from scale {x_scale:g} to {y_scale:g}")
    held = x << 7
    out, gate = _product16(held, _cut(m)), held
    if exponent > 0:
        gate = _saturated(gate << (exponent - 1))
    gate = _product16(gate, _cut(gate_m))
    if exponent > 0:
        gate = _saturated(gate << 1)
    if exponent < 0:
        gate = halved(gate, -exponent)
    gate = (gate + (1 << 15)) >> 1
    both = gate * out
    made = np.sign(both) * (np.abs(both) >> 15)
    return halved(_saturated(made), -out_exponent)


def _cut(m: int) -> int:
    """The upper 16 bits of a multiplier, rounded."""
    return min((m + (1 << 15)) >> 16, 2**15 - 1)


def _product16(a: Array, b: int) -> Array:
    return _saturated((a * b + (1 << 14)) >> 15)


def _saturated(a: Array) -> Array:
    return np.asarray(np.clip(a, -(2**15), 2**15 - 1))
