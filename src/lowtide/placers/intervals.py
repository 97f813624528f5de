"""Sets of open intervals of integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.ir.index import IntArray

BoolArray = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Open intervals low[k] < x < high[k], sorted and disjoint; two may share an end.

    low 0   high 3 = low 3   high 6        x = 3 is outside
        |=======|=======|
    """

    low: IntArray
    high: IntArray

    def covers(self, low: IntArray, high: IntArray) -> BoolArray:
        """Whether each interval low < x < high is inside one of these."""
        at = np.searchsorted(self.low, low, side="right") - 1
        return (at >= 0) & (high <= self.high[np.maximum(at, 0)])

    def and_also(self, low: IntArray, high: IntArray) -> Intervals:
        """These and the given ones together."""
        return union(np.append(self.low, low), np.append(self.high, high))

    def pairs(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self.low.tolist(), self.high.tolist(), strict=True))


def union(low: IntArray, high: IntArray) -> Intervals:
    """Open intervals joined where they overlap.

    before  |=====|      |====|           after  |========|   |====|
               |=====|                           0        8   11   16
    """
    if not len(low):
        return Intervals(low, high)
    by_low = np.argsort(low, kind="stable")
    low, reach = low[by_low], np.maximum.accumulate(high[by_low])
    first = np.concatenate([[0], np.flatnonzero(low[1:] >= reach[:-1]) + 1])
    last = np.append(first[1:], len(low)) - 1
    return Intervals(low[first], reach[last])
