"""What is carried from call to call: how it begins, and what net.h says of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lowtide.backends.c99.arena import head
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines
from lowtide.backends.c99.types import only_floats
from lowtide.ir.dtype import F32
from lowtide.layout.ports import Carried
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c


def emit_reset(program: Program, lines: Lines) -> None:
    """net_reset_in(): the states as they are before the first call."""
    plan = program.plan
    if not plan.states:
        return
    lines.add()
    with lines.block(head(plan, "net_reset")):
        lines.add("unsigned char *const arena = (unsigned char *)memory;")
        lines.add("JUDGED(arena);" if only_floats(plan) else "JUDGED(arena);\nKEEP_CALL;")
        for one in plan.states:
            initial = f"{one.initial}.0f" if one.output.type == F32 else f"{one.initial}"
            lines.loop("i", one.output.elements)
            lines.add(f"WRITE({storages(program, one)[1]}, 0, i, {initial});")
            lines.close()


def storages(program: Program, one: Carried) -> tuple[str, str]:
    """The C names of where a call reads a state, and of where it leaves it: the same bytes."""
    places = program.plan.layout.places
    read, written = (places[port.tensor].storage for port in (one.input, one.output))
    return program.storage(read), program.storage(written)


def said(plan: Plan) -> list[str]:
    """What is carried, for the comment at the top of net.h."""
    if not plan.states:
        return []
    total = sum(one.bytes for one in plan.states)
    lines = [f"   state  {total} bytes of the arena stay from call to call:", *_each(plan)]
    zero = "" if all(one.initial == 0 for one in plan.states) else ", which is not their beginning"
    text = (
        "Nothing else may write to them between two calls; they are free for nobody (NET_FREE). "
        "net_reset() makes them what they are before the first call, and whenever a sequence "
        f"begins anew. Without it they are what the memory is: 0 in a static arena{zero}."
    )
    return [*lines, *textwrap.wrap(text, 92, initial_indent=_INDENT, subsequent_indent=_INDENT)]


_INDENT = " " * 10


def _each(plan: Plan) -> Iterator[str]:
    for one in plan.states:
        first = plan.offset[plan.layout.places[one.input.tensor].storage]
        text = (
            f"output '{for_c(one.output.name)}' becomes input '{for_c(one.input.name)}': bytes "
            f"{first} to {first + one.bytes - 1}, at first all {one.initial}"
        )
        yield from textwrap.wrap(text, 92, initial_indent=_INDENT, subsequent_indent=_INDENT)
