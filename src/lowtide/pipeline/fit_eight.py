"""fit_eight(): a float32 network made 8 bits (`weights.eight`), then planned and emitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx

from lowtide.clock import Clock, Progress, quiet
from lowtide.pipeline.apart import apart_on_samples
from lowtide.pipeline.fit import fit
from lowtide.pipeline.fit_flash import Request
from lowtide.pipeline.fitted import Fitted, shallow
from lowtide.pipeline.read import Model, named, read
from lowtide.weights.eight import Quantised, quantise
from lowtide.weights.eight_text import show_eight
from lowtide.weights.network import Inputs, Network

FILE = "int8.onnx"


@dataclass(frozen=True, repr=False, kw_only=True)
class FittedEight(Fitted):
    """A network at 8 bits and its program. `quantised` says what became of the network.

    `rates` are accuracies before and after, where pictures with classes were given.
    """

    quantised: Quantised
    rates: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Everything `fit --int8 --json` prints."""
        return {**super().facts(), "quantised": self.quantised.facts(), **self.rates}

    def __str__(self) -> str:
        """The fit in words, then what became of the network."""
        first, *more = show_eight(self.quantised, self.rates, "  at 8 bits      before and after")
        return "\n".join([super().__str__(), first, *(f"  {line}" for line in more)])


def fit_eight(
    model: Model,
    task: Request,
    calibration: Callable[[Network], Inputs | None] | Inputs | None = None,
    progress: Progress = quiet,
) -> FittedEight:
    """Makes a network 8 bits and fits that; raises what `fit` and `quantise` do.

    How far it is from the original is measured on the calibration, a random input and the samples.
    """
    found = quantise(
        model, calibration, shapes=task.shapes, max_elements=task.max_elements,
        progress=progress,
    )  # fmt: skip
    clock = Clock(progress)
    _, graph = read(model, clock, task.shapes, task.max_elements)
    with clock("comparing with the original"):
        held = model.SerializeToString() if isinstance(model, onnx.ModelProto) else Path(model)
        floats = found.floats.SerializeToString()
        found = found.apart(apart_on_samples(held, floats, named(model), graph, task.samples))
    found.model.graph.name = FILE
    fitted = fit(
        found.model, budget=task.budget, options=task.options, target=task.target,
        samples=task.samples, max_elements=task.max_elements, chip=task.chip, flash=task.flash,
        progress=progress,
    )  # fmt: skip
    made = {FILE: found.model.SerializeToString(deterministic=True)}
    held = replace(fitted, files={**fitted.files, **made})
    return FittedEight(**shallow(held), quantised=found)
