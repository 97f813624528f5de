"""From the lifetimes of rows to the offsets at which two storages may not lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lowtide.overlap.blocks import by_blocks, by_pairs
from lowtide.overlap.spans import Spans, spans
from lowtide.placers.intervals import union
from lowtide.placers.problem import Block, Interval, Problem
from lowtide.rows.liveness import Life, Lives, live_bytes

FEW_PAIRS = 1 << 16
"""So many pairs of spans are looked at one by one; with more, blocks of them are quicker."""


def placement_problem(lives: Lives, steps: int, align: int) -> Problem:
    """Turns lifetimes into a problem for a placer.

    That is: a block for each storage, the differences of address that are forbidden between two of
    them, and as lower bound the most bytes that live at one of the `steps` moments.
    """
    held = [spans(life) for life in lives.values()]
    blocks = tuple(
        _block(name, life.bytes, own) for (name, life), own in zip(lives.items(), held, strict=True)
    )
    most = int(live_bytes(lives, steps).max())
    return Problem(blocks, align, dict(_forbidden(held)), most)


def _forbidden(held: Sequence[Spans]) -> Iterator[tuple[tuple[int, int], tuple[Interval, ...]]]:
    """The pairs that live together, with their collisions.

    Most live together as wholes, which is seen of one with all that follow it at a time.
    """
    alive = [k for k, own in enumerate(held) if len(own)]
    wholes = [held[k].all for k in alive]
    first, end, start, full_from, full_until, stop = (
        np.array([getattr(one, name)[0] for one in wholes], np.int64) for name in _WHOLE
    )
    for n, i in enumerate(alive):
        rest = slice(n + 1, None)
        meet = (start[n] <= stop[rest]) & (start[rest] <= stop[n])
        full = meet & (full_from[n] <= full_until[rest]) & (full_from[rest] <= full_until[n])
        low, high = (first[rest] - end[n]).tolist(), (end[rest] - first[n]).tolist()
        for k in np.flatnonzero(meet).tolist():
            j = alive[n + 1 + k]
            found = ((low[k], high[k]),) if full[k] else _collisions(held[i], held[j])
            if found:
                yield (i, j), found


_WHOLE = ("first", "end", "start", "full_from", "full_until", "stop")


def _block(name: str, size: int, held: Spans) -> Block:
    if not len(held):
        return Block(name, size, 0, 0)
    return Block(name, size, int(held.all.start[0]), int(held.all.stop[0]) + 1)


def collisions(a: Life, b: Life) -> tuple[Interval, ...]:
    """The values of A_a - A_b at which a row of `a` shares a byte with one of `b` while both live.

    They are open intervals. Bytes p to p'-1 of a and q to q'-1 of b meet
    where q - p' < A_a - A_b < q' - p:

        b          q|=====|q'
        a    p|=====|p'               A_a - A_b = q - p', the last allowed difference on this side
                         p|=====|p'   A_a - A_b = q' - p, the first on the other

    The union over all pairs that live at one time is exact, gaps included, but for what
    `by_blocks` says of storages whose rows come and go in no order.
    """
    return _collisions(spans(a), spans(b))


def _collisions(a: Spans, b: Spans) -> tuple[Interval, ...]:
    if not len(a) or not len(b):
        return ()
    one, two = a.all, b.all
    if one.start > two.stop or two.start > one.stop:
        return ()
    if one.full_from <= two.full_until and two.full_from <= one.full_until:
        return union(two.first - one.end, two.end - one.first).pairs()
    found = by_pairs(a, b) if len(a) * len(b) <= FEW_PAIRS else by_blocks(a, b)
    return found.pairs()
