"""Chips that an exploration asks about: whether each holds a plan, as `fit --chip` answers it.

    plan -> (made anew for the chip's processor, if that is another) -> compiled -> fits?

The chips change nothing of what is tried: a plan is made as if there were room, and looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.check.meter import find_meter
from lowtide.clock import Clock
from lowtide.ir.graph import Graph
from lowtide.pipeline.on_chip import Limits, OnChip, taken
from lowtide.pipeline.ram import Planning, Sized
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options

Asked = tuple[Limits, ...]


def chips_of(names: str | Sequence[str] | None) -> Asked:
    """The chips of these names, each once; UsageError for one that there is not."""
    given = (names,) if isinstance(names, str) else names or ()
    return tuple(Limits.of(None, name) for name in dict.fromkeys(given))


def for_all(given: Options, chips: Asked) -> Options:
    """For the chips' processor where they have one in common; else as given."""
    cpus = {one.options(given).cpu for one in chips}
    return replace(given, cpu=cpus.pop()) if len(cpus) == 1 else given


def on_each(own: Sized, graph: Graph, chips: Asked, clock: Clock) -> tuple[OnChip, ...]:
    """What a plan takes of each chip; for chips of one processor it is made and compiled once."""
    plan = own.plan
    made = {(plan.options, ""): own} if own.program is not None else {}

    def of(limits: Limits) -> Sized:
        asked = limits.options(plan.options)
        key = asked, limits.absent(asked)
        if key not in made:
            same = asked == plan.options
            again = plan if same else make_plan(plan.source, graph, asked, clock)
            planning = Planning(plan.source, graph, clock, asked.element_bytes is None, key[1])
            made[key] = planning.measure(again)
        return made[key]

    return tuple(taken(of(one), one) for one in chips)


def found_before(
    kept: Sequence[OnChip], recipe: Options, chips: Asked
) -> tuple[OnChip, ...] | None:
    """What is known of just these chips; None if one is missing, or can be measured by now."""
    known = {one.chip: one for one in kept if one.stacked or not _measured(one.limits, recipe)}
    found = [known[one.chip] for one in chips if one.chip in known]
    return tuple(found) if len(found) == len(chips) else None


def compilers(recipe: Options, code: bool, chips: Asked) -> tuple[str, ...]:
    """What measures here, for the code and for each chip, or why nothing does."""
    asked = [recipe] if code else []
    meters = [find_meter(one) for one in (*asked, *(chip.options(recipe) for chip in chips))]
    return tuple(one.absent or one.words for one in meters)


def _measured(limits: Limits, recipe: Options) -> bool:
    """Whether something here compiles for the chip."""
    own = limits.options(recipe)
    return own.element_bytes is None and not (limits.absent(own) or find_meter(own).absent)


def not_measured(chips: Sequence[OnChip]) -> list[str]:
    """esp32s3: stack and code are not measured."""
    said = []
    for one in chips:
        parts = [n for n, known in (("stack", one.stacked), ("code", one.measured)) if not known]
        was = "is" if len(parts) == 1 else "are"
        if parts:
            said.append(f"{one.chip.name}: {' and '.join(parts)} {was} not measured.")
    return said
