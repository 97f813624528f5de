"""Round matrices to low-bit codes so that what they are multiplied with hardly notices.

The error of a row w is (w - q)^T H (w - q), with H the second moments of what the row meets.
Sources: nearest rounding with a searched scale; errors handed on from column to column as in GPTQ
(Frantar et al., ICLR 2023, equations 2 and 3); then coordinate descent on the codes.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property

import numpy as np

from lowtide.ir.codes import Array, Codes, limits, make

_SHARES = np.linspace(0.3, 1.0, 9)
_BLOCK = 64
_ZERO = 2.0**-12
_DAMPING = 0.01
"""Of H's mean diagonal, added to the diagonal: directions that calibration has not seen."""

_DAMPINGS = 8
"""How often ten times more is tried."""


def nearest(values: Array, bits: int, weights: Array | None = None) -> Codes:
    """Each number [n, m] to its nearest code; scales chosen for the least error.

    `weights` [m] or [n, m] says how much the columns (or elements) count.
    """
    values = np.asarray(values, np.float64)
    cost = np.ones_like(values) if weights is None else np.broadcast_to(weights, values.shape)
    tried = [_searched(values, bits, centred, cost) for centred in _kinds(bits)]
    return min(tried, key=lambda codes: float((cost * (values - codes.values) ** 2).sum()))


def _kinds(bits: int) -> tuple[bool, ...]:
    """Codes with a zero, centred codes; many bits need no choice, one bit has none."""
    return (True,) if bits == 1 else (True, False) if bits <= 4 else (False,)


def _searched(values: Array, bits: int, centred: bool, cost: Array) -> Codes:
    """For each row the scale of least error, of either sign where the range is lopsided."""
    low, high = limits(bits)
    half = 0.5 if centred else 0.0
    largest = np.abs(values).max(1, keepdims=True)
    # Centred codes have no zero: those of a row of zeros, which pruning leaves, are all but that.
    largest = np.maximum(largest, _ZERO * largest.max(initial=0.0) or _ZERO)
    best = np.full(len(values), np.inf)
    scales, chosen = np.zeros(len(values)), np.zeros(values.shape)
    for share in _SHARES:
        for sign in (1.0,) if centred else (1.0, -1.0):
            scale = sign * largest * share / (high + half if centred else -low)
            steps = np.minimum(np.maximum(np.rint(values / scale - half), low), high) + half
            scale = _fitted(values, steps, cost, scale)
            error = (cost * (values - scale * steps) ** 2).sum(1)
            better = error < best
            best = np.where(better, error, best)
            scales = np.where(better, scale[:, 0], scales)
            chosen[better] = steps[better]
    return make(bits, centred, np.rint(chosen - half), scales)


def _fitted(values: Array, steps: Array, cost: Array, scale: Array) -> Array:
    """The least-squares scale of each row for given steps [n, 1]; the old one where all are 0."""
    below = (cost * steps * steps).sum(1, keepdims=True)
    above = (cost * values * steps).sum(1, keepdims=True)
    usable = (below > 0) & (above != 0)
    return np.where(usable, above / np.where(usable, below, 1.0), scale)


class Metric:
    """Second moments H [m, m] made safely positive definite, and what rounding needs of them."""

    def __init__(self, moments: Array) -> None:
        self.h = damped(moments)

    @cached_property
    def upper(self) -> Array:
        """The upper Cholesky factor of H's inverse: how a rounding error spreads best.

        Where a layer always meets the same, moments are partly those of float32's rounding, and
        need not be positive: then they are damped more.
        """
        mean = float(np.trace(self.h)) / len(self.h)
        for more in (0.0, *(_DAMPING * 10.0**k for k in range(_DAMPINGS))):
            inverse = np.linalg.inv(self.h + more * mean * np.eye(len(self.h)))
            with suppress(np.linalg.LinAlgError):
                return np.asarray(np.linalg.cholesky((inverse + inverse.T) / 2).T)
        raise np.linalg.LinAlgError("moments that are not positive, however damped")

    def error(self, rest: Array) -> float:
        return float(((rest @ self.h) * rest).sum())


def careful(values: Array, bits: int, metric: Metric, sweeps: int = 2) -> Codes:
    """Rounds the rows of `values` [n, m] for the least (w - q)^T H (w - q).

    Never worse than `nearest`, from which it starts; `sweeps` of coordinate descent at the end.
    """
    values = np.asarray(values, np.float64)
    start = nearest(values, bits, np.diag(metric.h))
    rounding = _Rounding(values, bits, start.centred, metric)
    scales = start.scales.astype(np.float64)
    scales[scales == 0] = 1e-8
    steps = rounding.handed_on(scales)
    if metric.error(values - scales[:, None] * steps) > metric.error(values - start.values):
        steps = start.codes + rounding.half
    for _ in range(sweeps):
        scales = rounding.refitted(steps, scales)
        steps = rounding.descended(steps, scales)
    scales = rounding.refitted(steps, scales)
    found = make(bits, start.centred, np.rint(steps - rounding.half), scales)
    better = metric.error(values - found.values) <= metric.error(values - start.values)
    return found if better else start


def damped(moments: Array) -> Array:
    """Moments made safely positive definite."""
    h = np.array(moments, np.float64)
    mean = float(np.trace(h)) / max(len(h), 1)
    h[np.diag_indices_from(h)] += _DAMPING * mean if mean > 0 else 1.0
    return h


class _Rounding:
    """The rows that are rounded, to what, and what counts. Steps are codes + 1/2 if centred."""

    def __init__(self, values: Array, bits: int, centred: bool, metric: Metric) -> None:
        low, high = limits(bits)
        self.values, self.metric = values, metric
        self.half = 0.5 if centred else 0.0
        self.low, self.high = low + self.half, high + self.half

    def step(self, places: Array) -> Array:
        """The nearest steps that there are."""
        rounded = np.rint(places - self.half) + self.half
        return np.minimum(np.maximum(rounded, self.low), self.high)

    def handed_on(self, scales: Array) -> Array:
        """GPTQ: round a column, spread its error over the columns that are still to come."""
        upper = self.metric.upper
        rest, steps = self.values.copy(), np.zeros_like(self.values)
        for begin in range(0, rest.shape[1], _BLOCK):
            end = min(begin + _BLOCK, rest.shape[1])
            errors = np.zeros((len(rest), end - begin))
            for j in range(begin, end):
                steps[:, j] = self.step(rest[:, j] / scales)
                errors[:, j - begin] = (rest[:, j] - steps[:, j] * scales) / upper[j, j]
                rest[:, j + 1 : end] -= errors[:, j - begin, None] * upper[j, j + 1 : end]
            rest[:, end:] -= errors @ upper[begin:end, end:]
        return steps

    def refitted(self, steps: Array, scales: Array) -> Array:
        """The scale of each row that is best for its steps; the old one where that is unknown."""
        turned = steps @ self.metric.h
        below, above = (turned * steps).sum(1), (turned * self.values).sum(1)
        usable = (below > 0) & (above != 0)
        return np.where(usable, above / np.where(usable, below, 1.0), scales)

    def descended(self, steps: Array, scales: Array) -> Array:
        """Each code in turn to the best one while all others stay."""
        steps, h = steps.copy(), self.metric.h
        slope = (self.values - scales[:, None] * steps) @ h
        for j in range(steps.shape[1]):
            new = self.step(steps[:, j] + slope[:, j] / (scales * h[j, j]))
            change = (new - steps[:, j]) * scales
            moved = np.flatnonzero(change)
            if moved.size:
                slope[moved] -= change[moved, None] * h[j]
                steps[:, j] = new
        return steps
