"""What fit() returns: a plan, its program, and the checks of both."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lowtide.check.code_size import Footprint
from lowtide.check.judge import Checks
from lowtide.errors import UsageError
from lowtide.pipeline.fit_page import page_figures
from lowtide.pipeline.fit_text import show_fit
from lowtide.pipeline.markup import picture, section, table
from lowtide.pipeline.on_chip import OnChip
from lowtide.pipeline.package import Package
from lowtide.pipeline.result import Result
from lowtide.planner.memory_map import MemoryMap
from lowtide.planner.plan import Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.sizes import show_bytes

_CHECKED = (
    "checked_with", "checked_reads", "faults", "max_abs_diff", "max_rel_diff", "compared_values",
    "unequal", "steps_off", "error_from_exact", "onnxruntime_error", "reference", "not_compared",
    "quanta", "compiler", "flags", "flags_failed",
)  # fmt: skip


_ORIGINAL = (
    "original_max_rel_diff", "original_max_abs_diff", "original_file", "original_sha256",
    "original_apart",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Fitted(Result):
    """A network that was fitted: its plan, the program made from it, and the checks of both.

    `print` shows what the command says, a notebook a table and the memory map.

    plan           what was decided and what it costs; `plan.facts()` has the figures
    files          what `save` writes, by name: net.c, net.h, plan.json, report.html, ..
    checks         how the program was checked, and its results on the samples; None with target
                   "none", where nothing is run
    ram_bytes      arena, stack and state; flash_bytes: weights and code; None where not measured
    seconds        the time of each stage of the fit
    memory         the memory map as plan.json has it
    model          the file that was read, if it was one
    on_chip        what the program takes of the memories of `chip`, if one was named
    package        what is around the program for a build, if that was asked for
    labels         names of the classes; warnings: what looks wrong in what was given, in words
    module_error   how far a PyTorch module itself is from exact, as a share of the largest value
    """

    plan: Plan
    memory: MemoryMap
    checks: Checks | None
    footprint: Footprint
    files: Mapping[str, bytes]
    seconds: Mapping[str, float]
    model: Path | None = None
    on_chip: OnChip | None = None
    package: Package | None = None
    labels: Sequence[str] = ()
    warnings: Sequence[str] = ()
    module_error: float | None = None

    @property
    def arena_bytes(self) -> int:
        """The size of the arena."""
        return self.plan.arena_bytes

    def emit(self, target: str, folder: str | os.PathLike[str]) -> None:
        """`save`, where what was made is of this target: "c99". Raises UsageError."""
        made = "none" if self.checks is None else "c99"
        if target != made or made == "none":
            raise UsageError(
                f"this was fitted with target {made}, so there is no {target} to write: "
                f'lowtide.fit(model, target="{target}").save(folder)'
            )
        self.save(folder)

    def facts(self) -> dict[str, Any]:
        """Everything `fit --json` prints."""
        checks = self.checks
        return {
            **dict.fromkeys(_ORIGINAL),
            **self.plan.facts(),
            **(checks.facts() if checks else dict.fromkeys(_CHECKED)),
            "module_error": self.module_error,
            **self.figures,
            **self.footprint.stack_facts(),
            "weight_traffic_bytes": self.weight_traffic_bytes,
            "warnings": list(self.warnings),
            **({"chip": self.on_chip.facts()} if self.on_chip else {}),
            **({"package": self.package.facts()} if self.package else {}),
            "seconds": round(sum(self.seconds.values()), 3),
            "stages": {stage: round(spent, 3) for stage, spent in self.seconds.items()},
        }

    @property
    def weight_traffic_bytes(self) -> int:
        """Bytes of weights that one run reads, no cache between."""
        return weight_traffic(self.plan)

    @property
    def flash_bytes(self) -> int | None:
        """Weights and code; None where that was not measured."""
        code = self.footprint.code_bytes
        return None if code is None else self.plan.profile.weight_bytes + code

    @property
    def ram_bytes(self) -> int | None:
        """Arena, stack and state; None where they were not measured."""
        beside = self.footprint.ram_bytes
        return None if beside is None else self.arena_bytes + beside

    @property
    def figures(self) -> dict[str, int | str | None]:
        """RAM and flash of the whole program, as far as measured, and with what."""
        own = self.footprint
        return {
            "stack_bytes": own.stack_bytes,
            "state_bytes": own.state_bytes,
            "code_bytes": own.code_bytes,
            "ram_bytes": self.ram_bytes,
            "flash_bytes": self.flash_bytes,
            **own.facts(),
        }

    @property
    def _read(self) -> Sequence[Path]:
        return [self.model] if self.model else []

    @property
    def listed(self) -> Mapping[str, Any]:
        """Figures that the folder's list of files has as well."""
        return self.figures

    def __str__(self) -> str:
        """What the command says."""
        return show_fit(self, self.labels)

    def _repr_html_(self) -> str:
        limit = None if self.on_chip is None else self.on_chip.limits.ram
        rows = [*page_figures(self, limit), *(("Warning", one) for one in self.warnings)]
        drawn = picture(self.files["memory.svg"].decode())
        return section(self.plan.source.named, table(rows, left=2), drawn)

    def __repr__(self) -> str:
        sizes = ((self.ram_bytes, "RAM"), (self.flash_bytes, "flash"))
        both = "".join(f", {show_bytes(n)} of {what}" for n, what in sizes if n is not None)
        checked = f"; {self.checks.shown}" if self.checks else ""
        return f"<{type(self).__name__} {self.plan.short}{both}{checked}>"


def shallow(fitted: Fitted) -> dict[str, Any]:
    """Its fields by name, for one that says more."""
    return {one.name: getattr(fitted, one.name) for one in fields(Fitted)}
