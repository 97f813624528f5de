"""Blocks of a grid as bars, for the search along the skyline.

Two blocks that must keep wholly apart are bars that may not overlap, lifetime by height. A pair
that may also lie otherwise (a buffer with gaps, rows that die early) can still be kept apart: what
is found then is sound, but that nothing is found proves nothing.

    j  |=====|      dead for a while in the middle     j  |=============|
          |==|  i                                 i must not be in here  ^  it could have been
"""

from __future__ import annotations

from bisect import bisect_left

from lowtide.placers.skyline import fill
from lowtide.placers.subset import Answer, Subset, meet
from lowtide.placers.terrain import Bar

SECTIONS_PER_WORK = 10_000_000
"""Sections that the search looks at in the time of one unit of CP-SAT's work: measured."""


def fit_bars(part: Subset, arena: int, work: float) -> Answer | None:
    """Units within `arena` bytes if they were found; None for blocks that cannot be bars.

    The bound is `arena`, or one more if such units are proven not to exist.
    """
    apart = _apart(part)
    if apart is None:
        return None
    grid = part.grid
    starts = sorted({part.lives[i].start for i in part.blocks})
    bars = [
        Bar(
            bisect_left(starts, part.lives[i].start),
            bisect_left(starts, part.lives[i].stop),
            grid.height(i),
            (arena - grid.sizes[i]) // grid.unit,
        )
        for i in part.blocks
    ]
    result = fill(bars, -(-arena // grid.unit), int(work * SECTIONS_PER_WORK))
    bound = arena + 1 if apart and result.impossible else arena
    at = None if result.at is None else dict(zip(part.blocks, result.at, strict=True))
    return Answer(at, bound, result.work / SECTIONS_PER_WORK)


def _apart(part: Subset) -> bool | None:
    """Do bars say all there is to say of the blocks? None if they do not even say enough."""
    inside, lives, height = set(part.blocks), part.lives, part.grid.height
    if any(lives[i].start >= lives[i].stop or height(i) < 1 for i in inside):
        return None
    pairs, whole = 0, True
    for (i, j), spans in part.grid.pairs.items():
        if i in inside and j in inside:
            if not meet(lives[i], lives[j]):
                return None
            if spans[0][0] < -height(i) or spans[-1][1] > height(j):
                return None
            pairs += 1
            whole = whole and spans == ((-height(i), height(j)),)
    starts = sorted(lives[i].start for i in inside)
    after = sum(len(starts) - bisect_left(starts, lives[i].stop) for i in inside)
    return whole and pairs + after == len(inside) * (len(inside) - 1) // 2
