"""fit_flash(): a network within two memories: its weights stored small, then planned and emitted.

dense weights and code fit     nothing is approximated: what `pipeline.fit` makes
else, until both fit           compress to what the code leaves of the flash -> fit -> weigh
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import onnx

from lowtide.check.meter import meter_for
from lowtide.clock import Clock, Progress, quiet
from lowtide.errors import BudgetError
from lowtide.frontends.tflite.load import is_tflite
from lowtide.ir.graph import Shape
from lowtide.pipeline.apart import apart_on_samples
from lowtide.pipeline.fit import Samples, fit
from lowtide.pipeline.fit_flash_text import stored_lines
from lowtide.pipeline.fitted import Fitted, shallow
from lowtide.pipeline.look_ahead import Ahead, weight_bytes
from lowtide.pipeline.on_chip import Limits, on_chip, within
from lowtide.pipeline.ram import Planning, Sized
from lowtide.pipeline.read import Model, named, read
from lowtide.pipeline.store_small import FILE, Storing
from lowtide.pipeline.suggest import Flash, missed
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import parse_bytes
from lowtide.weights.candidates import FAMILIES, Family
from lowtide.weights.compress import Search, check_least, prepare
from lowtide.weights.compressed import Compressed
from lowtide.weights.network import Inputs, Network
from lowtide.weights.network import read as read_network


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
    chip: str | None = None
    flash: str | int | None = None


@dataclass(frozen=True, repr=False, kw_only=True)
class FittedSmall(Fitted):
    """A network in both memories.

    `compressed` is None where it fits with its weights as they are. `dense` is the plan of the
    network as it was, without a budget; `flash` the bytes that there are for weights and code.
    `rates` are accuracies before and after, where pictures with classes were given.
    """

    compressed: Compressed | None
    dense: Plan
    flash: int
    rates: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Everything `fit --flash --json` prints."""
        dense, compressed = self.dense, self.compressed
        facts = None
        if compressed is not None:  # multiply-adds are those of the programs, pools counted
            macs = {"macs": self.plan.profile.macs, "dense_macs": dense.profile.macs}
            facts = {**compressed.facts(), **macs}
        return {
            **super().facts(),
            "dense": {
                "arena_bytes": dense.arena_bytes,
                "weight_bytes": dense.profile.weight_bytes,
                "macs": dense.profile.macs,
                "weight_traffic_bytes": weight_traffic(dense),
            },
            "compressed": facts,
            **self.rates,
        }

    def __str__(self) -> str:
        """The fit, then both memories, the work and the accuracy, before and after."""
        return "\n".join([super().__str__(), *stored_lines(self)])


def fit_flash(
    model: Model,
    flash: str | int,
    task: Request,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    progress: Progress = quiet,
) -> FittedSmall:
    """Fits a network into `task.budget` bytes of RAM and `flash` bytes of weights and code.

    Weights that fit as they are stay exact, and those of a .tflite file always; else they are
    stored small (`weights.compress`) in what the code leaves, and run in the fewest multiply-adds
    that meet the RAM's budget, which is looked into first. `calibration` is that of `compress`.
    Raises what `fit` and `compress` do; BudgetError says which of the memories does not suffice.
    """
    limits = Limits.of(task.budget, task.chip, flash)
    if not isinstance(model, onnx.ModelProto) and is_tflite(model):
        fitted = _fit(model, replace(task, flash=flash), progress, task.chip)
        size = parse_bytes(flash, "--flash")
        return FittedSmall(**shallow(fitted), compressed=None, dense=fitted.plan, flash=size)
    asked = replace(task, budget=limits.ram, options=limits.options(task.options))
    try:
        found = _fit_flash(
            model, parse_bytes(flash, "--flash"), limits.ram, asked, calibration, progress
        )
    except BudgetError as error:
        if limits.chip is not None and error.suggestions is not None:
            error.suggestions = list(within(error, limits.chip))
        raise
    sized = Sized(found.plan, None, found.footprint)
    return replace(found, on_chip=on_chip(sized, limits))


def _fit_flash(
    model: Model,
    limit: int,
    budget: int | None,
    task: Request,
    calibration: Callable[[Network], Inputs | None] | Inputs | None,
    progress: Progress,
) -> FittedSmall:
    clock = Clock(progress)
    given = _planning(model, task, clock)
    large = weight_bytes(given, task.options.element_bytes) > limit
    taken = _take_in(model, task, calibration, limit, progress) if large else None
    dense = given.plan(task.options)
    if taken is None:
        exact = _as_it_is(model, task, given, dense, limit, budget)
        if exact is not None:
            return FittedSmall(
                **shallow(exact(progress)), compressed=None, dense=dense.plan, flash=limit
            )
        taken = _take_in(model, task, calibration, limit, progress)
    network, inputs = taken
    own, families = replace(task, shapes=None), tuple(task.families)

    def planned(stored: onnx.ModelProto) -> Planning:
        return _planning(stored, own, clock)

    def prepared(some: tuple[Family, ...]) -> Search:
        return prepare(
            model, inputs, families=some, least=limit, shapes=task.shapes,
            max_elements=task.max_elements, progress=progress,
        )  # fmt: skip

    Ahead(network, families, task.options, budget, limit, dense, planned).check()
    stored = Storing(
        network.name, limit, budget, task.options, families, prepared, planned, progress
    ).run()
    compressed = stored.compressed
    with clock("comparing with the original"):
        held = model.SerializeToString() if isinstance(model, onnx.ModelProto) else Path(model)
        made = compressed.model.SerializeToString()
        apart = apart_on_samples(held, made, named(model), given.graph, task.samples)
    compressed = compressed.apart(apart)
    fitted = _fit(compressed.model, replace(own, budget=stored.budget), progress)
    files = {**fitted.files, FILE: compressed.model.SerializeToString(deterministic=True)}
    held = shallow(replace(fitted, files=files))
    return FittedSmall(**held, compressed=compressed, dense=dense.plan, flash=limit)


def _as_it_is(
    model: Model, task: Request, given: Planning, dense: Sized, limit: int, budget: int | None
) -> Callable[[Progress], Fitted] | None:
    """What fits a network with its weights as they are; None where the flash does not hold it.

    Raises BudgetError where only the RAM is missed.
    """
    tried: list[tuple[Sized, int | None]] = [(dense, None)]
    if budget is not None:
        tried.insert(0, (given.within(task.options, budget), budget))
    small = [(sized, room) for sized, room in tried if sized.flash_bytes <= limit]
    for sized, room in small:
        if budget is None or sized.ram_bytes <= budget:
            return partial(_fit, model, replace(task, budget=room))
    if small and budget is not None:
        flash = Flash(limit, lambda sized: sized.flash_bytes)
        raise missed(given, task.options, budget, small[0][0], named(model), flash=flash)
    return None


def _planning(model: Model, task: Request, clock: Clock) -> Planning:
    measuring = meter_for(task.options, task.target) is not None
    held = read(model, clock, task.shapes, task.max_elements, options=task.options)
    return Planning(*held, clock, measuring, _absent(task))


def _absent(task: Request) -> str:
    return Limits.of(None, task.chip).absent(task.options)


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


def _fit(model: Model, task: Request, progress: Progress, chip: str | None = None) -> Fitted:
    return fit(
        model, budget=task.budget, options=task.options, target=task.target,
        samples=task.samples, shapes=task.shapes, max_elements=task.max_elements,
        chip=task.chip if _absent(task) else chip, flash=task.flash, progress=progress,
    )  # fmt: skip
