"""From the lifetimes of rows to the offsets at which two storages may not lie."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from lowtide.index import IntArray
from lowtide.live import Life, Lives, bands, live_bytes
from lowtide.problem import Block, Interval, Problem


def placement_problem(lives: Lives, steps: int, align: int) -> Problem:
    """Blocks, forbidden differences of address, and the bytes that live at one time."""
    names = list(lives)
    blocks = tuple(_block(name, lives[name]) for name in names)
    forbidden = {}
    for i, j in combinations(range(len(blocks)), 2):
        if blocks[i].start < blocks[j].stop and blocks[j].start < blocks[i].stop:
            found = collisions(lives[names[i]], lives[names[j]])
            if found:
                forbidden[i, j] = found
    return Problem(blocks, align, forbidden, int(live_bytes(lives, steps).max()))


def _block(name: str, life: Life) -> Block:
    alive = life.start <= life.stop
    if not alive.any():
        return Block(name, life.bytes, 0, 0)
    start, stop = int(life.start[alive].min()), int(life.stop[alive].max()) + 1
    return Block(name, life.bytes, start, stop)


def collisions(a: Life, b: Life) -> tuple[Interval, ...]:
    """The open intervals of A_a - A_b at which a row of `a` hits a row of `b` while both live.

    Rows i0 .. i1-1 of a cover [A_a + i0*R, A_a + i1*R), rows j0 .. j1-1 of b
    [A_b + j0*S, A_b + j1*S): they meet where j0*S - i1*R < A_a - A_b < j1*S - i0*R. Neighbouring
    rows with the same lifetime are taken together, as are neighbours in b that one row of a meets.
    """
    one, two = bands(a).alive(), bands(b).alive()
    if two.sorted:
        # The bands of b that live at one time are neighbours: the search need not be quadratic.
        first = np.searchsorted(two.stop, one.start, side="left")
        end = np.searchsorted(two.start, one.stop, side="right") - 1
        band = np.nonzero(first <= end)[0]
        first, end = first[band], end[band]
    elif one.sorted:
        return tuple((-high, -low) for low, high in reversed(collisions(b, a)))
    else:
        both = (one.start[:, None] <= two.stop) & (two.start <= one.stop[:, None])
        edges = np.diff(np.pad(both, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        band, first = np.nonzero(edges == 1)
        end = np.nonzero(edges == -1)[1] - 1
    low = two.first[first] * b.cell_bytes - one.end[band] * a.cell_bytes
    high = two.end[end] * b.cell_bytes - one.first[band] * a.cell_bytes
    return _union(low, high)


def _union(low: IntArray, high: IntArray) -> tuple[Interval, ...]:
    """Open intervals joined where they overlap."""
    if not len(low):
        return ()
    by_low = np.argsort(low, kind="stable")
    low, reach = low[by_low], np.maximum.accumulate(high[by_low])
    first = np.concatenate([[0], np.flatnonzero(low[1:] >= reach[:-1]) + 1])
    last = np.append(first[1:], len(low)) - 1
    return tuple(zip(low[first].tolist(), reach[last].tolist(), strict=True))
