"""Round matrices to low-bit codes so that what they are multiplied with hardly notices.

The error of a row w is (w - q)^T H (w - q), with H the second moments of what the row meets.
Sources: nearest rounding with a searched scale; errors handed on from column to column as in GPTQ
(Frantar et al., ICLR 2023, equations 2 and 3); then coordinate descent on the codes.
"""

from __future__ import annotations

import numpy as np

from lowtide.weights.codes import Array, Codes, limits, make

_SHARES = np.linspace(0.35, 1.1, 16)
_DAMPING = 0.01
"""Of H's mean diagonal, added to the diagonal: directions that calibration has not seen."""


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
    largest[largest == 0] = 1.0
    best = np.full(len(values), np.inf)
    scales, chosen = np.zeros(len(values)), np.zeros(values.shape)
    for share in _SHARES:
        for sign in (1.0,) if centred else (1.0, -1.0):
            scale = sign * largest * share / (high + half if centred else -low)
            steps = np.clip(np.rint(values / scale - half), low, high) + half
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


def careful(values: Array, bits: int, moments: Array, sweeps: int = 2) -> Codes:
    """Rounds the rows of `values` [n, m] for the least (w - q)^T H (w - q), H = `moments` [m, m].

    Never worse than `nearest`, from which it starts.
    """
    values, h = np.asarray(values, np.float64), damped(moments)
    start = nearest(values, bits, np.diag(h))
    low, high = limits(bits)
    half = 0.5 if start.centred else 0.0
    scales = start.scales.astype(np.float64)
    scales[scales == 0] = 1e-8
    steps = _handed_on(values, scales[:, None], h, low, high, half)
    if _error(values - scales[:, None] * steps, h) > _error(values - start.values, h):
        steps = start.codes + half
    for _ in range(sweeps):
        scales = _refitted(values, steps, h, scales)
        steps = _descended(values, steps, scales[:, None], h, low, high, half)
    scales = _refitted(values, steps, h, scales)
    found = make(bits, start.centred, np.rint(steps - half), scales)
    better = _error(values - found.values, h) <= _error(values - start.values, h)
    return found if better else start


def damped(moments: Array) -> Array:
    """Moments made safely positive definite."""
    h = np.array(moments, np.float64)
    mean = float(np.trace(h)) / max(len(h), 1)
    h[np.diag_indices_from(h)] += _DAMPING * mean if mean > 0 else 1.0
    return h


def _error(rest: Array, h: Array) -> float:
    return float(((rest @ h) * rest).sum())


def _handed_on(
    values: Array, scales: Array, h: Array, low: int, high: int, half: float
) -> Array:  # fmt: skip
    """GPTQ: round a column, spread its error over the columns that are still to come."""
    inverse = np.linalg.inv(h)
    upper = np.linalg.cholesky((inverse + inverse.T) / 2).T
    rest, steps = values.copy(), np.zeros_like(values)
    for j in range(values.shape[1]):
        column = np.clip(np.rint(rest[:, j] / scales[:, 0] - half), low, high) + half
        steps[:, j] = column
        error = (rest[:, j] - column * scales[:, 0]) / upper[j, j]
        rest[:, j + 1 :] -= error[:, None] * upper[j, j + 1 :]
    return steps


def _refitted(values: Array, steps: Array, h: Array, scales: Array) -> Array:
    """The scale of each row that is best for its steps; the old one where that says nothing."""
    turned = steps @ h
    below, above = (turned * steps).sum(1), (turned * values).sum(1)
    usable = (below > 0) & (above != 0)
    return np.where(usable, above / np.where(usable, below, 1.0), scales)


def _descended(
    values: Array, steps: Array, scales: Array, h: Array, low: int, high: int, half: float
) -> Array:  # fmt: skip
    """Each code in turn to the best one while all others stay."""
    steps = steps.copy()
    slope = (values - scales * steps) @ h
    for j in range(values.shape[1]):
        ideal = steps[:, j] + slope[:, j] / (scales[:, 0] * h[j, j])
        new = np.clip(np.rint(ideal - half), low, high) + half
        change = (new - steps[:, j]) * scales[:, 0]
        moved = np.flatnonzero(change)
        if moved.size:
            slope[moved] -= change[moved, None] * h[j]
            steps[:, j] = new
    return steps
