"""What of the arena is in use while an operator works, and what could be lent out meanwhile.

conv    from its first step to its last
bytes   [image ####][row ##][            free            ][result ####]
        in use: what lives at the fullest moment of it     the largest run that nothing needs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.ir.index import IntArray


@dataclass(frozen=True)
class InUse:
    """Bytes that live at once, and the largest free run: `free_bytes` from byte `free_from` on."""

    bytes: int
    free_from: int
    free_bytes: int


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a storage: `bytes` at each address, live from start to stop."""

    bytes: int
    address: IntArray
    start: IntArray
    stop: IntArray


def in_use(
    storages: Sequence[Cells], windows: Sequence[tuple[int, int]], arena_bytes: int
) -> Iterator[InUse]:
    """For each window of moments, both ends included, what is in use in it."""
    living = [one for one in map(_that_live, storages) if len(one.start)]
    moments = max((last for _, last in windows), default=0) + 2
    change = np.zeros(moments + 1, np.int64)
    for one in living:
        np.add.at(change, np.minimum(one.start, moments), one.bytes)
        np.add.at(change, np.minimum(one.stop + 1, moments), -one.bytes)
    live = np.cumsum(change)
    spans = [(int(one.start.min()), int(one.stop.max())) for one in living]
    for first, last in windows:
        used = [
            _used(one, first, last)
            for one, (begin, end) in zip(living, spans, strict=True)
            if begin <= last and first <= end
        ]
        at, size = _largest_gap(used, arena_bytes)
        yield InUse(int(live[first : last + 1].max()), at, size)


def _that_live(one: Cells) -> Cells:
    alive = one.start <= one.stop
    return Cells(one.bytes, one.address[alive], one.start[alive], one.stop[alive])


def _used(one: Cells, first: int, last: int) -> tuple[IntArray, IntArray]:
    """Where its cells begin and end that live in a window."""
    at = one.address[(one.start <= last) & (first <= one.stop)]
    return at, at + one.bytes


def _largest_gap(used: Sequence[tuple[IntArray, IntArray]], arena: int) -> tuple[int, int]:
    """The first byte and the size of the largest run of bytes that are in none of the ranges."""
    begins = np.concatenate([*(a for a, _ in used), np.array([arena], np.int64)])
    ends = np.concatenate([*(b for _, b in used), np.array([arena], np.int64)])
    order = np.argsort(begins, kind="stable")
    begins, ends = begins[order], np.maximum.accumulate(ends[order])
    before = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    k = int(np.argmax(begins - before))
    return int(before[k]), max(int(begins[k] - before[k]), 0)
