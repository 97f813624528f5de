"""Seeded random inputs of networks that take whole numbers, or at once make them of reals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lowtide.ir.graph import Array, Shape

DRAWN = 4
"""Random sets of inputs: one alone may end in the same saturated scores whatever is wrong."""


@dataclass(frozen=True)
class Drawn:
    """An input to draw; `span` has the reals that its numbers stand for, if they are quantised."""

    shape: Shape
    dtype: str
    span: tuple[float, float] | None = None


IN_A_ROW = 8
"""Calls of a network that keeps state."""


def draw_sets(wanted: Mapping[str, Drawn], count: int = DRAWN) -> dict[str, dict[str, Array]]:
    """Sets of inputs by name."""
    return {f"random {k}" if k else "random": draw(wanted, k) for k in range(count)}


def draw(wanted: Mapping[str, Drawn], seed: int) -> dict[str, Array]:
    """Whole numbers over all of the type; reals over what they are quantised to, else normal."""
    dice, normal = np.random.default_rng(seed), np.random.default_rng(seed)
    made = {}
    for name, one in wanted.items():
        kind = np.dtype(one.dtype)
        floats = normal.standard_normal(one.shape, np.float32)
        if kind.kind in "iu":
            ends = np.iinfo(kind)
            low, high = max(ends.min, -(1 << 15)), min(ends.max, (1 << 16) - 1)
            made[name] = dice.integers(low, high, one.shape, endpoint=True).astype(kind)
        else:
            held = floats if one.span is None else dice.uniform(*one.span, one.shape)
            made[name] = np.asarray(held).astype(kind)
    return made
