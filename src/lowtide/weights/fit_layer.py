"""From a layer's dense weights to its stored form: factors solved, rounded, and solved anew."""

from __future__ import annotations

import numpy as np

from lowtide.ir.codes import Array, Codes
from lowtide.weights.als import ROUNDS, Factors, factorise
from lowtide.weights.format import Filters, Generated
from lowtide.weights.moments import Moments
from lowtide.weights.quantise import Metric, careful, damped, nearest
from lowtide.weights.setting import Setting


def fit(
    weights: Array,
    filters: Filters,
    setting: Setting,
    moments: Moments,
    factors: Factors | None = None,
    sweeps: int = 2,
) -> Generated:
    """Weights [outputs, inputs, *area] stored as `setting` says, with the least error in the norm.

    B is rounded first (it is small and gets the most bits), U solved and rounded for that B, V for
    the kernels that came out. `factors` are those of `als.factorise` for the same sizes; `sweeps`
    as in `quantise.careful`.
    """
    w = np.asarray(weights, np.float64).reshape(filters.outputs, -1)
    if setting.plain:
        return Generated(filters, _rounded(w, setting.bits[0], moments, sweeps))
    found = factors or factorise(w, filters, setting, moments, ROUNDS)
    if found.inside is None:
        basis, inside = _rounded(found.basis[:, 0], setting.bits[0], moments, sweeps), None
    else:
        basis, inside = _two_levels(found, filters, setting, moments, sweeps)
    if found.across is None:
        return Generated(filters, basis, inside)
    alone = Generated(Filters(basis.vectors, filters.inputs, filters.area), basis, inside)
    across = _across(w, alone.kernel_values, setting, moments, sweeps)
    return Generated(filters, basis, inside, across)


def _rounded(rows: Array, bits: int, moments: Moments, sweeps: int) -> Codes:
    """Rows [n, inputs * taps] in low bits."""
    if moments.whole is None:
        return nearest(rows, bits, np.kron(np.diag(moments.channels), np.diag(moments.taps)))
    return careful(rows, bits, moments.metric, sweeps)


def _two_levels(
    found: Factors, filters: Filters, setting: Setting, moments: Moments, sweeps: int
) -> tuple[Codes, Codes]:
    """B [K, Bi * taps] and U [K, Bi * inputs]."""
    assert found.inside is not None
    count, rank = len(found.basis), setting.rank
    weights = np.tile(np.diag(damped(moments.taps)), rank)
    basis = nearest(found.basis.reshape(count, -1), setting.bits[0], weights)
    b = basis.values.reshape(count, rank, filters.taps).astype(np.float64)
    # U for the rounded B: T S B^T (B S B^T)^-1 (the channels' moments cancel).
    turned = b @ damped(moments.taps)
    gram = turned @ b.transpose(0, 2, 1)
    # A filter of zeros, which pruning leaves, has no trace.
    gram += (1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] + 1e-30) * np.eye(rank)
    target = np.matmul(found.inside, found.basis) @ turned.transpose(0, 2, 1)
    u = np.linalg.solve(gram, target.transpose(0, 2, 1))  # [K, Bi, inputs]
    mean = (gram / np.trace(gram, axis1=1, axis2=2)[:, None, None]).mean(0)
    rows = u.reshape(count, rank * filters.inputs)
    metric = Metric(np.kron(mean, moments.channels))
    return basis, careful(rows, setting.bits[1], metric, sweeps)


def _across(
    w: Array, kernels: Array, setting: Setting, moments: Moments, sweeps: int
) -> Codes:  # fmt: skip
    """V [outputs, K] for kernels as they are stored."""
    k = kernels.astype(np.float64)
    turned = moments.turned(k)
    gram = turned @ k.T
    gram[np.diag_indices_from(gram)] += 1e-6 * np.trace(gram) / len(gram) + 1e-30
    across = np.linalg.solve(gram, turned @ w.T).T
    return careful(across, setting.bits[2], Metric(gram), sweeps)
