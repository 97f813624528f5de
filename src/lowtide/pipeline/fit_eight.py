"""fit_eight(): a float32 network made 8 bits (`weights.eight`), then planned and emitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from lowtide.clock import Clock, Progress, quiet
from lowtide.pipeline.apart import apart_on_samples
from lowtide.pipeline.fit import Fitted, fit
from lowtide.pipeline.fit_flash import Request
from lowtide.pipeline.fit_text import show_fit
from lowtide.pipeline.read import Model, named, read
from lowtide.weights.eight import Quantised, quantise
from lowtide.weights.eight_text import show_eight
from lowtide.weights.network import Inputs, Network

FILE = "int8.onnx"


@dataclass(frozen=True)
class FittedEight:
    """A network at 8 bits and its program; `files` are what is to be written."""

    fitted: Fitted
    quantised: Quantised

    @property
    def files(self) -> dict[str, bytes]:
        """What is to be written, by name."""
        made = self.quantised.model.SerializeToString(deterministic=True)
        return {**self.fitted.files, FILE: made}

    def facts(self) -> dict[str, Any]:
        """Everything `fit --int8 --json` prints, but for accuracies."""
        return {**self.fitted.facts(), "quantised": self.quantised.facts()}


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
        samples=task.samples, max_elements=task.max_elements, chip=task.chip, progress=progress,
    )  # fmt: skip
    return FittedEight(fitted, found)


def show_fitted(
    found: FittedEight,
    rates: Mapping[str, Any],
    labels: Sequence[str] | None,
) -> str:
    """The fit in words, then what became of the network."""
    shown = show_fit(found.fitted, labels)
    first, *more = show_eight(found.quantised, rates, "  at 8 bits      before and after")
    return "\n".join([shown, first, *(f"  {line}" for line in more)])
