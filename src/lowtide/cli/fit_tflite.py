"""`lowtide fit --target tflite`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.cli.repeat import refuse_others, was_given
from lowtide.errors import UsageError

if TYPE_CHECKING:
    from lowtide.data.samples import SampleFiles

_TAKES = ("order", "overlap", "place", "name", "sample", "mean", "std", "bgr", "max_elements")


def fit_tflite(context: typer.Context, out: Out, pictures: SampleFiles) -> Mapping[str, Any] | str:
    """What it does: writes the folder, returns what is printed."""
    from lowtide.files import check_folder
    from lowtide.files.listing import CERTAIN, RECIPE
    from lowtide.pipeline.fit_tflite import fit_tflite as run
    from lowtide.quoting import own

    overlap = _check(context)
    given = context.params
    model, name = given["model"][0], given["name"] or "net"
    if out.folder is not None:
        check_folder(out.folder, {own(one, name) for one in {*CERTAIN["tflite"], RECIPE}}, out.read)
    with StageLine(model, given["quiet"]) as progress:
        fitted = run(
            model,
            order=given["order"],
            overlap=overlap,
            how=given["place"],
            name=name,
            samples=pictures.read if pictures.files else None,
            max_elements=given["max_elements"],
            progress=progress,
        )
        written = out.write(fitted.files)
    return out.said(fitted.facts() if given["as_json"] else str(fitted), written)


def _check(context: typer.Context) -> str:
    """Which overlap was asked for; raises UsageError for options that mean nothing here."""
    refuse_others(context, "tflite", _TAKES, "TensorFlow Lite Micro stays the interpreter")
    if not was_given(context, "overlap"):
        return "none"
    overlap = str(context.params["overlap"])
    if overlap not in ("none", "pixel"):
        raise UsageError(
            f"--overlap {overlap}: with --target tflite none (right for any kernels) or pixel "
            "(TensorFlow Lite Micro's reference kernels)"
        )
    return overlap
