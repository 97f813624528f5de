"""`lowtide fit --flash`: both memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.cli.calibration import FAMILIES, Data, scaling, warnings
from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine

if TYPE_CHECKING:
    from lowtide.pipeline.fit_flash import Request


def flash_of_chip(chip: str) -> str | None:
    """What the chip has of flash, as --flash says it."""
    from lowtide.kernels.chips import find_chip

    flash = find_chip(chip).flash_bytes
    return None if flash is None else str(flash)


def fit_small(
    model: Path,
    flash: str,
    task: Request,
    data: Data,
    out: Out,
    names: Sequence[str] | None,
    as_json: bool,
    line: StageLine,
) -> Mapping[str, Any] | str:
    """What `fit --flash` does: writes the folder, returns what is printed."""
    from lowtide.pipeline.fit_flash import check_target, fit_flash
    from lowtide.pipeline.fit_flash_text import show_small
    from lowtide.pipeline.fit_text import label_warnings
    from lowtide.weights.labelled import Given

    check_target(task.target)
    pixels = scaling(data.mean, data.std, data.bgr)
    given = Given(
        pixels, data.calibrate, data.test, data.classes, data.uncalibrated
    )  # fmt: skip
    wanted = replace(task, families=FAMILIES[data.weights])
    with line as progress:
        found = fit_flash(model, flash, wanted, given.inputs, progress)
        rates: dict[str, Any] = {}
        if found.compressed is not None:
            rates = given.rates(found.compressed.network, found.compressed.model, progress)
        written = out.write(found.files, found.fitted.figures)
    warned = warnings([*given.warnings, *label_warnings(found.fitted, names)])
    if as_json:
        return out.said({**found.facts(), **rates, **warned}, written)
    return out.said(show_small(found, flash, rates, names), written)
