"""Which input positions a resized axis mixes, with what weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

Weigh = Callable[[float], float]

_1, _HALF = np.float32(1), np.float32(0.5)

# (output position, scale, input size, output size) -> input position. All in float32, step by step
# as onnxruntime does: where positions meet halves or whole numbers, the rounding decides.
COORDINATE: dict[str, Callable[[np.float32, np.float32, np.float32, np.float32], np.float32]] = {
    "asymmetric": lambda i, scale, size, out: i / scale,
    "half_pixel": lambda i, scale, size, out: (i + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda i, scale, size, out: (
        (i + _HALF) / scale - _HALF if out > 1 else 0 * i
    ),
    "align_corners": lambda i, scale, size, out: i * (size - _1) / (out - _1) if out > 1 else 0 * i,
    "half_pixel_symmetric": lambda i, scale, size, out: (
        size / 2 * (_1 - out / (scale * size)) + (i + _HALF) / scale - _HALF
    ),
}


def linear(x: float) -> float:
    """The weight of a pixel at a distance of `x` pixels."""
    return max(1 - abs(x), 0.0)


def cubic(a: float) -> Weigh:
    """The weight of a pixel by its distance in pixels, for the coefficient `a` (Keys 1981)."""

    def weigh(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return ((a + 2) * x - (a + 3)) * x * x + 1
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0

    return weigh


@dataclass(frozen=True)
class Taps:
    """What each output of an axis mixes, `count` inputs each.

    out[i] = sum over k < `count` of weights[i * count + k] * in[first[i] + k]
    """

    first: tuple[int, ...]
    weights: tuple[float, ...]
    count: int


def taps(
    places: Sequence[float], size: int, weigh: Weigh, reach: int, scale: float, exclude: bool
) -> Taps:
    """Computes which of `size` inputs each output mixes; `places` are the outputs' input positions.

    `weigh` gives a weight by distance, up to `reach` pixels each way; where `scale` < 1 that is
    widened by 1 / scale (antialiasing). Positions outside count as the edge pixel, or, with
    `exclude`, not at all.
    """
    mixed = [_mixed(x, size, weigh, reach, min(scale, 1.0), exclude) for x in places]
    count = max(max(one) - min(one) + 1 for one in mixed)
    first = tuple(min(min(one), size - count) for one in mixed)
    weights = [
        one.get(f + k, 0.0) for one, f in zip(mixed, first, strict=True) for k in range(count)
    ]
    return Taps(first, tuple(weights), count)


def _mixed(
    x: float, size: int, weigh: Weigh, reach: int, scale: float, exclude: bool
) -> dict[int, float]:
    """Input positions and their weights, which add up to 1."""
    base, far = ceil(x) - 1, -floor(-reach / scale)
    found: dict[int, float] = {}
    for at in range(base - far + 1, base + far + 1):
        weight = weigh((at - x) * scale)
        if weight and not (exclude and not 0 <= at < size):
            inside = min(max(at, 0), size - 1)
            found[inside] = found.get(inside, 0.0) + weight
    total = sum(found.values())
    return {at: weight / total for at, weight in found.items()}
