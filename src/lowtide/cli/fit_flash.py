"""`lowtide fit --flash`: both memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.cli.calibration import FAMILIES, Data, scaling, warnings
from lowtide.cli.output import in_folder
from lowtide.cli.progress import StageLine
from lowtide.pipeline.fit_text import label_warnings

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
    output: Path | None,
    names: Sequence[str] | None,
    as_json: bool,
    line: StageLine,
    read: Sequence[Path],
    again: Mapping[str, bytes],
) -> Mapping[str, Any] | str:
    """What `fit --flash` does: writes the folder, returns what is printed.

    `read` are all the files that were named; the folder may hold them.
    """
    from lowtide.files import write_folder
    from lowtide.pipeline.fit_flash import check_target, fit_flash
    from lowtide.pipeline.fit_flash_text import show_small
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
        figures = found.fitted.figures
        files = {**found.files, **again}
        written = write_folder(output, files, read, figures=figures) if output else []
    warned = warnings([*given.warnings, *label_warnings(found.fitted, names)])
    if as_json:
        return in_folder({**found.facts(), **rates, **warned}, output, written)
    return in_folder(show_small(found, flash, rates, names), output, written)
