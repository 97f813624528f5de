"""fit_flash(): a network within two memories: its weights stored small, then planned and emitted.

dense weights and code fit     nothing is approximated: what `pipeline.fit` makes
else, until both fit           compress to what the code leaves of the flash -> fit -> weigh
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx

from lowtide.backends import emit, table_bytes
from lowtide.check.code_size import footprint
from lowtide.check.compile import find_compiler
from lowtide.errors import BudgetError, UsageError
from lowtide.ir.graph import Shape
from lowtide.pipeline.fit import Fitted, Model, Progress, Samples, fit, profile, quiet
from lowtide.planner.plan import Options, Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes, show_bytes
from lowtide.weights.account import Form
from lowtide.weights.candidates import FAMILIES, Family
from lowtide.weights.compress import Compressed, Search, prepare
from lowtide.weights.network import Inputs, Network

FILE = "compressed.onnx"
"""What the program was made of, beside it."""

_CODE = 8192
"""Bytes of the flash that are left for code at first; then it is known what it takes."""

_ROUNDS = 4
_FORMS: tuple[Form, ...] = ("factored", "materialised")


@dataclass(frozen=True)
class Task:
    """What is asked for: the arguments of `pipeline.fit` beside the network."""

    budget: str | int | None = None
    options: Options = field(default_factory=Options)
    target: str = "c99"
    samples: Samples | None = None
    shapes: Mapping[str, Shape] | None = None
    families: Sequence[Family] = FAMILIES
    max_elements: int = MAX_ELEMENTS


@dataclass(frozen=True)
class FittedSmall:
    """A network in both memories.

    `compressed` is None where it fits with its weights as they are. `dense` is the plan of the
    network as it was, without a budget. `files` are what is to be written.
    """

    fitted: Fitted
    compressed: Compressed | None
    dense: Plan

    @property
    def files(self) -> dict[str, bytes]:
        held = dict(self.fitted.files)
        if self.compressed is not None:
            held[FILE] = self.compressed.model.SerializeToString(deterministic=True)
        return held

    @property
    def flash_bytes(self) -> int:
        """Weights and, as far as it was measured, code."""
        own = self.fitted.facts()["flash_bytes"]
        return int(own or self.fitted.plan.profile.weight_bytes)

    def facts(self) -> dict[str, Any]:
        """Everything `fit --flash --json` prints, but for accuracies."""
        dense, compressed = self.dense, self.compressed
        facts = compressed.facts() if compressed is not None else None
        return {
            **self.fitted.facts(),
            "dense": {
                "arena_bytes": dense.arena_bytes,
                "weight_bytes": dense.profile.weight_bytes,
                "macs": dense.profile.macs,
                "weight_traffic_bytes": weight_traffic(dense),
            },
            "compressed": facts,
        }


def fit_flash(
    model: Model,
    flash: str | int,
    task: Task,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    progress: Progress = quiet,
) -> FittedSmall:
    """Fits a network into `task.budget` bytes of RAM and `flash` bytes of weights and code.

    Weights that fit as they are stay exact; else they are stored small (`weights.compress`) in
    what the code leaves, and run in the fewest multiply-adds that meet the RAM's budget.
    `calibration` is that of `compress`. Raises what `fit` and `compress` do; BudgetError says
    which of the memories does not suffice.
    """
    limit, name = parse_bytes(flash), _name(model)
    dense = profile(
        model, options=task.options, shapes=task.shapes, max_elements=task.max_elements,
        progress=progress,
    )  # fmt: skip
    measured = task.target == "c99" and find_compiler() is not None
    if dense.profile.weight_bytes <= limit and _flash(dense, measured) <= limit:
        return FittedSmall(_fit(model, task, progress), None, dense)
    search = prepare(
        model, calibration, families=task.families, least=limit, shapes=task.shapes,
        max_elements=task.max_elements, progress=progress,
    )  # fmt: skip
    own = replace(task, shapes=None)
    compressed = _Fitter(name, limit, search, own, measured, progress).run()
    return FittedSmall(_fit(compressed.model, own, progress), compressed, dense)


def _flash(plan: Plan, measured: bool) -> int:
    """Bytes of weights and, where it is to be measured and can be, of code."""
    code = footprint(emit(plan), find_compiler(), plan.arena_bytes).code_bytes if measured else None
    return plan.profile.weight_bytes + (0 if code is None else code + table_bytes(plan))


def _name(model: Model) -> str:
    if isinstance(model, onnx.ModelProto):
        return model.graph.name or "network"
    return Path(model).name


def _fit(model: Model, task: Task, progress: Progress) -> Fitted:
    return fit(
        model, budget=task.budget, options=task.options, target=task.target,
        samples=task.samples, shapes=task.shapes, max_elements=task.max_elements,
        progress=progress,
    )  # fmt: skip


@dataclass
class _Fitter:
    """Looks for the most bytes of weights that leave room for the code."""

    name: str
    limit: int
    search: Search
    task: Task
    measured: bool
    progress: Progress

    def run(self) -> Compressed:
        spare, best, used = min(_CODE, self.limit // 4) if self.measured else 0, None, 0
        for _ in range(_ROUNDS):
            compressed, plan = self._planned(self._compressed(spare))
            used = _flash(plan, self.measured)
            if used <= self.limit and (best is None or compressed.loss < best.loss):
                best = compressed
            # The rest is code, and constants that are too small to pack.
            spare, before = used - compressed.bytes, spare
            fits, near = used <= self.limit, self.limit - used <= self.limit // 50
            if (fits and near) or (best is not None and not fits) or spare == before:
                break
        if best is None:
            raise BudgetError(
                f"{self.name}: weights and code take {show_bytes(used)}; "
                f"{show_bytes(self.limit)} of flash were asked for",
                {"flash_bytes": used},
            )
        return best

    def _compressed(self, spare: int) -> Compressed:
        try:
            return self.search.within(max(self.limit - spare, 0), None, self.progress)
        except BudgetError as error:
            code = f" ({show_bytes(self.limit)} less {show_bytes(spare)} of code)" if spare else ""
            raise BudgetError(f"{error}{code}", error.reached) from None

    def _planned(self, compressed: Compressed) -> tuple[Compressed, Plan]:
        """In the fewest multiply-adds that the RAM allows."""
        refused: BudgetError | None = None
        for way in _ways(compressed, self.task.budget is not None):
            way.model.graph.name = self.name
            try:
                planned = _fit(way.model, replace(self.task, target="none"), self.progress)
                return way, planned.plan
            except BudgetError as error:
                refused = refused or error
        assert refused is not None
        raise refused


def _ways(compressed: Compressed, several: bool) -> Iterator[Compressed]:
    """The forms in which the layers may run, the fewest multiply-adds first."""
    yield compressed
    others = [compressed.executed(form) for form in _FORMS] if several else []
    seen = {tuple(row.form for row in compressed.rows)}
    for way in sorted(others, key=lambda one: one.macs):
        forms = tuple(row.form for row in way.rows)
        if forms not in seen:
            seen.add(forms)
            yield way


def check_target(target: str) -> None:
    """Raises UsageError for a target that --flash is not for."""
    if target == "onnx":
        raise UsageError("--flash is for --target c99 and none; lowtide compress writes ONNX")
