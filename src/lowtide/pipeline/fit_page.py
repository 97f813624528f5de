"""The figures at the head of report.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lowtide.planner.together import Shared
from lowtide.sizes import show_both, show_bytes, show_change

if TYPE_CHECKING:
    from lowtide.pipeline.fitted import Fitted


def page_figures(fitted: Fitted, budget: int | None) -> Iterator[tuple[str, str]]:
    """Words and value of each, as far as it was measured."""
    plan, own = fitted.plan, fitted.plan.profile
    before, after = own.layerwise_bytes, plan.arena_bytes
    if fitted.ram_bytes is not None:
        ram = fitted.ram_bytes
        words = (show_bytes(ram),) if budget is None else show_both(ram, budget)
        yield "RAM: arena, stack and state", " of ".join(words)
    elif budget is not None:
        yield "Budget, for the arena alone", show_bytes(budget)
    if fitted.flash_bytes is not None:
        yield "Flash: weights and code", show_bytes(fitted.flash_bytes)
    saved = f" ({show_change(before, after)})"
    yield "Arena, before and after", f"{show_bytes(before)} to {show_bytes(after)}{saved}"
    yield "Least for this order (bound)", show_bytes(own.lower_bound_bytes)
    yield "Work", f"{own.macs / 1e6:.2f} M multiply-adds"
    yield "Weights", show_bytes(own.weight_bytes)
    if fitted.on_chip is not None:
        yield fitted.on_chip.chip.name, str(fitted.on_chip)
    if fitted.checks is not None:
        yield "Checked", fitted.checks.shown_and_allowed


def shared_figures(shared: Shared, figures: Mapping[str, int | None]) -> Iterator[tuple[str, str]]:
    """The same of networks in one arena; `figures` are RAM and flash of all."""
    for words, key in (
        ("RAM: arena, largest stack, state", "ram_bytes"),
        ("Flash: weights and code", "flash_bytes"),
    ):
        size = figures[key]
        if size is not None:
            yield words, show_bytes(size)
    yield "Arena of all", show_bytes(shared.arena_bytes)
    yield "Kept through all turns", show_bytes(shared.arena_bytes - shared.turn_bytes)
