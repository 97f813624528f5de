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
from lowtide.kernels.cpus import PORTABLE
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.ram import Planning, Sized
from lowtide.pipeline.read import Model, read
from lowtide.pipeline.suggest import Flash
from lowtide.planner.options import Options
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
        ram = None if budget is None else parse_bytes(budget, "--budget")
        rom = None if flash is None else parse_bytes(flash, "--flash")
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
        return None if self.flash is None else Flash(self.flash, lambda one: one.flash_bytes)

    def absent(self, options: Options) -> str:
        """Why nothing is measured for the chip, if that is so: this machine's figures are others.

        `options` are those of `self.options`."""
        chip, apart = self.chip, options.cc is not None or options.cpu != PORTABLE
        if chip is None or chip.measured or apart:
            return ""
        return f"nothing here compiles for the {chip.core} of {chip.name}"

    def on(self, other: Chip) -> Limits:
        """Another chip's memories, of which as much is kept for other things as of this one's."""
        assert self.chip is not None
        ram = other.ram_bytes - _kept(self.chip.ram_bytes, self.ram)
        if other.flash_bytes is None:
            return Limits(ram, self.flash if self.chip.flash_bytes is None else None, other)
        return Limits(ram, other.flash_bytes - _kept(self.chip.flash_bytes, self.flash), other)

    def by_hand(self) -> dict[str, str | None]:
        """--budget and --flash, where they are not what the chip has."""
        assert self.chip is not None
        pairs = {
            "budget": (self.ram, self.chip.ram_bytes),
            "flash": (self.flash, self.chip.flash_bytes),
        }
        return {name: None if one == all_ else str(one) for name, (one, all_) in pairs.items()}


def _kept(there: int | None, limit: int | None) -> int:
    """What a limit by hand leaves of a memory."""
    return 0 if there is None or limit is None else max(there - limit, 0)


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
    def short(self) -> str:
        """fits, or what is too much."""
        if self.fits:
            return "fits"
        named = zip(self.over, ("RAM", "flash"), strict=True)
        much = " and ".join(f"{_size(over)} of {name}" for over, name in named if over)
        return f"{much} too much"

    @property
    def verdict(self) -> str:
        """The same in a sentence."""
        return self.short if self.fits else f"does not fit: {self.short}"

    @property
    def ram(self) -> str:
        """28 of 640 KiB"""
        return _of(self.ram_bytes, self.limits.ram)

    @property
    def flash(self) -> str:
        """330 of 2,048 KiB"""
        code = "" if self.measured else " of weights, code not measured"
        outside = ", outside the chip" if self.chip.flash_bytes is None else ""
        return f"{_of(self.flash_bytes, self.limits.flash)}{code}{outside}"

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
    return None if limits.chip is None else taken(sized, limits)


def taken(sized: Sized, limits: Limits) -> OnChip:
    """What a planned program takes of the chip that the limits are of."""
    assert limits.chip is not None
    beside = sized.beside
    measured, stacked = beside.code_bytes is not None, beside.stack_bytes is not None
    return OnChip(limits.chip, limits, sized.ram_bytes, sized.flash_bytes, measured, stacked)


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
    return [_planned(planning, options, Limits.of(None, one.name), one) for one in found]


def _planned(planning: Planning, options: Options, limits: Limits, chip: Chip) -> OnChip:
    """The network on a chip; `options.cpu` is that of the chip unless it is given."""
    planning.clock.progress(f"planning for {chip.name}")
    own = limits.options(options)
    measured = replace(planning, absent=limits.absent(own))
    return taken(measured.within(own, limits.ram), limits)


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
    told.eight = error.eight
    return told


def within(error: BudgetError, chip: Chip) -> Iterator[Suggestion]:
    """Those that ask for no more than the chip has; they name it, so a budget only if a smaller."""
    for one in error.suggestions or ():
        budget = int(one.changed.get("budget", 0))
        flash = int(one.changed.get("flash", 0))
        if flash <= (chip.flash_bytes or flash) and budget <= chip.ram_bytes:
            named = {"budget"} if budget == chip.ram_bytes else set()
            yield replace(one, changed={k: v for k, v in one.changed.items() if k not in named})


def _others(held: OnChip, planning: Planning, options: Options, model: str) -> Iterator[Suggestion]:
    """Chips with more of what is missing, the smallest first, that hold the network.

    A limit by hand stays one: what it keeps of this chip's memories is kept of theirs.
    """
    if options.cc is not None:
        return  # it compiles for this one
    ram, flash = held.over
    theirs = [
        (held.limits.on(chip), chip)
        for chip in sorted(CHIPS, key=lambda one: one.ram_bytes)
        if chip != held.chip
    ]
    larger = [
        (has, chip)
        for has, chip in theirs
        if (not ram or (has.ram or 0) > max(held.limits.ram or 0, held.ram_bytes * NEAR))
        and (not flash or has.flash is None or has.flash >= held.flash_bytes)
    ]
    for one in islice(_that_fit(planning, options, larger[:TRIALS]), TOLD):
        changed = {"chip": one.chip.name, **one.limits.by_hand()}
        words = [f"--{name} {value}" for name, value in changed.items() if value is not None]
        command = " ".join([fit_command(model, options), *words])
        needs = f"the chip {one.chip.name}"
        yield Suggestion(command, one.ram_bytes, changed, "; ".join(_notes(one)), needs)


def _notes(one: OnChip) -> Iterator[str]:
    """What has to be known of a chip that would do."""
    if one.limits.ram != one.chip.ram_bytes:
        yield "keeps as much RAM for other things as was asked for"
    if one.chip.flash_bytes is None:
        yield "its flash is outside the chip"
    if not one.measured:
        yield "stack and code not measured"


def _that_fit(
    planning: Planning, options: Options, chips: Sequence[tuple[Limits, Chip]]
) -> Iterator[OnChip]:
    """The network on those of some chips that hold it."""
    for limits, chip in chips:
        try:
            one = _planned(planning, options, limits, chip)
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
    if 0 < abs(used - limit) < KIB:  # in KiB it would look like the limit, or farther from it
        return f"{used:,} of {limit:,} B"
    shown = min(ceil(used / KIB), limit / KIB) if used <= limit else ceil(used / KIB)
    return f"{shown:,g} of {limit / KIB:,.7g} KiB"


def _size(count: int) -> str:
    return f"{ceil(count / KIB):,} KiB" if count >= KIB else f"{count} B"
