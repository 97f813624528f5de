"""From the lifetimes of rows to the offsets at which two storages may not lie."""

from __future__ import annotations

from itertools import combinations

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
    forbidden = {}
    for i, j in combinations(range(len(blocks)), 2):
        if blocks[i].start < blocks[j].stop and blocks[j].start < blocks[i].stop:
            found = _collisions(held[i], held[j])
            if found:
                forbidden[i, j] = found
    return Problem(blocks, align, forbidden, int(live_bytes(lives, steps).max()))


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
