"""Scales of charts: where a number lies between two ends, and which numbers are written there."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, log10
from typing import Literal


@dataclass(frozen=True)
class Scale:
    """Numbers `low` to `high` as 0 to 1.

    linear | log, for numbers that differ many times | plus, log(1 + number): as log, from 0 up
    """

    kind: Literal["linear", "log", "plus"]
    low: float
    high: float

    def at(self, number: float) -> float:
        """Where a number lies: 0 at the low end, 1 at the high."""
        low, high, own = (self._bent(v) for v in (self.low, self.high, number))
        return (own - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """Round numbers from end to end; at most about a dozen."""
        if self.kind == "linear":
            step = nice((self.high - self.low) / 6)
            first, last = ceil(self.low / step - 1e-9), int(self.high / step + 1e-9)
            return [k * step for k in range(first, last + 1)]
        top = ceil(log10(self.high))
        rounds = [m * 10.0**k for k in range(top - 9, top + 1) for m in (1, 2, 5)]
        if self.kind == "plus":
            rounds = [0.0, *(v for v in rounds if v >= 1)]
        return [v for v in rounds if self.low <= v <= self.high]

    def _bent(self, number: float) -> float:
        if self.kind == "linear":
            return number
        return log(number) if self.kind == "log" else log(1 + number)


def nice(least: float) -> float:
    """The least of 1, 2, 5, 10, 20, .. (and of their tenths, ..) that is not below `least`."""
    unit = 10.0 ** ceil(log10(max(least, 1e-9)) - 1)
    return next(m * unit for m in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if m * unit >= least)
