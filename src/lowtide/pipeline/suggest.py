"""What would meet a budget that was missed: other options, each planned and measured before it is
told, and a larger budget as the last resort.

    what costs nothing  ->  what costs time, or the caller something  ->  several of these

The first group in which something fits ends the search; so does `SECONDS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import prod
from typing import Any

from lowtide.clock import Clock
from lowtide.errors import BudgetError, Suggestion, UnsupportedModel, UsageError
from lowtide.ir.graph import Graph
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.ram import Planning, Sized, too_large
from lowtide.planner.options import Options

SECONDS = 40.0
"""Of one core; after this nothing more is tried."""

OVERHEAD = 0.5
"""Extra multiply-adds that are tried; with a budget a plan does no more than it takes."""


class _TimeUpError(Exception):
    """The time for trying is over."""


@dataclass(frozen=True, eq=False)
class _Trial:
    """Options that were tried, and what came of them."""

    options: Options
    sized: Sized


@dataclass(frozen=True, eq=False)
class Flash:
    """The other memory: what was given of it, and what a plan's program may need."""

    given: int
    needs: Callable[[Sized], int]


@dataclass(frozen=True, eq=False)
class Asked:
    """The command whose budget, or flash, was missed."""

    model: str
    options: Options
    budget: int | None
    flash: Flash | None = None

    def flash_for(self, sized: Sized) -> int | None:
        """The flash that a program needs, if that is more than was given."""
        needed = 0 if self.flash is None else self.flash.needs(sized)
        return None if self.flash is None or needed <= self.flash.given else needed

    def suggestion(
        self, options: Options, sized: Sized, budget: int | None, ram: int
    ) -> Suggestion:
        """The command with other options and another budget, and more flash if it needs that."""
        changed, needs = _changes(self.options, options), []
        if budget is not None:
            changed["budget"] = str(budget)
            over = self.budget is not None and budget > self.budget
            needs += [f"a budget of {budget}"] if over else []
        command = fit_command(self.model, options, budget)
        if self.flash is not None:
            more = self.flash_for(sized)
            command += f" --flash {more or self.flash.given}"
            changed |= {"flash": str(more)} if more else {}
            needs += [f"{more} bytes of flash"] if more else []
        return Suggestion(command, ram, changed, needs=" and ".join(needs))


def missed(
    planning: Planning,
    options: Options,
    limit: int,
    sized: Sized,
    model: str,
    *,
    seconds: float = SECONDS,
    spare: int = 0,
    flash: Flash | None = None,
    settled: bool = False,
) -> BudgetError:
    """The error of a budget that `options` miss by `sized`, with commands that fit.

    `spare` is what the network may need more than what was planned in its place; of `sized`
    itself it is known that it needs none if that is `settled`. `flash` is the other memory.
    """
    asked, command = _Trial(options, sized), Asked(model, options, limit, flash)

    def meets(one: Sized) -> bool:
        return one.ram_bytes + spare <= limit and command.flash_for(one) is None

    tried = list(_tried(planning, asked, limit - spare, seconds, meets))
    found: list[tuple[_Trial, int | None]]
    found = [(one, limit) for one in tried if meets(one.sized)]
    same = [one for one in tried if command.flash_for(one.sized) is None]
    last = [asked] if found else [*_best(asked, same or tried), asked]
    found += [(one, None) for one in last]
    told = []
    for one, budget in found:
        ram = one.sized.ram_bytes + (0 if settled and one is asked else spare)
        told.append(command.suggestion(one.options, one.sized, budget or ram, ram))
    return too_large(sized, limit, told)


def _best(asked: _Trial, tried: Sequence[_Trial]) -> list[_Trial]:
    """What needs least, and what does with one option changed."""
    better = [one for one in tried if one.sized.ram_bytes < asked.sized.ram_bytes]
    better.sort(key=lambda one: one.sized.ram_bytes)
    simple = [one for one in better if len(_changes(asked.options, one.options)) == 1]
    return list(dict.fromkeys([*better[:1], *simple[:1]]))


def _changes(asked: Options, options: Options) -> dict[str, Any]:
    """The options that differ from those that were asked for, by name."""
    return {
        field.name: getattr(options, field.name)
        for field in fields(Options)
        if getattr(options, field.name) != getattr(asked, field.name)
    }


def _tried(
    planning: Planning,
    asked: _Trial,
    limit: int,
    seconds: float,
    meets: Callable[[Sized], bool],
) -> Iterator[_Trial]:
    """Plans by other options, until those of one group fit or the time is over."""
    end, say = time.process_time() + seconds, planning.clock.progress

    def watch(_: str) -> None:
        if time.process_time() > end:
            raise _TimeUpError

    watched = replace(planning, clock=Clock(watch))
    known = {asked.options}
    for group in _groups(asked, limit):
        fits = False
        for changed in group:
            if changed in known or _least(planning.graph, changed) > limit:
                continue
            known.add(changed)
            named = _named(asked.options, changed)
            over = asked.sized.ram_bytes - limit
            say(f"{over} bytes over the budget: trying {named}")
            try:
                made = _Trial(changed, watched.within(changed, limit))
            except (UsageError, UnsupportedModel, BudgetError):
                continue  # options that do not go together
            except _TimeUpError:
                say(f"tried other options for {seconds:.0f} s, and stops")
                return
            yield made
            fits = fits or meets(made.sized)
        if fits:
            return


def _groups(missed: _Trial, limit: int) -> Iterator[list[Options]]:
    """Options beside those that were asked for, the ones that cost least first."""
    asked = missed.options
    free: Mapping[str, Any] = _FREE if asked.tile is None else {"place": "exact", "order": "least"}
    best = replace(asked, **free)
    group = [*(replace(asked, **_one(name, value)) for name, value in free.items()), best]
    if missed.sized.plan.arena_bytes <= limit:  # the stack is in the way: other code, another one
        group.append(replace(asked, schedule="layerwise"))
    yield group
    prices = [
        change
        for change in _PRICES
        if any(getattr(asked, name) != value for name, value in change.items())
    ]
    yield [replace(best, **change) for change in prices]
    yield [
        replace(best, **{**one, **other})
        for k, one in enumerate(prices)
        for other in prices[k + 1 :]
    ]


def _one(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


_FREE: Mapping[str, Any] = {
    "schedule": "stream",
    "overlap": "group",
    "place": "exact",
    "order": "least",
    "fuse_pools": None,
}
"""Options that no result and no caller can tell from others."""

_PRICES: tuple[Mapping[str, Any], ...] = (
    {"max_overhead": OVERHEAD},
    {"image": "streamed", "keep_input": False},
    {"result": "streamed"},
    {"io_layout": "nhwc"},
    {"keep_input": False},
)


def _least(graph: Graph, options: Options) -> int:
    """The inputs lie in the arena at first, the outputs at last."""
    size = options.element_bytes or 4
    ends = [
        names
        for names, way in ((graph.inputs, options.image), (graph.outputs, options.result))
        if way != "streamed"
    ]
    return max((sum(size * prod(graph.shape(n)) for n in names) for names in ends), default=0)


def _named(asked: Options, changed: Options) -> str:
    differ = _changes(asked, changed)
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in differ.items())
