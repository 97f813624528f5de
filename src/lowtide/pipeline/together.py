"""fit_together(): several networks that take turns in one arena, as one folder.

each: read -> plan          all: one arena          each: emit, judge          all: turns
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lowtide.backends import alignment, emit_together
from lowtide.check.meter import Meter, meter_for
from lowtide.check.together import Guest, Turns, judge_shared, judge_turns
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError, UsageError
from lowtide.files.several import one_folder
from lowtide.pipeline.asked import options_of
from lowtide.pipeline.fit import check_target, finished
from lowtide.pipeline.fit_page import shared_figures
from lowtide.pipeline.fitted import Fitted
from lowtide.pipeline.keep import read_kept
from lowtide.pipeline.package import Package, pack
from lowtide.pipeline.ram import ROUNDS, Planning, Sized, sized
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.read_states import words_of
from lowtide.pipeline.result import Result
from lowtide.pipeline.signature import signed
from lowtide.pipeline.together_text import show_together
from lowtide.planner.filter_blocks import heeds_budget
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.planner.shared_json import shared_json
from lowtide.planner.together import Shared, share
from lowtide.quoting import for_terminal, network_name
from lowtide.report.page import with_figures
from lowtide.report.together_page import together_html
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes, show_bytes

MOST = 16
"""Networks in one arena."""


@dataclass(frozen=True, repr=False)
class Together(Result):
    """Networks in one arena, each checked, and their turns; `files` is the folder."""

    shared: Shared
    fitted: tuple[Fitted, ...]
    turns: Turns | None
    files: Mapping[str, bytes]
    package: Package | None = None

    def facts(self) -> dict[str, Any]:
        """Everything `fit --together --json` prints."""
        each = [one.facts() for one in self.fitted]
        return {
            **asdict(self.shared),
            "networks": dict(zip(self.shared.networks, each, strict=True)),
            **self.figures,
            **({"package": self.package.facts()} if self.package else {}),
            "turns": self.turns.count if self.turns else None,
            "turn_reads": self.turns.reads if self.turns else None,
        }

    @property
    def _read(self) -> Sequence[Path]:
        return [one.model for one in self.fitted if one.model]

    def __str__(self) -> str:
        """What the command says."""
        return show_together(self)

    def __repr__(self) -> str:
        ram = self.figures["ram_bytes"]
        held = "" if ram is None else f", {show_bytes(ram)} of RAM"
        arena = show_bytes(self.shared.arena_bytes)
        return f"<Together {', '.join(self.shared.networks)}: {arena} of arena{held}>"

    @property
    def figures(self) -> dict[str, int | None]:
        """RAM and flash of all."""
        return _figures(self.shared, self.fitted)


def _figures(shared: Shared, fitted: Sequence[Fitted]) -> dict[str, int | None]:
    """RAM and flash of all: the largest stack, for one runs at a time."""
    beside = [one.footprint for one in fitted]
    stack = _each(max, [one.stack_bytes for one in beside])
    state = _each(sum, [one.state_bytes for one in beside])
    ram = None if stack is None else shared.arena_bytes + stack + (state or 0)
    flash = _each(sum, [one.flash_bytes for one in fitted])
    return {"stack_bytes": stack, "state_bytes": state, "ram_bytes": ram, "flash_bytes": flash}


def _each(how: Any, figures: Sequence[int | None]) -> int | None:
    """All figures together; None where one is not known."""
    known = [one for one in figures if one is not None]
    return int(how(known)) if known and len(known) == len(figures) else None


def fit_together(
    models: Sequence[Model],
    *,
    name: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    endless: Sequence[str] = (),
    budget: str | int | None = None,
    target: Literal["c99", "none"] = "c99",
    schedule: Literal["layerwise", "stream"] | None = None,
    order: Literal["given", "least"] | None = None,
    overlap: Literal["none", "row", "group", "pixel"] | None = None,
    place: Literal["greedy", "exact"] | None = None,
    objective: Literal["memory", "balanced", "latency"] | None = None,
    cpu: str | None = None,
    cc: str | None = None,
    package: str | None = None,
    state: Sequence[str] | None = None,
    options: Options | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Together:
    """Plans networks that take turns into one arena, and checks each, and all by turns.

    `name` is what each is called; without it their files say. `keep` names what survives the
    turns of others: "face:image", an input or output; "face:features=wake:image" are the same
    bytes. States are of a network: "wake:h_out:h". Rows of those in `endless` come for ever:
    "wake", or "wake:49" with a window of 49. `budget` is for all together. The rest is as for
    `fit`, the same for each network; fields of `lowtide.Options` that are no keyword here go into
    `options`. Raises ModelError, BudgetError, CheckError and UsageError.
    """
    beside = {
        "schedule": schedule, "order": order, "overlap": overlap, "place": place, "cpu": cpu,
        "objective": objective, "cc": cc, "package": package, "state": state, "options": options,
    }  # fmt: skip
    say = progress or quiet
    clock = Clock(say)
    limit = None if budget is None else parse_bytes(budget, "--budget")
    options = options_of({key: value for key, value in beside.items() if value is not None})
    check_target(options, target)
    called = _called(models, name)
    words, windows = words_of(options.state, called), _endless(endless, called)
    meter = meter_for(options, target)
    networks = []
    for model, name in zip(models, called, strict=True):
        say(f"planning {name}")
        own = replace(options, name=name, package=None, state=words[name])
        if name in windows:
            own = replace(own, image="endless", window=windows[name])
        source, graph = read(model, clock, None, max_elements, options=own)
        networks.append((Planning(source, graph, clock), own))
    plans = [planning.plan(own).plan for planning, own in networks]
    shared, all_sized = _sized(plans, keep, meter, clock)
    for _ in range(ROUNDS):
        if limit is None or _ram(shared, all_sized) <= limit:
            break
        room = limit - _ram(shared, all_sized) + shared.turn_bytes
        anew = [
            planning.plan(own, room).plan
            if plan.arena_bytes > room and heeds_budget(planning.graph, own)
            else plan
            for (planning, own), plan in zip(networks, plans, strict=True)
        ]
        if [plan.arena_bytes for plan in anew] == [plan.arena_bytes for plan in plans]:
            break
        plans = anew
        shared, all_sized = _sized(plans, keep, meter, clock)
    if limit is not None and _ram(shared, all_sized) > limit:
        raise _too_large(shared, all_sized, limit)
    fitted = []
    for model, one, (planning, _) in zip(models, all_sized, networks, strict=True):
        say(f"checking {one.plan.options.name}")
        fitted.append(finished(model, one, target, {}, clock, planning.graph, None, limit))
    with clock("checking the arena of all"):
        judge_shared(shared, [one.memory for one in fitted])
    if target == "none":
        return Together(shared, tuple(fitted), None, _files(shared, fitted, {}))
    made = emit_together([one.plan for one in fitted], shared)
    files = _files(shared, fitted, made)
    guests = [
        Guest(one.memory, one.checks.samples, one.checks.built.flags)
        for one in fitted
        if one.checks
    ]
    turns = judge_turns(files, shared, guests, say)
    parts = [(one.plan, one.checks) for one in fitted if one.checks]
    around = pack(replace(options, name="together"), parts, files)
    files |= around.files if around else {}
    return Together(shared, tuple(fitted), turns, files, around)


signed(fit_together)


def _endless(texts: Sequence[str], networks: Sequence[str]) -> dict[str, int]:
    """The windows of networks whose rows come for ever: wake or wake:49."""
    found = {}
    for text in texts:
        name, _, rows = text.partition(":")
        if name not in networks or (":" in text and not (rows.isascii() and rows.isdigit())):
            there = ", ".join(networks)
            raise UsageError(
                f"--endless {for_terminal(text)}: NETWORK or NETWORK:ROWS; the networks are {there}"
            )
        found[name] = int(rows or 0)
    return found


def _called(models: Sequence[Model], names: Sequence[str] | None) -> list[str]:
    """What the networks are called: as is asked, or as their files are."""
    if len(models) < 2:
        raise UsageError("--together is for two networks or more, that take turns in one arena")
    if len(models) > MOST:
        raise UsageError(f"--together takes {MOST} networks at most")
    if names is None:
        taken = {"together"}
        return [network_name(Path(named(model)).stem, taken) for model in models]
    if len(names) != len(models) or len({*names}) != len(names) or "together" in names:
        raise UsageError(
            f"--name {for_terminal(','.join(names))}: a name for each of the {len(models)} networks"
            " is needed, no two the same, none of them together"
        )
    return [*names]


def _sized(
    plans: Sequence[Plan], keep: Sequence[str], meter: Meter | None, clock: Clock
) -> tuple[Shared, list[Sized]]:
    """The plans in one arena, with what each program takes."""
    kept = read_kept(keep, plans)
    with clock("placing what survives"):
        shared, placed = share(plans, kept, max(map(alignment, plans)))
    return shared, [sized(plan, meter, clock) for plan in placed]


def _ram(shared: Shared, all_sized: Sequence[Sized]) -> int:
    """The arena, the largest stack and all state, as far as they are known."""
    stack = max(one.beside.stack_bytes or 0 for one in all_sized)
    return shared.arena_bytes + stack + sum(one.beside.state_bytes or 0 for one in all_sized)


def _too_large(shared: Shared, all_sized: Sequence[Sized], limit: int) -> BudgetError:
    """What all need together, and which of them needs most."""
    most = max(all_sized, key=lambda one: one.ram_bytes)
    ram = _ram(shared, all_sized)
    each = ", ".join(f"{one.plan.options.name} {one.plan.arena_bytes}" for one in all_sized)
    file = for_terminal(most.plan.source.where)
    return BudgetError(
        f"together they need {ram} bytes of RAM (arena {shared.arena_bytes}: {each}; of that "
        f"{shared.arena_bytes - shared.turn_bytes} kept; the rest stack and state), the budget is "
        f"{limit}; most is for {file}: lowtide fit it alone with --budget {limit} says what helps",
        {"arena_bytes": shared.arena_bytes, "ram_bytes": ram, "budget_bytes": limit},
    )


def _files(shared: Shared, fitted: Sequence[Fitted], made: Mapping[str, bytes]) -> dict[str, bytes]:
    """The folder of all."""
    parts = {one.plan.options.name: one.files for one in fitted}
    page = with_figures(
        together_html(shared, [one.plan for one in fitted]),
        shared_figures(shared, _figures(shared, fitted)),
    )
    own = {"plan.json": shared_json(shared), "report.html": page.encode()}
    return one_folder(parts, {**made, **own})
