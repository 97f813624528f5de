"""TFLite's functions in fixed point, for tables: exp, and what is made of it."""

from __future__ import annotations

from math import floor

import numpy as np

from lowtide.frontends.tflite.factors import multiplier
from lowtide.ir.graph import Array
from lowtide.ir.whole import MOST, halved, product, rescale

_QUARTERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-1/4), exp(-1/2), exp(-1), .. exp(-16) in parts of 2^31."""


def exp_below_zero(a: Array, whole_bits: int) -> Array:
    """exp(a / 2^(31 - whole_bits)) in parts of 2^31, a from -2^31 to 0: gemmlowp's."""
    bits = 31 - whole_bits
    quarter = 1 << (bits - 2)
    below = (a & (quarter - 1)) - quarter
    result, rest = _exp_of_quarter(below << whole_bits), below - a
    for k, factor in enumerate(_QUARTERS):
        if whole_bits > k - 2:
            bit = rest & (1 << (bits + k - 2))
            result = np.where(bit != 0, product(result, factor), result)
    return np.where(a == 0, MOST, result)


def _exp_of_quarter(a: Array) -> Array:
    """exp(a / 2^31) for a from -2^29 to 0: a Taylor series around -1/8."""
    x = a + (1 << 28)
    squared = product(x, x)
    cubed, fourth = product(squared, x), product(squared, squared)
    third = product(halved(fourth, 2) + cubed, 715827883)
    series = halved(third + squared, 1)
    return 1895147668 + product(x + series, 1895147668)


def exponentials(beta: float, scale: float) -> list[int]:
    """exp(beta * scale * d) in parts of 2^31 for d from -255 to 0; TFLite's zeros far below."""
    factor = min(beta * scale * 2**26, float(MOST))
    m, left = multiplier(factor)
    if factor < 1 or left < 0:
        raise ValueError(f"softmax of numbers {scale:g} apart")
    least = -floor(31 * 2**26 / 2**left)
    apart = np.arange(-255, 1, dtype=np.int64)
    kept = np.maximum(apart, least)
    powers = exp_below_zero(rescale(kept, m, left), 5)
    return [int(v) for v in np.where(apart >= least, powers, 0)]
