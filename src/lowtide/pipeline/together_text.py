"""Networks in one arena, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lowtide.check.together import Turns
from lowtide.check.verify_together import VerifiedTogether
from lowtide.pipeline.fit_text import amount, changed_lines
from lowtide.planner.together import Shared
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
    yield from _shared(shared, made.turns)
    if made.package:
        yield str(made.package)
    if facts["ram_bytes"] is not None:
        beside = f"{facts['stack_bytes']} of stack, {facts['state_bytes'] or 0} of state"
        measured = for_terminal(made.fitted[0].footprint.words, 300)
        yield f"  RAM            {amount(facts['ram_bytes'])}  arena, {beside}"
        yield f"  measured       {measured}"


def show_verified_together(verified: VerifiedTogether) -> str:
    """The result of a verification in words."""
    shared = verified.shared
    passed = "every check passed" if verified.turns else "the placement passed; there is no program"
    lines = [f"{', '.join(shared.networks)}: {passed}"]
    for memory, one in zip(verified.memories, verified.checks, strict=True):
        checked = f"; {one.shown}" if one else ""
        file = for_terminal(memory.file)
        lines.append(f"  {memory.called:<14} {amount(memory.arena_bytes)}  {file}{checked}")
    lines += _shared(shared, verified.turns)
    lines += changed_lines(verified.changed)
    return "\n".join(lines)


def _shared(shared: Shared, turns: Turns | None) -> Iterator[str]:
    """The arena, what is kept in it, and turns that were run."""
    for held in shared.kept:
        name = f"{held.network}:{for_terminal(held.port)}"
        yield f"  kept           {amount(held.bytes)}  {name}, from byte {held.offset} on"
    kept = shared.arena_bytes - shared.turn_bytes
    yield f"  arena          {amount(shared.arena_bytes)}  of all; {kept} B of it kept"
    if turns:
        reads = f"{turns.reads} reads checked, 0 faults"
        yield f"  by turns       {turns.count} in random order, {reads}, nothing lost"
