"""The ways in which a layer may be stored, fitted: bytes, multiply-adds and error of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lowtide.ir.codes import Array
from lowtide.weights.account import macs
from lowtide.weights.als import Factors, factorise
from lowtide.weights.fit_layer import fit
from lowtide.weights.format import Filters, Generated
from lowtide.weights.moments import Moments
from lowtide.weights.network import Layer
from lowtide.weights.setting import Setting, plain

Family = Literal["plain", "generated"]
FAMILIES: tuple[Family, ...] = ("plain", "generated")

RANKS = (2, 3, 4)
SHARES = (0.25, 0.375, 0.5, 0.625, 0.75)
BITS = (3, 4, 5)
_ROUNDS = 4
_MORE = 2
"""The basis is small and its errors reach every output: it gets this many bits more."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A setting fitted to a layer; `error` is E|(W - W') x|^2 / E|W x|^2 on the calibration."""

    setting: Setting
    made: Generated
    error: float
    bytes: int
    macs: int


def candidates(
    layer: Layer, weights: Array, moments: Moments, families: Iterable[Family] = FAMILIES
) -> tuple[Candidate, ...]:
    """Those of the families that no other beats in both bytes and error, the smallest first."""
    rows = weights.reshape(layer.filters.outputs, -1).astype(np.float64)
    made = [c for family in families for c in _family(family, layer, rows, moments)]
    made.sort(key=lambda c: (c.bytes, c.error, c.macs))
    kept: list[Candidate] = []
    for candidate in made:
        if not kept or candidate.error < kept[-1].error:
            kept.append(candidate)
    return tuple(kept)


def _family(family: Family, layer: Layer, rows: Array, moments: Moments) -> Iterator[Candidate]:
    whole = moments.error(rows, layer.filters.groups)
    found: dict[tuple[int, int], Factors] = {}
    for setting in settings(layer.filters, family):
        shape = (setting.rank, setting.kernels)
        if shape not in found:
            found[shape] = factorise(rows, layer.filters, setting, moments, _ROUNDS)
        made = fit(rows, layer.filters, setting, moments, found[shape], sweeps=0)
        yield _judged(layer, rows, setting, made, moments, whole)


def settings(filters: Filters, family: Family) -> list[Setting]:
    """What a family has for a layer; plain weights where no factors are smaller than it."""
    if family == "plain" or not _sizes(filters):
        return [plain(bits) for bits in range(1, 9)]
    return [_setting(rank, kernels, b) for rank, kernels in _sizes(filters) for b in BITS]


def _setting(rank: int, kernels: int, bits: int) -> Setting:
    high = min(8, bits + _MORE) if rank else bits
    return Setting((high, bits if rank else 0, bits if kernels else 0), rank, kernels)


def _judged(
    layer: Layer, rows: Array, setting: Setting, made: Generated, moments: Moments, whole: float
) -> Candidate:
    rest = rows - made.values.reshape(rows.shape)
    error = moments.error(rest, layer.filters.groups) / max(whole, 1e-30)
    return Candidate(setting, made, error, made.bytes, macs(layer, made))


def _sizes(filters: Filters) -> list[tuple[int, int]]:
    """Ranks and kernel counts (0: off) that store fewer numbers than the layer has."""
    f, most = filters, min(filters.outputs, filters.inputs * filters.taps)
    depthwise = f.groups > 1
    ranks = [0, *(r for r in RANKS if r < min(f.inputs, f.taps))]
    counts = [0, *sorted({round(s * most) for s in SHARES} - {0})]
    if depthwise:
        counts = [0, *(k for k in RANKS if k < f.taps)] if f.inputs == 1 else [0]
    pairs = [(r, k) for r in ranks for k in counts if (r or k) and k < max(most, 1)]
    return [(r, k) for r, k in pairs if sum(Setting((1, 1, 1), r, k).sizes(f)) < f.size]
