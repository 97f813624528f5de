"""The bytes of one storage by lifetime: in spans, and in ever larger blocks of spans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.rows.liveness import Life, bands

NEVER = 2**62
"""What never lives is made at step NEVER and dies at step -NEVER: it meets nothing."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Neighbouring spans taken together: block k is bytes first[k] .. end[k]-1 of a storage.

    Some of it may live from start to stop; all of it lives from full_from to full_until, unless
    full_from > full_until.

        step    0   1   2   3   4   5
        span 0  =============                 a block of these three:
        span 1      =============             start 0, full_from 2, full_until 3, stop 5
        span 2          =============
    """

    first: IntArray
    end: IntArray
    start: IntArray
    full_from: IntArray
    full_until: IntArray
    stop: IntArray

    def __len__(self) -> int:
        return len(self.first)

    def in_pairs(self) -> Blocks:
        """Blocks of two neighbours each; the last stays alone if their number is odd."""
        right = np.minimum(np.arange(1, len(self) + 1, 2), len(self) - 1)
        return Blocks(
            self.first[::2],
            self.end[right],
            np.minimum(self.start[::2], self.start[right]),
            np.maximum(self.full_from[::2], self.full_from[right]),
            np.minimum(self.full_until[::2], self.full_until[right]),
            np.maximum(self.stop[::2], self.stop[right]),
        )


@dataclass(frozen=True, eq=False)
class Spans:
    """The bytes of a storage by lifetime: first[k] to end[k] - 1 live in steps start[k] to stop[k].

    `spans` makes them so that each begins where the one before it ends.
    """

    first: IntArray
    end: IntArray
    start: IntArray
    stop: IntArray

    def __len__(self) -> int:
        return len(self.first)

    def only(self, at: IntArray) -> Spans:
        """The spans that `at` picks."""
        return Spans(self.first[at], self.end[at], self.start[at], self.stop[at])

    @cached_property
    def all(self) -> Blocks:
        """All spans as a single block; there must be at least one."""
        return Blocks(
            self.first[:1],
            self.end[-1:],
            self.start.min(keepdims=True),
            self.start.max(keepdims=True),
            self.stop.min(keepdims=True),
            self.stop.max(keepdims=True),
        )

    @cached_property
    def levels(self) -> list[Blocks]:
        """Blocks of 1, 2, 4, ... spans: block k of level n has 2**n spans, from k * 2**n on."""
        levels = [Blocks(self.first, self.end, self.start, self.start, self.stop, self.stop)]
        while len(levels[-1]) > 1:
            levels.append(levels[-1].in_pairs())
        return levels

    @cached_property
    def by_start(self) -> tuple[IntArray, IntArray]:
        """The spans in the order of their first step, and those steps."""
        order = np.argsort(self.start, kind="stable")
        return order, self.start[order]


def spans(life: Life) -> Spans:
    """Returns the rows of a storage as spans, neighbours with one lifetime together.

    They reach from the first row that ever lives to the last; empty if none lives.
    """
    held = bands(life)
    alive = np.flatnonzero(held.start <= held.stop)
    kept = slice(alive[0], alive[-1] + 1) if len(alive) else slice(0)
    start, stop = held.start[kept], held.stop[kept]
    dead = start > stop
    return Spans(
        held.first[kept] * life.cell_bytes,
        held.end[kept] * life.cell_bytes,
        np.where(dead, NEVER, start),
        np.where(dead, -NEVER, stop),
    )
