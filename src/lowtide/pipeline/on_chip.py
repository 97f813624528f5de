"""Whether a program fits a chip: what it takes of the chip's memories, and which chips would do.

fits: RAM 28 of 640 KiB (SRAM1 + SRAM2 + SRAM3), flash 330 of 2,048 KiB
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import Any

from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError, Suggestion, UnsupportedModel, UsageError
from lowtide.ir.graph import Shape
from lowtide.kernels.chips import CHIPS, KIB, Chip, find_chip
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.ram import Planning, Sized
from lowtide.pipeline.read import Model, read
from lowtide.pipeline.suggest import Flash
from lowtide.planner.plan import Options
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes

TRIALS, TOLD = 4, 2
"""Other chips that are planned for, and those that are told."""

NEAR = 0.9
"""A chip of less than this part of the RAM that was needed is not tried."""


@dataclass(frozen=True)
class Limits:
    """The memories that there are, and the chip that has them; None: no limit."""

    ram: int | None = None
    flash: int | None = None
    chip: Chip | None = None

    @classmethod
    def of(
        cls, budget: str | int | None, chip: str | None, flash: str | int | None = None
    ) -> Limits:
        """What is given; what is not is the chip's."""
        ram, rom = (None if size is None else parse_bytes(size) for size in (budget, flash))
        if chip is None:
            return cls(ram, rom)
        found = find_chip(chip)
        ram = found.ram_bytes if ram is None else ram
        return cls(ram, found.flash_bytes if rom is None else rom, found)

    def options(self, given: Options) -> Options:
        """Those that are given, for the chip's processor unless they name another."""
        return given if self.chip is None else replace(given, cpu=given.cpu or self.chip.cpu)

    @property
    def needed(self) -> Flash | None:
        """The flash, for what looks for plans that fit; None where it is not limited."""
        if self.chip is None or self.flash is None:
            return None
        measured = self.chip.measured
        return Flash(self.flash, lambda one: flash_of(one, measured))


def flash_of(sized: Sized, measured: bool) -> int:
    """Weights, and code where it is measured."""
    return sized.flash_bytes if measured else sized.plan.profile.weight_bytes


@dataclass(frozen=True)
class OnChip:
    """What a program takes of the memories of a chip; `limits` are the chip's unless others are
    given. The code is a part of `flash_bytes` if it is `measured`, the stack of `ram_bytes` if it
    is `stacked`."""

    chip: Chip
    limits: Limits
    ram_bytes: int
    flash_bytes: int
    measured: bool
    stacked: bool

    @property
    def over(self) -> tuple[int, int]:
        """By how many bytes it is too large, RAM and flash."""
        limits = self.limits
        ram = 0 if limits.ram is None else max(self.ram_bytes - limits.ram, 0)
        flash = 0 if limits.flash is None else max(self.flash_bytes - limits.flash, 0)
        return ram, flash

    @property
    def fits(self) -> bool:
        """Whether both memories hold it."""
        return self.over == (0, 0)

    @property
    def verdict(self) -> str:
        """fits, or what is too much."""
        if self.fits:
            return "fits"
        named = zip(self.over, ("RAM", "flash"), strict=True)
        much = " and ".join(f"{_size(over)} of {name}" for over, name in named if over)
        return f"does not fit: {much} too much"

    @property
    def ram(self) -> str:
        """28 of 640 KiB"""
        return _of(self.ram_bytes, self.limits.ram)

    @property
    def flash(self) -> str:
        """330 of 2,048 KiB"""
        code = "" if self.measured else " of weights, code not measured"
        if self.limits.flash is None:
            return f"{_size(self.flash_bytes)}{code}, outside the chip"
        return _of(self.flash_bytes, self.limits.flash) + code

    def __str__(self) -> str:
        stack = "" if self.stacked else "; stack not measured"
        where = f"({self.chip.ram_name}{stack})"
        return f"{self.verdict}: RAM {self.ram} {where}, flash {self.flash}"

    def facts(self) -> dict[str, Any]:
        """For --json."""
        return {
            "name": self.chip.name,
            "fits": self.fits,
            "ram_bytes": self.ram_bytes,
            "ram_limit_bytes": self.limits.ram,
            "ram_memory": self.chip.ram_name,
            "flash_bytes": self.flash_bytes,
            "flash_limit_bytes": self.limits.flash,
            "code_measured": self.measured,
            "stack_measured": self.stacked,
        }


def on_chip(sized: Sized, limits: Limits) -> OnChip | None:
    """What a planned program takes of the chip, if there is one."""
    return None if limits.chip is None else _taken(sized, limits, limits.chip)


def _taken(sized: Sized, limits: Limits, chip: Chip) -> OnChip:
    measured = sized.beside.code_bytes is not None and chip.measured
    flash = flash_of(sized, chip.measured)
    stacked = sized.beside.stack_bytes is not None
    return OnChip(chip, limits, sized.ram_bytes, flash, measured, stacked)


def on_chips(
    model: Model,
    options: Options,
    chips: Sequence[str],
    progress: Progress = quiet,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
) -> list[OnChip]:
    """A network planned for each of some chips; its program is emitted and measured, not run."""
    found = [find_chip(name) for name in chips]
    if not found:
        return []
    clock = Clock(progress)
    plain = options.element_bytes is not None or options.tile is not None
    planning = Planning(
        *read(
            model, clock, shapes, max_elements, options=options
        ),
        clock,
        not plain,
    )  # fmt: skip
    return [_planned(planning, options, chip) for chip in found]


def _planned(planning: Planning, options: Options, chip: Chip) -> OnChip:
    """The network on a chip; `options.cpu` is that of the chip unless it is given."""
    planning.clock.progress(f"planning for {chip.name}")
    limits = Limits.of(None, chip.name)
    return _taken(planning.within(limits.options(options), limits.ram), limits, chip)


def with_chips(
    error: BudgetError, held: OnChip, planning: Planning, options: Options, model: str
) -> BudgetError:
    """The error of a chip that does not hold a network; `options.cpu` is what was given.

    What asks for more than the chip has is no help; chips that hold the network are.
    """
    own = {**error.reached, "chip": held.facts()}
    what = f"{planning.source.where}: {held.chip.name}: {held}"
    others = list(_others(held, planning, options, model))
    told = BudgetError(what, own, [*within(error, held.chip), *others])
    told.beside = error.beside
    return told


def within(error: BudgetError, chip: Chip) -> Iterator[Suggestion]:
    """Those that ask for no more than the chip has; they name it, so a budget only if a smaller."""
    for one in error.suggestions or ():
        budget = int(one.changed.get("budget", 0))
        if int(one.changed.get("flash", 0)) <= (chip.flash_bytes or 0) and budget <= chip.ram_bytes:
            named = {"budget"} if budget == chip.ram_bytes else set()
            yield replace(one, changed={k: v for k, v in one.changed.items() if k not in named})


def _others(held: OnChip, planning: Planning, options: Options, model: str) -> Iterator[Suggestion]:
    """Chips with more of what is missing, the smallest first, that hold the network."""
    if options.cc is not None:
        return  # it compiles for this one
    ram, flash = held.over
    larger = [
        chip
        for chip in sorted(CHIPS, key=lambda one: one.ram_bytes)
        if chip != held.chip
        and (not ram or chip.ram_bytes > max(held.limits.ram or 0, held.ram_bytes * NEAR))
        and (not flash or (chip.flash_bytes or held.flash_bytes) >= held.flash_bytes)
    ]
    for one in islice(_that_fit(planning, options, larger[:TRIALS]), TOLD):
        command = f"{fit_command(model, options)} --chip {one.chip.name}"
        changed = {"chip": one.chip.name, "budget": None, "flash": None}
        yield Suggestion(command, one.ram_bytes, changed)


def _that_fit(planning: Planning, options: Options, chips: Sequence[Chip]) -> Iterator[OnChip]:
    """The network on those of some chips that hold it."""
    for chip in chips:
        try:
            one = _planned(planning, options, chip)
        except (UsageError, UnsupportedModel, BudgetError):
            continue  # options that do not go with its processor
        if one.fits:
            yield one


def on_chips_text(found: Sequence[OnChip]) -> str:
    """A column for each chip: what the network takes of it."""
    return "\n".join(_columns(found)) if found else ""


def _columns(found: Sequence[OnChip]) -> Iterator[str]:
    rows = (
        ("on", [one.chip.name for one in found]),
        ("RAM", [one.ram for one in found]),
        ("in", [one.chip.ram_name for one in found]),
        ("stack", ["counted" if one.stacked else "not measured" for one in found]),
        ("flash", [one.flash for one in found]),
        ("", [one.verdict for one in found]),
    )
    wide = [max(len(words[k]) for _, words in rows) for k in range(len(found))]
    for head, words in rows:
        cells = (word.ljust(width) for word, width in zip(words, wide, strict=True))
        yield f"  {head:<15}{'   '.join(cells)}".rstrip()


def _of(used: int, limit: int | None) -> str:
    if limit is None:
        return _size(used)
    shown = min(ceil(used / KIB), limit / KIB) if used <= limit else ceil(used / KIB)
    return f"{shown:,g} of {limit / KIB:,.7g} KiB"


def _size(count: int) -> str:
    return f"{ceil(count / KIB):,} KiB" if count >= KIB else f"{count} B"
