"""The memory map in a few thousand cells: small enough to be kept for each of many plans.

0,8,0;=;0,8,0,8,12,1    three columns of turns: storage 0 has cells 0 to 8, then 1 those to 12
"""

from __future__ import annotations

import numpy as np

from lowtide.planner.plan import Plan

COLUMNS, CELLS = 96, 48


def small_map(plan: Plan) -> str:
    """What lies where: columns from the first moment to the last, turns equally wide, each as
    first cell, end, number of the storage, ..; = is the same as before."""
    order = sorted(plan.lives, key=lambda name: (int(plan.lives[name].start.min()), name))
    lives = [plan.lives[name] for name in order]
    start, stop = (np.concatenate([getattr(one, way) for one in lives]) for way in _ENDS)
    sizes = np.concatenate([np.full(len(one.start), one.cell_bytes) for one in lives])
    owner = np.concatenate([np.full(len(one.start), k) for k, one in enumerate(lives)])
    at = np.concatenate(
        [_addresses(plan, name, len(one.start)) for name, one in zip(order, lives, strict=True)]
    )
    arena = max(plan.arena_bytes, 1)
    low, high = at * CELLS // arena, (at + sizes - 1) * CELLS // arena
    columns = list[str]()
    for moment in moments(plan):
        alive = np.flatnonzero((start <= moment) & (moment <= stop))
        held = np.full(CELLS, -1)
        for more in range(int((high - low)[alive].max(initial=-1)) + 1):
            there = alive[low[alive] + more <= high[alive]]
            held[low[there] + more] = owner[there]
        columns.append(_spans(held))
    same = [None, *columns]
    return ";".join("=" if one == last else one for one, last in zip(columns, same, strict=False))


_ENDS = ("start", "stop")


def _addresses(plan: Plan, name: str, cells: int) -> np.typing.NDArray[np.int64]:
    """The first byte of each cell of a storage."""
    rows, size = plan.addresses[name], plan.lives[name].cell_bytes
    each = cells // len(rows)
    return rows.repeat(each) + size * (np.arange(cells, dtype=np.int64) % each)


def moments(plan: Plan) -> list[int]:
    """One of each column."""
    edges = [0, *(tick for _, tick in plan.schedule.timed()), plan.schedule.ticks + 1]
    at = np.linspace(0, len(edges) - 1, COLUMNS)
    return [int(moment) for moment in np.interp(at, np.arange(len(edges)), edges)]


def _spans(held: np.typing.NDArray[np.int64]) -> str:
    cuts = [0, *(np.flatnonzero(np.diff(held)) + 1), len(held)]
    spans = zip(cuts, cuts[1:], strict=False)
    return ",".join(f"{a},{b},{held[a]}" for a, b in spans if held[a] >= 0)
