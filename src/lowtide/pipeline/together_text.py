"""Networks in one arena, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lowtide.check.words import amount, shared_lines
from lowtide.quoting import for_terminal

if TYPE_CHECKING:
    from lowtide.pipeline.together import Together


def show_together(made: Together) -> str:
    """The result of a fit --together."""
    return "\n".join(_lines(made))


def _lines(made: Together) -> Iterator[str]:
    shared, facts = made.shared, made.figures
    yield f"{', '.join(shared.networks)}: by turns in one arena"
    for one in made.fitted:
        plan = one.plan
        checked = f"; {one.checks.shown}" if one.checks else ""
        named = for_terminal(plan.source.named, 160)
        yield f"  {plan.options.name:<14} {amount(plan.arena_bytes)}  {named}{checked}"
    yield from shared_lines(shared, made.turns)
    if made.package:
        yield str(made.package)
    if facts["ram_bytes"] is not None:
        beside = f"{facts['stack_bytes']} of stack, {facts['state_bytes'] or 0} of state"
        measured = for_terminal(made.fitted[0].footprint.words, 300)
        yield f"  RAM            {amount(facts['ram_bytes'])}  arena, {beside}"
        yield f"  measured       {measured}"
