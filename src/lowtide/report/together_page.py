"""report.html of networks in one arena: the turn of each, and what is kept through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lowtide.planner.plan import Plan
from lowtide.planner.together import Shared
from lowtide.quoting import for_terminal
from lowtide.report.page import sides_html
from lowtide.report.sides import Side, after


def together_html(shared: Shared, plans: Sequence[Plan]) -> str:
    """The page of all; `with_figures` writes its head, once they are known."""
    named = f"{', '.join(shared.networks)}, by turns in one arena"
    sides = {plan.options.name: _turn(shared, plan) for plan in plans}
    return sides_html(named, sides, shared.kept)


def _turn(shared: Shared, plan: Plan) -> Side:
    of_turns = f"bytes 0 to {shared.turn_bytes:,} are of whoever's turn it is"
    note = f"{for_terminal(plan.source.named)}; {of_turns}"
    head = f"The turn of {plan.options.name}"
    return replace(after(plan), head=head, note=note, arena_bytes=shared.arena_bytes)
