"""1 / (1 + exp(-x)) in float32, to the bit as onnxruntime computes it on every x86-64 of today."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lowtide.ir.graph import Array
from lowtide.ir.whole import fused

ENDS = 18.0
ABOVE = (
    4.37031012579801e-11, 1.15627324459942e-07, 6.08574864600143e-05, 8.51377133304701e-03,
    2.48287947061529e-01,
)  # fmt: skip
BELOW = (
    6.10247389755681e-13, 5.76102136993427e-09, 6.29106785017040e-06, 1.70198817374094e-03,
    1.16817656904453e-01, 9.93151921023180e-01,
)  # fmt: skip
"""Of a quotient of two polynomials in x * x, highest first."""


def logistic(x: Array) -> Array:
    """x * ABOVE(x * x) / BELOW(x * x) + 1/2, where x is at most ENDS from zero."""
    x = np.clip(np.asarray(x, np.float32), -np.float32(ENDS), np.float32(ENDS))
    above = _polynomial(ABOVE, x * x) * x
    return np.asarray(np.clip(above / _polynomial(BELOW, x * x) + np.float32(0.5), 0, 1))


def _polynomial(factors: Sequence[float], x: Array) -> Array:
    """Each product and sum together is rounded once."""
    value = np.full_like(x, factors[0])
    for factor in factors[1:]:
        value = fused(value, x, np.full_like(x, factor))
    return value
