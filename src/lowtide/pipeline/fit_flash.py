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

from lowtide.backends import table_bytes
from lowtide.check.compile import find_compiler
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError, UsageError
from lowtide.ir.graph import Shape
from lowtide.pipeline.fit import Fitted, Model, Samples, fit, named, read
from lowtide.pipeline.look_ahead import apart_on_samples, look_ahead, weight_bytes
from lowtide.pipeline.ram import Planning, Sized, too_large
from lowtide.planner.plan import Options, Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes, show_bytes
from lowtide.weights.account import Form
from lowtide.weights.candidates import FAMILIES, Family
from lowtide.weights.compress import Compressed, Search, check_least, prepare
from lowtide.weights.network import Inputs, Network
from lowtide.weights.network import read as read_network

FILE = "compressed.onnx"
"""What the program was made of, beside it."""

_CODE = 8192
"""Bytes of the flash that are left for code at first; then it is known what it takes."""

_ROUNDS = 4
_FORMS: tuple[Form, ...] = ("factored", "materialised")


@dataclass(frozen=True)
class Request:
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
        """What is to be written, by name."""
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
    task: Request,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    progress: Progress = quiet,
) -> FittedSmall:
    """Fits a network into `task.budget` bytes of RAM and `flash` bytes of weights and code.

    Weights that fit as they are stay exact; else they are stored small (`weights.compress`) in
    what the code leaves, and run in the fewest multiply-adds that meet the RAM's budget, which is
    looked into first. `calibration` is that of `compress`. Raises what `fit` and `compress` do;
    BudgetError says which of the memories does not suffice.
    """
    limit, budget = parse_bytes(flash), None if task.budget is None else parse_bytes(task.budget)
    clock = Clock(progress)
    given = _planning(model, task, clock)
    large = weight_bytes(given, task.options.element_bytes) > limit
    taken = _take_in(model, task, calibration, limit, progress) if large else None
    dense = given.plan(task.options)
    if taken is None:
        exact = dense if budget is None else given.within(task.options, budget)
        if _flash(exact) <= limit:
            return FittedSmall(_fit(model, task, progress), None, dense.plan)
        taken = _take_in(model, task, calibration, limit, progress)
    network, inputs = taken
    own = replace(task, shapes=None)
    if budget is not None:
        look_ahead(
            network, tuple(task.families), task.options, budget, limit, dense,
            lambda stand_in: _planning(stand_in, own, clock),
        )  # fmt: skip
    fitter = _Fitter(model, named(model), limit, budget, inputs, task, clock)
    compressed = fitter.run()
    with clock("comparing with the original"):
        held = model.SerializeToString() if isinstance(model, onnx.ModelProto) else Path(model)
        made = compressed.model.SerializeToString()
        apart = apart_on_samples(held, made, named(model), given.graph, task.samples)
    compressed = compressed.apart(apart)
    return FittedSmall(_fit(compressed.model, own, progress), compressed, dense.plan)


def _planning(model: Model, task: Request, clock: Clock) -> Planning:
    compiler = find_compiler() if task.target == "c99" else None
    return Planning(*read(model, clock, task.shapes, task.max_elements), clock, compiler)


def _take_in(
    model: Model,
    task: Request,
    calibration: Callable[[Network], Inputs | None] | Inputs | None,
    limit: int,
    progress: Progress,
) -> tuple[Network, Inputs | None]:
    """The network and its pictures, before any work: what they lack is said now."""
    progress("reading the network")
    network = read_network(model, task.shapes, task.max_elements)
    inputs = calibration(network) if callable(calibration) else calibration
    check_least(network, task.families, limit)
    return network, inputs


def _flash(sized: Sized) -> int:
    """Bytes of weights and, where it is known, of code."""
    code, weights = sized.beside.code_bytes, sized.plan.profile.weight_bytes
    return weights + (0 if code is None else code + table_bytes(sized.plan))


def _fit(model: Model, task: Request, progress: Progress) -> Fitted:
    return fit(
        model, budget=task.budget, options=task.options, target=task.target,
        samples=task.samples, shapes=task.shapes, max_elements=task.max_elements,
        progress=progress,
    )  # fmt: skip


@dataclass(frozen=True)
class _Fitter:
    """Looks for the most bytes of weights that leave room for the code."""

    model: Model
    name: str
    limit: int
    budget: int | None
    inputs: Inputs | None
    task: Request
    clock: Clock

    def run(self) -> Compressed:
        """The compressed network; in plain numbers alone where factors do not meet the RAM."""
        families = tuple(self.task.families)
        try:
            return self._run(families)
        except BudgetError as error:
            if "ram_bytes" not in error.reached or "plain" not in families or len(families) < 2:
                raise
            refused = error
        self.clock.progress("factors take too much RAM: plain numbers alone")
        try:
            return self._run(("plain",))
        except BudgetError:
            raise refused from None

    def _run(self, families: Sequence[Family]) -> Compressed:
        search = prepare(
            self.model, self.inputs, families=families, least=self.limit, shapes=self.task.shapes,
            max_elements=self.task.max_elements, progress=self.clock.progress,
        )  # fmt: skip
        measured = self.task.target == "c99" and find_compiler() is not None
        spare, best, used = min(_CODE, self.limit // 4) if measured else 0, None, 0
        for _ in range(_ROUNDS):
            compressed, sized = self._planned(self._compressed(search, spare))
            used = _flash(sized)
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

    def _compressed(self, search: Search, spare: int) -> Compressed:
        try:
            return search.within(max(self.limit - spare, 0), None, self.clock.progress)
        except BudgetError as error:
            code = f" ({show_bytes(self.limit)} less {show_bytes(spare)} of code)" if spare else ""
            raise BudgetError(f"{error}{code}", error.reached) from None

    def _planned(self, compressed: Compressed) -> tuple[Compressed, Sized]:
        """In the fewest multiply-adds that the RAM allows."""
        refused: Sized | None = None
        for way in _ways(compressed, self.budget is not None):
            way.model.graph.name = FILE
            planning = _planning(way.model, replace(self.task, shapes=None), self.clock)
            sized = planning.within(self.task.options, self.budget)
            if self.budget is None or sized.ram_bytes <= self.budget:
                return way, sized
            refused = refused or sized
        assert refused is not None
        assert self.budget is not None
        raise too_large(refused, self.budget)


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
