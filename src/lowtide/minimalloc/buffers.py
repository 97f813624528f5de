"""The classical problem: whole buffers with lifetimes, some dead for a while in between.

    buffer a, size 6, lower 0, upper 9, gaps 2-4 and 6-8@0:2

    byte 6 +-----+     +-----+     +--+
           |     |     |     |     |  |
         2 |     |     |     +-----+  |
         0 +-----+     +--------------+
           0     2     4     6     8  9  -> time

Without a window nothing of the buffer lives in a gap, with one the bytes of the window do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm

from lowtide.placers.problem import Block, Interval, Problem


@dataclass(frozen=True)
class Gap:
    """In times [lower, upper) only bytes [window[0], window[1]) are live."""

    lower: int
    upper: int
    window: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Buffer:
    """`size` bytes, live in times [lower, upper) but for the gaps, sorted and disjoint."""

    name: str
    lower: int
    upper: int
    size: int
    alignment: int = 1
    gaps: tuple[Gap, ...] = ()

    def pieces(self) -> Iterator[tuple[int, int, int, int]]:
        """(lower, upper, first byte, end byte) of each stretch of time in which bytes live."""
        time = self.lower
        for gap in self.gaps:
            if time < gap.lower:
                yield time, gap.lower, 0, self.size
            if gap.window[0] < gap.window[1]:
                yield gap.lower, gap.upper, *gap.window
            time = gap.upper
        if time < self.upper:
            yield time, self.upper, 0, self.size


def problem_of(buffers: Sequence[Buffer]) -> Problem:
    """Forbidden differences of addresses, from the pieces that live at the same time.

    All buffers are aligned alike: to the least common multiple of what they ask for.
    """
    pieces = [tuple(buffer.pieces()) for buffer in buffers]
    forbidden: dict[tuple[int, int], tuple[Interval, ...]] = {}
    for i, one in enumerate(buffers):
        for j in range(i + 1, len(buffers)):
            other = buffers[j]
            if one.lower < other.upper and other.lower < one.upper:
                spans = _joined(
                    (q[2] - p[3], q[3] - p[2])
                    for p in pieces[i]
                    for q in pieces[j]
                    if p[0] < q[1] and q[0] < p[1]
                )
                if spans:
                    forbidden[i, j] = spans
    steps = {piece[0] for row in pieces for piece in row}
    live = {
        step: sum(p[3] - p[2] for row in pieces for p in row if p[0] <= step < p[1])
        for step in steps
    }
    blocks = tuple(Block(b.name, b.size, b.lower, b.upper) for b in buffers)
    align = lcm(*(buffer.alignment for buffer in buffers))
    return Problem(blocks, align, forbidden, max(live.values(), default=0))


def _joined(spans: Iterator[Interval]) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for low, high in sorted(spans):
        if joined and low < joined[-1][1]:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return tuple(joined)
