"""Some blocks of a grid as a CP-SAT model, and one deterministic run of the solver on it.

    a[i]      the unit at which block i lies
    boxes     blocks that keep wholly apart whenever they live at the same time are rectangles,
              lifetime by height, none of which may overlap: one constraint for all of them
    pairs     any other pair has one boolean for each forbidden interval, the side it is on

        a_i - a_j    --- not over[0] ---]      [--- over[0] ---]      [--- over[1] ---
                                       low    high            low    high

One worker does better here than the portfolio that several would run: on row problems it proves
in milliseconds what eight take seconds for, on classical ones it fits what they do not. OR-Tools
takes a third of a second to import and most problems need no solver: import this where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from math import ceil

from ortools.sat.python import cp_model

from lowtide.errors import LowtideError
from lowtide.placers.problem import Block
from lowtide.placers.subset import Answer, Subset, meet

BACKSTOP = 200.0
"""Wall-clock seconds allowed for each unit of the solver's work before it is stopped."""

LEAST_BACKSTOP = 60.0
"""And so many at least: on a busy machine a run of little work waits, and its plan is the same."""


def fit(part: Subset, arena: int, work: float) -> Answer:
    """Looks for units within `arena` bytes; `work` limits the run, in the solver's own units.

    The answer's bound is `arena`, or one more if no such units exist.
    """
    model, at = _model(part, arena)
    return _run(model, at, arena, work)


def minimise(part: Subset, bound: int, start: Sequence[int], work: float) -> Answer:
    """Looks for units that need the least arena, at least `bound` bytes; begins at `start`."""
    grid = part.grid
    ends = {i: start[i] * grid.unit + grid.sizes[i] for i in part.blocks}
    most = max(bound, *ends.values())
    model, at = _model(part, most)
    arena = model.new_int_var(bound, most, "arena")
    for i, unit in at.items():
        model.add(unit * grid.unit + grid.sizes[i] <= arena)
        model.add_hint(unit, start[i])
    model.add_hint(arena, most)
    model.minimize(arena)
    return _run(model, at, bound, work)


def _model(part: Subset, arena: int) -> tuple[cp_model.CpModel, dict[int, cp_model.IntVar]]:
    """The blocks within `arena` bytes and none in another's way."""
    grid, model = part.grid, cp_model.CpModel()
    at = {
        i: model.new_int_var(0, (arena - grid.sizes[i]) // grid.unit, f"a{i}") for i in part.blocks
    }
    boxes = _boxes(part)
    if boxes:
        model.add_no_overlap_2d(
            [_life(model, part.lives[i]) for i in boxes],
            [model.new_fixed_size_interval_var(at[i], grid.height(i), f"y{i}") for i in boxes],
        )
    inside = set(boxes)
    for (i, j), spans in grid.pairs.items():
        boxed = i in inside and j in inside and meet(part.lives[i], part.lives[j])
        if i in at and j in at and not boxed:
            _keep_apart(model, at[i] - at[j], spans, f"{i}.{j}")
    return model, at


def _life(model: cp_model.CpModel, block: Block) -> cp_model.IntervalVar:
    return model.new_fixed_size_interval_var(block.start, block.stop - block.start, block.name)


def _keep_apart(
    model: cp_model.CpModel,
    difference: cp_model.LinearExpr,
    spans: Sequence[tuple[int, int]],
    name: str,
) -> None:
    """`difference` is outside each of `spans`; whatever is over one is over those before it."""
    before: cp_model.IntVar | None = None
    for low, high in spans:
        over = model.new_bool_var(f"over{name}")
        model.add(difference >= high).only_enforce_if(over)
        model.add(difference <= low).only_enforce_if(~over)
        if before is not None:
            model.add_implication(over, before)
        before = over


def _boxes(part: Subset) -> list[int]:
    """Blocks that live and, two by two, either do so at other times or must keep wholly apart."""
    pairs, height = part.grid.pairs, part.grid.height
    inside = set(part.blocks)
    apart: dict[int, set[int]] = {i: set() for i in part.blocks}
    for (i, j), spans in pairs.items():
        if i in inside and j in inside and spans == ((-height(i), height(j)),):
            apart[i].add(j)
            apart[j].add(i)
    chosen: list[int] = []
    for i in sorted(part.blocks, key=lambda i: (-len(apart[i]), i)):
        life = part.lives[i]
        alone = all(j in apart[i] or not meet(life, part.lives[j]) for j in chosen)
        if alone and life.start < life.stop:
            chosen.append(i)
    return sorted(chosen)


def _run(
    model: cp_model.CpModel, at: Mapping[int, cp_model.IntVar], bound: int, work: float
) -> Answer:
    """One run, the same on every machine: one worker, a fixed seed, a limit on its work."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = work
    solver.parameters.max_time_in_seconds = max(BACKSTOP * work, LEAST_BACKSTOP)
    status = solve_interruptibly(solver, model)
    spent = solver.response_proto.deterministic_time
    if status == cp_model.MODEL_INVALID:
        raise LowtideError(f"the placement model is invalid: {model.validate()}")
    if status == cp_model.INFEASIBLE:
        return Answer(None, bound + 1, spent)
    if model.has_objective():
        bound = max(bound, ceil(solver.best_objective_bound - 1e-6))
    if status == cp_model.UNKNOWN:
        return Answer(None, bound, spent)
    return Answer({i: solver.value(unit) for i, unit in at.items()}, bound, spent)


def solve_interruptibly(solver: cp_model.CpSolver, model: cp_model.CpModel) -> int:
    """Runs solver.solve(model) so that Ctrl-C stops it soon and reaches the caller's own handler.

    The solver would install a handler and afterwards leave the signal at its default, which ends
    the process; and a thread inside it hears of no signal. So it runs in another thread.
    """
    solver.parameters.catch_sigint_signal = False
    with ThreadPoolExecutor(1) as pool:
        solved = pool.submit(solver.solve, model)
        try:
            return int(solved.result())
        except BaseException:
            while not solved.done():  # it cannot be stopped before it has begun
                solver.stop_search()
                wait([solved], 0.05)
            raise
