"""Addresses for buffers with lifetimes: the classical problem, placed and checked."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.check.buffers import check_buffers
from lowtide.clock import Progress, quiet
from lowtide.errors import BudgetError, CheckError
from lowtide.minimalloc.buffers import Buffer, problem_of
from lowtide.placers import exact
from lowtide.placers.problem import Placement


def place_buffers(
    buffers: Sequence[Buffer],
    capacity: int | None = None,
    *,
    seconds: float = 20.0,
    progress: Progress = quiet,
) -> Placement:
    """Addresses for the buffers within `capacity` bytes, or in the least memory if it is None.

    Raises BudgetError if they do not fit or were not found to. The placement has been checked.
    """
    for buffer in buffers:
        if capacity is not None and buffer.size > capacity:
            what = f"buffer '{buffer.name}' alone has {buffer.size}"
            raise BudgetError(f"cannot fit in {capacity} bytes: {what}")
    progress(f"placing {len(buffers)} buffers")
    problem = problem_of(buffers)
    if capacity is not None and problem.lower_bound > capacity:
        what = f"{problem.lower_bound} are live at one time"
        raise BudgetError(f"cannot fit in {capacity} bytes: {what}")
    placed = exact.place(problem, seconds=seconds, enough=capacity or 0)
    if len({buffer.alignment for buffer in buffers}) > 1:
        # the bound holds for buffers that are all aligned alike, which these need not be
        least = problem.lower_bound == placed.arena_bytes
        placed = Placement(placed.offsets, placed.arena_bytes, least, problem.lower_bound)
    faults = check_buffers(buffers, placed.offsets, placed.arena_bytes)
    if faults:
        raise CheckError(f"the placement is unsound: {faults[0]}")
    if capacity is not None and placed.arena_bytes > capacity:
        proof = placed.bound > capacity
        verdict = "cannot fit" if proof else "found no way to fit"
        known = f"{placed.bound} are needed at least" if proof else "nor a proof that there is none"
        raise BudgetError(f"{verdict} in {capacity} bytes, {known}; {placed.arena_bytes} will do")
    return placed
