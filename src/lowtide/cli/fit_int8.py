"""`lowtide fit --int8`: made 8 bits, then fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.cli.calibration import Data, scaling, warnings
from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.errors import UsageError

if TYPE_CHECKING:
    from lowtide.pipeline.fit_flash import Request


def check_int8(data: Data, flash: str | None, target: str, element_bytes: int | None) -> None:
    """Raises UsageError for options that do not go with --int8."""
    if flash is not None:
        raise UsageError("--int8 makes weights a quarter as large; give no --flash with it")
    if target == "onnx":
        raise UsageError("--int8 is for --target c99 and none; lowtide quantise writes ONNX")
    if element_bytes is not None:
        raise UsageError("--int8 plans with the sizes there are; give no --element-bytes with it")
    if data.weights != "both":
        raise UsageError("--weights is for --flash")


def fit_int8(
    model: Path,
    task: Request,
    data: Data,
    out: Out,
    names: Sequence[str] | None,
    as_json: bool,
    line: StageLine,
) -> Mapping[str, Any] | str:
    """What `fit --int8` does: writes the folder, returns what is printed."""
    from lowtide.pipeline.fit_eight import fit_eight, show_fitted
    from lowtide.pipeline.fit_text import label_warnings
    from lowtide.weights.labelled import Given

    pixels = scaling(data.mean, data.std, data.bgr)
    given = Given(pixels, data.calibrate, data.test, data.classes, data.uncalibrated)
    with line as progress:
        found = fit_eight(model, task, given.inputs, progress)
        rates = given.rates(found.quantised.network, found.quantised.floats, progress)
        written = out.write(found.files, found.fitted.figures)
    warned = warnings([*given.warnings, *label_warnings(found.fitted, names)])
    if as_json:
        return out.said({**found.facts(), **rates, **warned}, written)
    return out.said(show_fitted(found, rates, names), written)
