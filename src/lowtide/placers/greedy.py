"""Place blocks one by one, each as low as it goes: the best of several orders, then improved.

    order: b, a, c                     a and b never meet; c may run into the dead rows of a
        bytes
          |        +--c--+
          |  +--b--+..c..|
          |  |  b  |--a--+             c is offered 0 and the ends of its forbidden intervals,
          0--+-----+-----+-> steps     and takes the lowest that no placed block forbids

An order that looks at sizes suits classical problems, one that looks at time suits chains of
operators that overlap their inputs. All are cheap, so all are tried. Then the best order is
changed a little at a time, within a fixed amount of work: the result depends on the problem alone,
never on the clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lowtide.placers.grid import UNPLACED, Grid, grid_of, lowest
from lowtide.placers.problem import Block, Placement, Problem

WORK = 1_500_000
"""Forbidden intervals looked at while improving: about a second."""

ROUNDS = 1_000
SETTLE_EVERY = 8


@dataclass(frozen=True)
class Stacking:
    """Where the blocks of a grid lie, the order in which they were placed, and the arena's size."""

    order: tuple[int, ...]
    at: tuple[int, ...]
    arena_bytes: int


def place(problem: Problem) -> Placement:
    """The best placement that a second of trying orders finds."""
    grid = grid_of(problem)
    return grid.placement(pack(grid, problem.blocks).at, grid.bound)


def pack(grid: Grid, blocks: Sequence[Block], *, work: int = WORK) -> Stacking:
    """The best packing found: all starting orders, then changes to the best of them.

    `work` limits how many blocks are placed in all.
    """
    best: Stacking | None = None
    for order in _orders(grid, blocks):
        packing = fill(grid, order)
        if best is None or packing.arena_bytes < best.arena_bytes:
            best = packing
        if best.arena_bytes == grid.bound:
            return best
    assert best is not None  # there is at least one order
    return _improve(grid, best, work)


def fill(grid: Grid, order: Sequence[int]) -> Stacking:
    """Place the blocks in `order`, each at the lowest unit that the earlier ones allow."""
    at = [UNPLACED] * len(grid.sizes)
    for block in order:
        at[block] = lowest(grid.walls[block], at)
    return Stacking(tuple(order), tuple(at), grid.arena_bytes(at))


def _orders(grid: Grid, blocks: Sequence[Block]) -> Iterator[tuple[int, ...]]:
    """Orders worth trying, one key a line: the blocks with the largest key come first."""
    size = grid.sizes
    life = [block.stop - block.start for block in blocks]
    walls = [sum(high - low for _, low, high in row) for row in grid.walls]
    tide = _pressure(blocks)
    count = range(len(blocks))
    keys: tuple[list[tuple[int, ...]], ...] = (
        [(size[i], life[i]) for i in count],
        [(life[i], size[i]) for i in count],
        [(size[i] * life[i], size[i]) for i in count],
        [(walls[i], size[i]) for i in count],
        [(tide[i], size[i]) for i in count],
        [(tide[i], life[i]) for i in count],
        [(-blocks[i].start, size[i]) for i in count],
        [(-blocks[i].stop, size[i]) for i in count],
        [(blocks[i].stop, size[i]) for i in count],
        [(blocks[i].start, size[i]) for i in count],
    )
    for key in keys:
        yield tuple(sorted(count, key=lambda i: (*(-part for part in key[i]), i)))


def _pressure(blocks: Sequence[Block]) -> list[int]:
    """For each block the most bytes alive at once while it is alive.

    Live bytes rise only where a block starts: only those steps are looked at.
    """
    live = {
        step: sum(block.size for block in blocks if block.start <= step < block.stop)
        for step in sorted({block.start for block in blocks})
    }
    return [
        max(
            (total for step, total in live.items() if block.start <= step < block.stop),
            default=0,
        )
        for block in blocks
    ]


def _improve(grid: Grid, best: Stacking, work: int) -> Stacking:
    """Change the order a little, again and again; keep what is no worse.

    No worse is a smaller arena, or the same with blocks that lie lower on the whole: that opens
    the gaps which a later change fills. One change in two aims at the block that ends highest.
    Now and then all blocks are placed again in the order in which they lie, so that what rested
    on a block that has moved falls down too.
    """
    dice = random.Random(0)
    here = best
    cost = len(grid.sizes) + sum(len(row) for row in grid.walls)
    for turn in range(min(ROUNDS, work // max(cost, 1))):
        if best.arena_bytes == grid.bound:
            break
        if turn % SETTLE_EVERY == SETTLE_EVERY - 1:
            trial = fill(grid, _settled(here))
        elif turn % 2:
            trial = fill(grid, _raised(grid, here, dice))
        else:
            trial = fill(grid, _moved(here, dice))
        if _rank(trial) <= _rank(here):
            here = trial
        if trial.arena_bytes < best.arena_bytes:
            best = trial
    return best


def _rank(packing: Stacking) -> tuple[int, int]:
    return packing.arena_bytes, sum(packing.at)


def _settled(packing: Stacking) -> list[int]:
    """The blocks by the height at which they lie."""
    return sorted(packing.order, key=lambda block: packing.at[block])


def _raised(grid: Grid, packing: Stacking, dice: random.Random) -> list[int]:
    """The order with the block that ends highest moved to an earlier place."""
    order = list(packing.order)
    ends = [packing.at[block] * grid.unit + grid.sizes[block] for block in order]
    top = ends.index(max(ends))
    order.insert(dice.randrange(top) if top else 0, order.pop(top))
    return order


def _moved(packing: Stacking, dice: random.Random) -> list[int]:
    """The order with any one block moved to any other place."""
    order = list(packing.order)
    order.insert(dice.randrange(len(order)), order.pop(dice.randrange(len(order))))
    return order
