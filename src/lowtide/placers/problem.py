"""The placement problem: blocks of memory and the offsets at which two of them may not lie.

Two storages whose rows live at different times may share bytes. Which differences of their
addresses are safe follows from the lifetimes of their rows (`live.py`); a placer sees only the
result, a set of forbidden intervals for each pair:

    forbidden[i, j] = ((lo, hi), ...)     lo < A_i - A_j < hi  is a collision, A in bytes

                     j |=========|
        i |=====|    .            .      A_i - A_j <= lo     allowed: i wholly below j
               i |=====|                 lo < .. < hi        forbidden
                                i |=====|  >= hi             allowed: i wholly above j

The classical rule (both live, must be apart) is the one interval (-size_i, size_j). A pair that
is absent never lives together. Gaps between intervals are allowed offsets: i threaded through the
dead rows of j.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Interval = tuple[int, int]


@dataclass(frozen=True)
class Block:
    """One storage to place: `size` bytes, live (as a whole) in steps [start, stop)."""

    name: str
    size: int
    start: int
    stop: int


@dataclass(frozen=True)
class Problem:
    """Blocks, alignment and the forbidden differences of addresses, all in bytes.

    `lower_bound` is the largest number of bytes that live at one time: no placement is smaller.
    Keys of `forbidden` are (i, j) with i < j, indices into `blocks`; intervals are sorted, open
    and disjoint.
    """

    blocks: tuple[Block, ...]
    align: int
    forbidden: Mapping[tuple[int, int], tuple[Interval, ...]]
    lower_bound: int


@dataclass(frozen=True)
class Placement:
    """Where each block lies: `offsets[i]` bytes from the start of the arena for `blocks[i]`."""

    offsets: tuple[int, ...]
    arena_bytes: int
    proven: bool
    bound: int
    """No placement of the same problem is smaller than this (equals `arena_bytes` if proven)."""
