"""What a layer's weights meet: second moments of its input patches, from calibration pictures.

The error of weights W' for W is E|(W - W') x|^2 = tr((W - W') A (W - W')^T) with A = E[x x^T].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.ir.codes import Array
from lowtide.weights.format import Filters
from lowtide.weights.quantise import Metric, damped

LARGEST = 2304
"""Inputs * taps up to which A is kept whole (42 MiB); beyond, as a product of two parts."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of patches [inputs, taps] (of one group: of their mean over groups).

    `channels` [inputs, inputs] and `taps` [taps, taps] are the partial traces of A, scaled so that
    A is about channels x taps (Kronecker, as in K-FAC, Martens and Grosse 2015); `whole` is A
    [inputs * taps, inputs * taps], None for the largest layers. `energy` [groups] is the mean
    square of each group's input, 1 where groups are alike. `mean` [groups, inputs * taps] is the
    mean patch.
    """

    channels: Array
    taps: Array
    whole: Array | None
    energy: Array
    mean: Array

    @cached_property
    def metric(self) -> Metric:
        """A, for rounding; only its diagonal matters for the largest layers."""
        if self.whole is None:
            raise ValueError(f"moments of more than {LARGEST} inputs are not kept whole")
        return Metric(self.whole)

    @cached_property
    def full_roots(self) -> tuple[Array, Array]:
        """The square root of A, and its inverse."""
        if self.whole is not None:
            return _roots(self.whole)
        both = zip(self.channel_roots, self.tap_roots, strict=True)
        root, back = (np.kron(a, b) for a, b in both)
        return root, back

    @cached_property
    def channel_roots(self) -> tuple[Array, Array]:
        return _roots(self.channels)

    @cached_property
    def tap_roots(self) -> tuple[Array, Array]:
        return _roots(self.taps)

    def turned(self, rows: Array) -> Array:
        """rows A, for rows [n, inputs * taps]."""
        if self.whole is not None:
            return np.asarray(rows @ self.whole)
        shaped = rows.reshape(len(rows), len(self.channels), len(self.taps))
        return np.asarray((self.channels @ shaped @ self.taps).reshape(rows.shape))

    def error(self, rest: Array, groups: int = 1) -> float:
        """E|rest x|^2 for weights `rest` [outputs, inputs * taps], summed over outputs."""
        rows = (self.turned(rest) * rest).sum(1)
        if groups == 1:
            return float(rows.sum())
        each = np.repeat(self.energy / self.energy.mean(), len(rest) // groups)
        return float((rows * each).sum())


def _roots(moments: Array) -> tuple[Array, Array]:
    """The symmetric square root of moments, and its inverse."""
    values, vectors = np.linalg.eigh(damped(moments))
    root = np.sqrt(np.maximum(values, 1e-12 * values.max()))
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def even(filters: Filters) -> Moments:
    """Moments of white noise: the error of the weights themselves."""
    n = filters.inputs * filters.taps
    whole = np.eye(n) if n <= LARGEST else None
    mean = np.zeros((filters.groups, n))
    return Moments(
        np.eye(filters.inputs), np.eye(filters.taps), whole, np.ones(filters.groups), mean
    )


class Gathering:
    """Sums up patches; `moments()` when all have been seen. With `other`, also A between two
    runs of the network (what the layer met before, and what it meets now)."""

    def __init__(self, filters: Filters) -> None:
        n = filters.inputs * filters.taps
        self.filters, self.count = filters, 0
        self.whole = np.zeros((n, n)) if n <= LARGEST else None
        self.cross = np.zeros((n, n)) if n <= LARGEST else None
        self.channels = np.zeros((filters.inputs, filters.inputs))
        self.taps = np.zeros((filters.taps, filters.taps))
        self.energy = np.zeros(filters.groups)
        self.sum = np.zeros((filters.groups, n))

    def add(self, patches: Array, before: Array | None = None) -> None:
        """Patches [count, groups, inputs, taps]; `before` are the same of the dense network."""
        f = self.filters
        x = patches.astype(np.float32)
        self.count += len(x)
        self.sum += x.reshape(len(x), f.groups, -1).sum(0)
        self.energy += (x * x).mean((2, 3)).sum(0)
        flat = x.reshape(len(x) * f.groups, f.inputs * f.taps)
        if self.whole is not None:
            self.whole += flat.T @ flat
            if before is not None and self.cross is not None:
                self.cross += before.astype(np.float32).reshape(flat.shape).T @ flat
        rows = x.transpose(0, 1, 3, 2).reshape(-1, f.inputs)
        self.channels += rows.T @ rows
        columns = x.reshape(-1, f.taps)
        self.taps += columns.T @ columns

    def moments(self) -> Moments:
        """The means of what was added; white noise if that is nothing, or all 0."""
        f, count = self.filters, max(self.count * self.filters.groups, 1)
        total = float(np.trace(self.channels))
        if total <= 0:
            return even(f)
        whole = None if self.whole is None else self.whole / count
        mean = self.sum / max(self.count, 1)
        scale = np.sqrt(total * count)
        energy = np.maximum(self.energy / max(self.count, 1), 1e-12)
        return Moments(self.channels / scale, self.taps / scale, whole, energy, mean)

    def shifted(self, dense: Array) -> Array:
        """The weights [outputs, inputs * taps] that make up best for inputs that have changed.

        W* = W E[x z^T] E[z z^T]^-1, x what the layer met in the dense network, z what it meets.
        """
        if self.whole is None or self.cross is None or self.filters.groups > 1:
            return dense
        change = self.cross - self.whole
        return np.asarray(dense + np.linalg.solve(damped(self.whole), change.T @ dense.T).T)
