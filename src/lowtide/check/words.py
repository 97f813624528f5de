"""Checks in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lowtide.quoting import PATH_WIDTH, for_terminal
from lowtide.sizes import show_bytes

if TYPE_CHECKING:
    from lowtide.check.judge import Checks
    from lowtide.check.opinion import Built
    from lowtide.check.together import Turns
    from lowtide.check.verify import Verified
    from lowtide.check.verify_together import VerifiedTogether
    from lowtide.planner.together import Shared


def show_verified(verified: Verified) -> str:
    """The result of a verification in words."""
    arena = amount(verified.memory.arena_bytes).strip()
    head = f"{for_terminal(verified.memory.file)}: arena {arena}"
    if verified.checks is None:
        lines = [f"{head}, the placement passed; there is no program"]
    else:
        lines = [f"{head}, every check passed", *checked_lines(verified.checks)]
    if "original_file" in verified.memory.facts:
        lines.append("  approximated   compared with the file it was made of, not its original")
    return "\n".join([*lines, *changed_lines(verified.changed)])


def changed_lines(changed: Sequence[str]) -> list[str]:
    """Which files are not as lowtide wrote them, if any is."""
    names = ", ".join(map(for_terminal, changed))
    said = f"  changed        {names}: not as lowtide wrote it, checked as it is"
    return [said] if changed else []


def amount(count: int) -> str:
    """Bytes, and the same as people write it, as wide in every line."""
    return f"{count:>10} B ({show_bytes(count):>9})"


def checked_lines(checks: Checks) -> list[str]:
    return [
        f"  checked        {checks.checked_reads} reads, {checks.faults} faults ({checks.how})",
        f"  numbers        {checks.shown_and_allowed}",
        *_compiler(checks.built),
    ]


def _compiler(built: Built) -> list[str]:
    """Where the compiler was wrong: which, with what flags, and which ship instead."""
    if not built.failed:
        return []
    named = for_terminal(built.compiler)
    ships = " ".join(built.flags)
    return [
        f"  compiler       {named} is at fault: the sanitisers and -O2 agree that net.c is right",
        *(f"    {flags}: {for_terminal(why, PATH_WIDTH)}" for flags, why in built.failed),
        f"    {ships}: right, so it ships with these",
    ]


def show_verified_together(verified: VerifiedTogether) -> str:
    """The result of a verification in words."""
    shared = verified.shared
    passed = "every check passed" if verified.turns else "the placement passed; there is no program"
    lines = [f"{', '.join(shared.networks)}: {passed}"]
    for memory, one in zip(verified.memories, verified.checks, strict=True):
        checked = f"; {one.shown}" if one else ""
        file = for_terminal(memory.file)
        lines.append(f"  {memory.called:<14} {amount(memory.arena_bytes)}  {file}{checked}")
    lines += shared_lines(shared, verified.turns)
    lines += changed_lines(verified.changed)
    return "\n".join(lines)


def shared_lines(shared: Shared, turns: Turns | None) -> Iterator[str]:
    """The arena, what is kept in it, and turns that were run."""
    for held in shared.kept:
        name = f"{held.network}:{for_terminal(held.port)}"
        yield f"  kept           {amount(held.bytes)}  {name}, from byte {held.offset} on"
    kept = shared.arena_bytes - shared.turn_bytes
    yield f"  arena          {amount(shared.arena_bytes)}  of all; {kept} B of it kept"
    if turns:
        reads = f"{turns.reads} reads checked, 0 faults"
        yield f"  by turns       {turns.count} in random order, {reads}, nothing lost"
