"""Planning within a budget of RAM: the arena, the stack that the compiled program takes, its state.

    plan -> emit -> compile -> arena + stack + state <= budget?      no: plan for what they leave

Where the board's compiler is not here, or nothing is emitted, the arena alone is known, and counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lowtide.backends import emit, with_figures
from lowtide.check.code_size import Footprint, footprint
from lowtide.check.meter import Meter, find_meter
from lowtide.clock import Clock
from lowtide.errors import BudgetError, Suggestion
from lowtide.ir.graph import Graph
from lowtide.planner.costs import label
from lowtide.planner.filter_blocks import heeds_budget, plan_filters
from lowtide.planner.options import Options, Source
from lowtide.planner.plan import Plan
from lowtide.sizes import show_bytes

UNKNOWN = Footprint()

ROUNDS = 4
"""How often a plan is made anew for a smaller arena, where the planner takes a limit."""


@dataclass(frozen=True, eq=False)
class Sized:
    """A plan, its program if one was emitted, and the stack and state that this takes."""

    plan: Plan
    program: Mapping[str, bytes] | None = None
    beside: Footprint = UNKNOWN

    @property
    def ram_bytes(self) -> int:
        """The arena, and stack and state as far as they are known."""
        return self.plan.arena_bytes + (self.beside.ram_bytes or 0)

    @property
    def flash_bytes(self) -> int:
        """Weights and, as far as it is known, code."""
        return self.plan.profile.weight_bytes + (self.beside.code_bytes or 0)


def _header(sized: Sized) -> bytes:
    """net.h with what was measured."""
    assert sized.program is not None
    own, text = sized.beside, sized.program[f"{sized.plan.options.name}.h"]
    return with_figures(
        text, sized.plan, own.stack_bytes, own.state_bytes or 0, own.code_bytes, own.words
    )


@dataclass(frozen=True, eq=False)
class Planning:
    """A network to be planned; its programs are emitted and measured, if that is asked for."""

    source: Source
    graph: Graph
    clock: Clock
    measuring: bool = False
    absent: str = ""
    """Why no program is measured after all: nothing here compiles for the chip."""

    def plan(self, options: Options, room: int | None = None) -> Sized:
        """A plan, if possible for an arena of `room` bytes, with what its program takes."""
        return self.measure(plan_filters(self.source, self.graph, options, self.clock, room))

    def measure(self, plan: Plan) -> Sized:
        """A plan with what its program takes, if that is asked for."""
        meter = find_meter(plan.options) if self.measuring else None
        if meter is not None and self.absent:
            meter = Meter(meter.of, absent=self.absent)
        return sized(plan, meter, self.clock)

    def within(self, options: Options, limit: int | None) -> Sized:
        """A plan within `limit` bytes of RAM; if none is found, the plan that no limit gives.

        So a limit that is just what a plan without one takes is always met.
        """
        room = limit
        for _ in range(ROUNDS):
            if limit is None or room is None or not heeds_budget(self.graph, options):
                break
            found = self.plan(options, room)
            if found.ram_bytes <= limit:
                return found
            room = min(room, limit - (found.beside.ram_bytes or 0)) - 1
            if found.plan.arena_bytes > room + 1 or room < 0:
                break
        return self.plan(options)


def sized(plan: Plan, meter: Meter | None, clock: Clock) -> Sized:
    """A plan with what its program takes; without a meter nothing is emitted."""
    if meter is None:
        return Sized(plan)
    name = plan.options.name
    with clock("emitting C"):
        program = emit(plan)
    with clock("measuring stack and code"):
        weights = plan.profile.weight_bytes
        found = Sized(plan, program, footprint(program, meter, plan.arena_bytes, weights, name))
    return replace(found, program={**program, f"{name}.h": _header(found)})


def too_large(
    sized: Sized, limit: int, suggestions: Sequence[Suggestion] | None = None
) -> BudgetError:
    """The error of a missed limit: what is missing, what needs it, and what would do."""
    plan, beside = sized.plan, sized.beside
    file, fullest, live = plan.source.where, plan.fullest, plan.profile.lower_bound_bytes
    if beside.stack_bytes is None:
        what = f"{show_bytes(sized.ram_bytes)}: the arena alone, its stack is not measured"
        what += f": {beside.unknown}" if beside.meter else ""
    else:
        what = f"{show_bytes(sized.ram_bytes)}: {parts(sized)}"
    return BudgetError(
        f"{file}: needs {sized.ram_bytes} bytes of RAM ({what}), the budget is {limit};"
        f" {show_bytes(live)} live at one time, most at {label(fullest)} '{fullest.operator.name}'",
        {
            "arena_bytes": plan.arena_bytes,
            "stack_bytes": beside.stack_bytes,
            "state_bytes": beside.state_bytes,
            "ram_bytes": sized.ram_bytes,
            "budget_bytes": limit,
            "lower_bound_bytes": live,
            "peak_operator": fullest.operator.name,
        },
        suggestions,
    )


def too_much_flash(sized: Sized, limit: int, command: str) -> BudgetError:
    """The error of a missed flash, which no other plan meets, and the command with more of it."""
    size, weights = sized.flash_bytes, sized.plan.profile.weight_bytes
    code = sized.beside.code_bytes
    held = "code is not measured" if code is None else f"{code} of code and tables"
    more, needs = {"flash": str(size)}, f"{size} bytes of flash"
    return BudgetError(
        f"{sized.plan.source.where}: needs {size} bytes of flash ({weights} of weights, {held}), "
        f"there are {limit}",
        {
            "arena_bytes": sized.plan.arena_bytes,
            "ram_bytes": sized.ram_bytes,
            "flash_bytes": size,
            "flash_limit_bytes": limit,
            "weight_bytes": weights,
            "code_bytes": code,
        },
        [Suggestion(f"{command} --flash {size}", sized.ram_bytes, more, needs=needs)],
    )


def parts(sized: Sized) -> str:
    """What the RAM is made of: arena 5008, stack 1432, state 64."""
    held = {"stack": sized.beside.stack_bytes, "state": sized.beside.state_bytes}
    known = [f"{name} {size}" for name, size in held.items() if size]
    return ", ".join([f"arena {sized.plan.arena_bytes}", *known])
