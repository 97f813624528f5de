"""Endless input: what net.h says of it, and the numbers that it defines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from lowtide.ir.pushes import Delay
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c

_INDENT = " " * 10


def defines(plan: Plan) -> list[str]:
    """Rows a call, and the calls before the first valid results."""
    pushes = plan.layout.graph.pushes
    if pushes is None:
        return []
    return [f"#define NET_PUSH_ROWS {pushes.rows}", f"#define NET_DELAY {pushes.delay}"]


def said(plan: Plan) -> list[str]:
    """What a call takes and makes of an endless input, for the comment at the top of net.h."""
    pushes = plan.layout.graph.pushes
    if pushes is None:
        return []
    lines = [
        f"   push   each call takes the next {pushes.rows} rows of the input, which never ends"
    ]
    for text in (*map(_delayed, pushes.delays), *_changed(plan)):
        lines += textwrap.wrap(text, 92, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return lines


def _delayed(one: Delay) -> str:
    early = f"the first {one.pushes} calls make it of what net_reset() has left, too"
    if not one.rows:
        return f"output '{for_c(one.output)}': {early}"
    late = f" - {one.late}" if one.late > 0 else f" + {-one.late}" if one.late else ""
    first = f"{one.rows} * n{late}" if one.rows > 1 else f"n{late}"
    which = f"rows {first} and on, {one.rows} of them" if one.rows > 1 else f"row {first}"
    return f"output '{for_c(one.output)}': call n, from 0, makes {which}; {early}"


def _changed(plan: Plan) -> Iterator[str]:
    pushes = plan.layout.graph.pushes
    assert pushes is not None
    if pushes.dropped:
        yield f"padding along time is dropped, of {len(pushes.dropped)} operators"
    for name, rows in pushes.windows.items():
        yield f"'{for_c(name)}' runs on the last {rows} rows"
