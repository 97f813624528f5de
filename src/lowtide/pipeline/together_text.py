"""Networks in one arena, in words."""

from __future__ import annotations

from collections.abc import Iterator

from lowtide.check.together import Turns
from lowtide.check.verify_together import VerifiedTogether
from lowtide.pipeline.together import Together
from lowtide.planner.together import Shared
from lowtide.quoting import for_terminal
from lowtide.sizes import show_bytes


def show_together(made: Together) -> str:
    """The result of a fit --together."""
    lines = [*_lines(made)]
    return "\n".join(lines)


def _lines(made: Together) -> Iterator[str]:
    shared, facts = made.shared, made.facts()
    yield f"{', '.join(shared.networks)}: by turns in one arena"
    for one in made.fitted:
        plan = one.plan
        checked = f"; {one.checks.shown}" if one.checks else ""
        named = for_terminal(plan.source.named, 160)
        yield f"  {plan.options.name:<14} {_size(plan.arena_bytes)}  {named}{checked}"
    yield from _shared(shared, made.turns)
    if facts["ram_bytes"] is not None:
        beside = f"{facts['stack_bytes']} of stack, {facts['state_bytes'] or 0} of state"
        yield f"  RAM            {_size(facts['ram_bytes'])}  arena, {beside} (of this PC)"


def show_verified_together(verified: VerifiedTogether) -> str:
    """The result of a verification in words."""
    shared = verified.shared
    passed = "every check passed" if verified.turns else "the placement passed; there is no program"
    lines = [f"{', '.join(shared.networks)}: {passed}"]
    for memory, one in zip(verified.memories, verified.checks, strict=True):
        checked = f"; {one.shown}" if one else ""
        file = for_terminal(memory.file)
        lines.append(f"  {memory.called:<14} {_size(memory.arena_bytes)}  {file}{checked}")
    lines += _shared(shared, verified.turns)
    if verified.changed:
        names = ", ".join(map(for_terminal, verified.changed))
        lines.append(f"  changed        {names}: not as lowtide wrote it, checked as it is")
    return "\n".join(lines)


def _shared(shared: Shared, turns: Turns | None) -> Iterator[str]:
    """The arena, what is kept in it, and turns that were run."""
    for held in shared.kept:
        name = f"{held.network}:{for_terminal(held.port)}"
        yield f"  kept           {_size(held.bytes)}  {name}, from byte {held.offset} on"
    kept = shared.arena_bytes - shared.turn_bytes
    yield f"  arena          {_size(shared.arena_bytes)}  of all; {kept} B of it kept"
    if turns:
        reads = f"{turns.reads} reads checked, 0 faults"
        yield f"  by turns       {turns.count} in random order, {reads}, nothing lost"


def _size(count: int) -> str:
    return f"{count:>10} B ({show_bytes(count):>9})"
