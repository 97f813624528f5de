"""compress() and quantise() of Python: what the commands do, by the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from lowtide.clock import Progress, quiet
from lowtide.ir.graph import Shape
from lowtide.pipeline.pictures import FAMILIES, File, Files, pictures
from lowtide.pipeline.read import Model
from lowtide.pipeline.signature import signed
from lowtide.room import MAX_ELEMENTS
from lowtide.weights.compress import compress as compress_network
from lowtide.weights.compressed import Compressed
from lowtide.weights.eight import Quantised
from lowtide.weights.eight import quantise as quantise_network


def compress(
    model: Model,
    flash: str | int,
    *,
    calibrate: Files | None = None,
    uncalibrated: bool = False,
    test: Files | None = None,
    classes: File | None = None,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    bgr: bool = False,
    weights: Literal["both", "plain", "generated"] = "both",
    form: Literal["cheaper", "factored", "materialised"] = "cheaper",
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Compressed:
    """Stores the weights of an ONNX network in few bytes, without training.

    flash          bytes for all weights, scales and biases, as a number or "256KiB"
    form           run factors as a chain of small layers, make the weights, or the cheaper
    others         as for `lowtide.fit`

    Returns a Compressed; `save("small.onnx")` writes the file. Raises ModelError, BudgetError where
    so few bytes cannot be, UsageError.
    """
    given, say = pictures(calibrate, test, classes, uncalibrated, mean, std, bgr), progress or quiet
    found = compress_network(
        model, flash, given.inputs, families=FAMILIES[weights],
        execution=None if form == "cheaper" else form, shapes=shape, max_elements=max_elements,
        progress=say,
    )  # fmt: skip
    rates = given.rates(found.network, found.model, say)
    return replace(found, rates=rates, warnings=tuple(given.warnings))


def quantise(
    model: Model,
    *,
    calibrate: Files | None = None,
    uncalibrated: bool = False,
    test: Files | None = None,
    classes: File | None = None,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    bgr: bool = False,
    shape: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    progress: Progress | None = None,
) -> Quantised:
    """Makes a float32 ONNX network one of 8 bits, in QDQ form, without training.

    Options are those of `lowtide.fit`, which does this too, with `int8`.

    Returns a Quantised; `save("eight.onnx")` writes the file. Raises ModelError and UsageError.
    """
    given, say = pictures(calibrate, test, classes, uncalibrated, mean, std, bgr), progress or quiet
    found = quantise_network(
        model, given.inputs, shapes=shape, max_elements=max_elements, progress=say
    )
    rates = given.rates(found.network, found.floats, say)
    return replace(found, rates=rates, warnings=tuple(given.warnings))


signed(compress)
signed(quantise)
