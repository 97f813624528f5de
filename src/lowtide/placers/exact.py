"""The least placement by constraint programming, or the best found and how far it may be off.

Greedy goes first: if it meets the bound nothing is left to prove. Otherwise the problem shrinks
before CP-SAT sees it:

- Blocks that no chain of forbidden intervals connects are placed independently.
- A block whose neighbours cannot, wherever they lie, take all the room below the bound always
  finds a place at the end. With it gone its neighbours may follow.

What is left is first asked to fit the bound itself, which is often possible and far easier than
to minimise; only then is the arena minimised, from greedy's placement down. Blocks that keep
wholly apart are bars, which the search along the skyline fits best: it is asked before CP-SAT.

The limit that binds is the solver's own count of work, not the clock, and the seed is fixed: the
same problem gives the same bytes. Wall-clock time only stops a solver that has gone astray.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.placers import greedy
from lowtide.placers.bars import fit_bars
from lowtide.placers.grid import UNPLACED, Grid, grid_of, lowest
from lowtide.placers.problem import Placement, Problem
from lowtide.placers.subset import Answer, Subset

WORK_PER_SECOND = 0.1
"""The solver's deterministic units in a second of one core: measured, within a factor of three."""

HALVINGS = 8


def place(problem: Problem, *, seconds: float, enough: int = 0) -> Placement:
    """The least placement, proven if about `seconds` of one core suffice.

    Else the best that was found, with the bound that is proven. If an arena of `enough` bytes is
    found, nothing smaller is looked for.
    """
    grid = grid_of(problem)
    at = list(greedy.pack(grid, problem.blocks).at)
    bound, work, reached = grid.bound, seconds * WORK_PER_SECOND, enough
    parts = sorted(_components(grid), key=lambda part: -_arena(grid, at, part))
    for part in parts:
        if _arena(grid, at, part) <= max(bound, reached) or work <= 0:
            break  # neither this part nor the lower ones that follow decide the arena
        answer = _solve(Subset(grid, problem.blocks, part), at, max(bound, enough), work)
        for block, unit in (answer.at or {}).items():
            at[block] = unit
        if answer.bound > max(bound, enough):  # what was asked for first is proven not to exist
            bound = answer.bound
        work -= answer.work
        reached = max(reached, _arena(grid, at, part))
    return grid.placement(at, bound)


def _solve(part: Subset, start: Sequence[int], arena: int, work: float) -> Answer:
    """Better units for the blocks of `part` than those they have in `start`, if there are any.

    The answer's bound is `arena`, or more if that is proven to be too small.
    """
    core, others = _core(part, arena)
    answer = fit_bars(core, arena, work / 2)
    if answer is None or answer.at is None:
        answer = _by_solver(core, answer, start, arena, work)
    if answer.at is None:
        return answer
    at = [UNPLACED] * len(part.grid.sizes)
    for block, unit in answer.at.items():
        at[block] = unit
    for block in others:
        at[block] = lowest(part.grid.walls[block], at)
    return replace(answer, at={block: at[block] for block in part.blocks})


def _by_solver(
    core: Subset, bars: Answer | None, start: Sequence[int], arena: int, work: float
) -> Answer:
    """What CP-SAT finds where bars found nothing: within `arena` if that may be, else the least."""
    from lowtide.placers import cp_sat  # takes a third of a second, and few problems come here

    answer = bars
    if answer is None or answer.bound == arena:
        spent = answer.work if answer else 0.0
        answer = cp_sat.fit(core, arena, (work - spent) / 2)
        answer = replace(answer, work=answer.work + spent)
    if answer.at is not None:
        return answer
    closer = _closer(core, answer.bound, start, (work - answer.work) / 2)
    spent = answer.work + closer.work
    here = [(closer.at or {}).get(block, unit) for block, unit in enumerate(start)]
    answer = cp_sat.minimise(core, closer.bound, here, max(work - spent, 0.0))
    return replace(answer, at=answer.at or closer.at, work=answer.work + spent)


def _closer(core: Subset, bound: int, start: Sequence[int], work: float) -> Answer:
    """Halve the distance between `bound` and `start`, a few times, as far as bars fit."""
    low, high, spent = bound, _arena(core.grid, start, core.blocks), 0.0
    best = Answer(None, bound, 0.0)
    for _ in range(HALVINGS):
        middle = (low + high) // 2
        if not low < middle < high:
            break
        answer = fit_bars(core, middle, work / HALVINGS)
        if answer is None:
            break
        spent += answer.work
        if answer.at is None:
            low = middle
            if answer.bound > middle:  # proven too small
                best = replace(best, bound=answer.bound)
        else:
            at = [answer.at.get(block, UNPLACED) for block in range(len(start))]
            high = _arena(core.grid, at, core.blocks)
            best = replace(best, at=answer.at)
    return replace(best, work=spent)


def _core(part: Subset, arena: int) -> tuple[Subset, list[int]]:
    """`part` without the blocks that find a place in any case, and those in the order to put back.

    In an arena of n units a block of height h has n - h + 1 places, and a neighbour that it may
    not be within (low, high) of takes high - low - 1 of them at most.
    """
    grid, kept, dropped = part.grid, set(part.blocks), list[int]()
    found = True
    while found:
        found = False
        for block in sorted(kept):
            places = (arena - grid.sizes[block]) // grid.unit + 1
            taken = sum(high - low - 1 for other, low, high in grid.walls[block] if other in kept)
            if taken < places:
                kept.remove(block)
                dropped.append(block)
                found = True
    return replace(part, blocks=tuple(sorted(kept))), dropped[::-1]


def _components(grid: Grid) -> list[tuple[int, ...]]:
    """The blocks in groups that no forbidden interval connects."""
    seen: set[int] = set()
    parts = []
    for first in range(len(grid.sizes)):
        if first in seen:
            continue
        part, grown = {first}, [first]
        while grown:
            new = {other for other, _, _ in grid.walls[grown.pop()]} - part
            part |= new
            grown += sorted(new)
        seen |= part
        parts.append(tuple(sorted(part)))
    return parts


def _arena(grid: Grid, at: Sequence[int], part: Sequence[int]) -> int:
    """The bytes that the blocks of `part` reach up to."""
    return max(at[block] * grid.unit + grid.sizes[block] for block in part)
