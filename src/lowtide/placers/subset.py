"""Some blocks of a problem, as a solver is given them, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lowtide.placers.grid import Grid
from lowtide.placers.problem import Block


@dataclass(frozen=True)
class Answer:
    """What a run found: `at` has the unit of each block, or is None; `bound` is in bytes.

    No arena smaller than `bound` can hold the blocks.
    """

    at: dict[int, int] | None
    bound: int
    work: float
    """What the run cost, in the solver's deterministic units."""


@dataclass(frozen=True)
class Subset:
    """Some blocks of a grid, by number; `lives` has the lifetimes of all its blocks."""

    grid: Grid
    lives: Sequence[Block]
    blocks: tuple[int, ...]


def meet(a: Block, b: Block) -> bool:
    """Whether two blocks live at the same time."""
    return a.start < b.stop and b.start < a.stop
