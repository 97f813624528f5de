"""Which values tensors have on calibration pictures, and the range in which 8 bits hold them best.

                             least squares
counts        ▁▁▂▅█▅▂▁▁▁▁▁▁▁▁▁▁       ▁      what is outside becomes the nearest end
          |   whole range              |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lowtide.clock import Progress
from lowtide.errors import UnsupportedModel
from lowtide.ir.codes import Array
from lowtide.weights.network import Inputs
from lowtide.weights.runner import CHUNK, Runner, count

Method = Literal["whole range", "percentile", "least squares"]
METHODS: tuple[Method, ...] = ("whole range", "percentile", "least squares")

BINS = 2048
KEPT = 0.9999
"""Of all values, by percentile."""

HELD = 1 << 24
"""Elements of intermediate tensors that are held at one time."""

SAMPLED = 1 << 19
"""Values of a tensor, of so many pictures as are run at one time, that are counted."""

_ENDS = np.linspace(1.0, 0.25, 26)
"""Shares of each end that are tried."""


@dataclass(frozen=True, eq=False)
class Spread:
    """How often values of each of `BINS` equal bins from `low` to `high` were met; both hold 0."""

    low: float
    high: float
    counts: Array

    def range(self, method: Method) -> tuple[float, float]:
        """Where the 8-bit numbers begin and end."""
        if method == "whole range" or not self.counts.any():
            return self.low, self.high
        return self._percentile() if method == "percentile" else self._least_squares()

    @property
    def _edges(self) -> Array:
        return np.linspace(self.low, self.high, BINS + 1)

    def _percentile(self) -> tuple[float, float]:
        share = np.cumsum(self.counts) / self.counts.sum()
        outside = (1 - KEPT) / 2
        first, last = np.searchsorted(share, [outside, 1 - outside])
        edges = self._edges
        return min(float(edges[first]), 0.0), max(float(edges[min(last, BINS - 1) + 1]), 0.0)

    def _least_squares(self) -> tuple[float, float]:
        """Of some ends the two whose rounding and cutting off are least, squared."""
        middle = (self._edges[1:] + self._edges[:-1]) / 2
        below = [_beyond(self.counts, self.low * end - middle) for end in _ENDS]
        above = [_beyond(self.counts, middle - self.high * end) for end in _ENDS]
        steps = (self.high * _ENDS[None] - self.low * _ENDS[:, None]) / 255
        losses = np.add.outer(below, above) + self.counts.sum() * steps**2 / 12
        low, high = np.unravel_index(np.argmin(losses), losses.shape)
        return float(self.low * _ENDS[low]), float(self.high * _ENDS[high])


def _beyond(counts: Array, gaps: Array) -> float:
    return float((counts * np.maximum(gaps, 0) ** 2).sum())


def measure(
    runner: Runner, elements: Mapping[str, int], inputs: Inputs, progress: Progress
) -> dict[str, Spread]:
    """The spread of tensors of so many `elements`, by name. Raises UnsupportedModel for NaN."""
    names, parts = list(elements), _parts(runner, sum(elements.values()), inputs)
    ends = dict.fromkeys(names, (0.0, 0.0))
    progress(f"the ranges of {len(names)} tensors on {count(inputs)} pictures")
    for part in parts:
        for name, values in _values(runner, part, names).items():
            low, high = ends[name]
            ends[name] = min(low, float(values.min())), max(high, float(values.max()))
            if not np.isfinite(ends[name]).all():
                raise UnsupportedModel(
                    f"'{name}' holds NaN or infinity on the calibration pictures",
                    file=runner.network.name, hint="are --mean and --std those of the network?",
                )  # fmt: skip
    counts = {name: np.zeros(BINS) for name in names}
    progress("how their values are spread")
    for part in parts:
        for name, values in _values(runner, part, names).items():
            some = _some(values)
            counts[name] += np.histogram(some[some != 0], BINS, ends[name])[0]
    return {name: Spread(*ends[name], counts[name]) for name in names}


def _some(values: Array) -> Array:
    """Values evenly spread over a tensor, enough to know how all are spread."""
    step = max(values.size // SAMPLED, 1) | 1  # an odd one meets every column of an even width
    return values.reshape(-1)[::step]


def _parts(runner: Runner, elements: int, inputs: Inputs) -> Sequence[Inputs]:
    """The pictures, as many at once as memory holds of all that is computed of them."""
    own = runner.network
    size = own.rows if not own.batch else min(max(HELD // max(elements, 1), 1), CHUNK)
    starts = range(0, count(inputs), size)
    return [{name: x[start : start + size] for name, x in inputs.items()} for start in starts]


def _values(runner: Runner, part: Inputs, names: Sequence[str]) -> dict[str, Array]:
    """What the tensors are on some pictures."""
    (chunk,) = runner.chunks(part)
    found = runner.reads(chunk, names, {})
    return {name: found[name] for name in names if found[name].size}
