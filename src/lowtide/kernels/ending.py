"""How sums of 8-bit numbers end, as kernels do it: times a factor, rounded, moved, kept within.

clamp(rescale(sum, m, n) + offset)          one factor a channel, or one for all
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.ir.dtype import DType
from lowtide.ir.graph import Array, Graph
from lowtide.ir.value import Acc, Call, Load, Number, Value, rebuild, walk
from lowtide.ir.whole import add_wrapped, rescale
from lowtide.rows.task import Task

_FACTORS = {"rescale": "TWICE", "rescale_once": "ONCE", "scale": "SCALED"}

_FAR, _FURTHEST = 64, 22
"""FAR of c/eight.h; and the most places by which a half and the offset in one are shifted."""

_LARGEST = 1 << 30
"""Sums below it are doubled in 32 bits."""


@dataclass(frozen=True)
class Sums:
    """Of each channel: what its sums begin with, and the least and the largest they may be."""

    start: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def furthest(self) -> int:
        """The largest distance from 0."""
        return max(map(abs, (0, *self.low, *self.high)))


@dataclass(frozen=True)
class Ending:
    """What becomes of a sum; `kind` is an `enum ending` of c/eight.h.

    `m` and `n` have a number for each channel: a factor of 32 bits and its shift; or, SCALED, the
    bits of a float32 and 0.
    """

    kind: str
    m: tuple[int, ...]
    n: tuple[int, ...]
    offset: int
    low: int
    high: int

    def numbers(self, sums: Sums) -> tuple[int, ...]:
        """What kernels read of each channel, `struct ending8`, of an even number of channels."""
        return self.together(2, sums)

    def together(self, count: int, sums: Sums) -> tuple[int, ...]:
        """The same of a multiple of `count` channels: so many end by a shift to the right, or none.

        Those that fill it up do if the others do.
        """
        spare = -len(self.m) % count
        channels, found = [*range(len(self.m)), *[None] * spare], list[int]()
        far = _FAR if self.kind == "TWICE" else 0
        for first in range(0, len(channels), count):
            some = channels[first : first + count]
            ends = [(0, 0, 0, 1) if k is None else self._at_once(k, sums) for k in some]
            for k, end in zip(some, ends, strict=True):
                if None not in ends:
                    found += end or ()
                elif k is None:
                    found += (0, 0, 0, -far)
                else:
                    start = int(add_wrapped(np.array(sums.start[k]), np.array(0)))
                    found += (start, self.m[k], 0, self.n[k] - far)
        return tuple(found)

    def plain(self, sums: Sums) -> bool:
        """Whether all channels end by a shift to the right, in all of -128 to 127."""
        if (self.low, self.high) != (-128, 127):
            return False
        return all(self._at_once(k, sums) is not None for k in range(len(self.m)))

    def _at_once(self, k: int, sums: Sums) -> tuple[int, int, int, int] | None:
        """Channel k if its sums end TWICE by a shift to the right, or are always the same.

        Scales below 0, which trained files have, are for `twice_any`: vectors multiply unsigned.
        """
        if self.kind != "TWICE":
            return None
        m, n, start = self.m[k], self.n[k], sums.start[k]
        if -_FURTHEST <= n < 0 <= m and max(-sums.low[k], sums.high[k]) < _LARGEST:
            return start, m, (1 << (-n - 1)) + self.offset * (1 << -n), -n
        if n > 0:  # may wrap
            return None
        ends = rescale(np.array([sums.low[k], sums.high[k]]), m, n) + self.offset
        least, most = np.clip(ends, self.low, self.high).tolist()
        return (start, 0, 2 * least, 1) if least == most else None


def added_last(finish: Value) -> tuple[Value | None, Value]:
    """What is added to the first sums in 32 bits that wrap, if anything is, and the finish without.

    Sums that wrap may as well begin with it.
    """
    added = [
        value.arguments[1]
        for value in walk(finish)
        if isinstance(value, Call)
        and value.function == "add_wrapped"
        and value.arguments[0] == Acc(0)
    ]
    if len(added) != 1:
        return None, finish
    total = Call("add_wrapped", (Acc(0), added[0]))
    return added[0], rebuild(finish, lambda value: Acc(0) if value == total else value)


def ending(finish: Value, task: Task, graph: Graph, made: DType) -> Ending | None:
    """Recognises in `finish` how the first sums of a task end; None: in another way."""
    value, (low, high) = kept_within(finish)
    offset = 0
    if isinstance(value, Call) and value.function == "add":
        value, number = value.arguments
        if not isinstance(number, Number):
            return None
        offset = int(number.value)
    kind = _FACTORS.get(value.function) if isinstance(value, Call) else None
    if kind is None or not isinstance(value, Call) or value.arguments[0] != Acc(0):
        return None
    factors = [by_channel(one, task, graph) for one in value.arguments[1:]]
    limits = np.iinfo(made.name)
    if any(one is None for one in factors) or low < limits.min or high > limits.max:
        return None
    m, *rest = (one for one in factors if one is not None)
    if kind == "SCALED":
        m = m.astype("<f4").view("<i4")
    n = rest[0] if rest else np.zeros(len(m), np.int64)
    whole = [tuple(int(v) for v in one) for one in (m, n)]
    return Ending(kind, whole[0], whole[1], offset, low, high)


def kept_within(value: Value) -> tuple[Value, tuple[int, int]]:
    """What is kept within two bounds, and these: clamps one after the other are one."""
    clamps: list[tuple[str, float]] = []
    while isinstance(value, Call) and value.function in ("larger", "smaller"):
        inner, number = value.arguments
        if not isinstance(number, Number):
            break
        clamps.append((value.function, number.value))
        value = inner
    low, high = -float("inf"), float("inf")
    for function, bound in reversed(clamps):
        choose = max if function == "larger" else min
        low, high = choose(low, bound), choose(high, bound)
    whole = np.iinfo(np.int32)
    return value, (int(max(low, whole.min)), int(min(high, whole.max)))


def by_channel(value: Value, task: Task, graph: Graph) -> Array | None:
    """A factor for each channel of what a task makes."""
    channels = task.nest.shape[1]
    if isinstance(value, Number):
        return np.full(channels, value.value)
    if not isinstance(value, Load):
        return None
    read = task.nest.reads[value.read]
    held = graph.constants.get(task.operands[read.operand])
    if held is None or held.ndim != 1 or read.zero:
        return None
    if read.index == (task.nest.axes[1],) and len(held) == channels:
        return held
    (at,) = read.index
    return None if at.variables else np.full(channels, held[at.bounds[0]])
