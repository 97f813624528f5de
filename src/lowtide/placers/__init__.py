"""Where each storage lies: one placer a file, and the file's name is what people type.

greedy  the best of several cheap orders, then a bounded improvement; about a second at most
exact   CP-SAT, started from greedy; says when the answer is proven least
"""

from __future__ import annotations

from lowtide.errors import UsageError
from lowtide.placers import exact, greedy
from lowtide.placers.problem import Placement, Problem

PLACERS = ("greedy", "exact")


def place(problem: Problem, how: str, *, seconds: float = 20.0) -> Placement:
    """Place `problem` with the placer named `how`; `seconds` limits the exact one."""
    if how == "greedy":
        return greedy.place(problem)
    if how == "exact":
        return exact.place(problem, seconds=seconds)
    raise UsageError(f"--place {how}: there is no such placer; choose one of: {', '.join(PLACERS)}")
