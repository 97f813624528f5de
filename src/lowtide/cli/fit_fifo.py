"""`lowtide fit --target fifo`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from lowtide.cli.output import Out
from lowtide.cli.progress import StageLine
from lowtide.cli.repeat import refuse_others

_TAKES = ("io_type", "shape", "max_elements")


def fit_fifo(context: typer.Context, out: Out) -> Mapping[str, Any] | str:
    """What it does: writes the folder, returns what is printed."""
    from lowtide.files import check_folder
    from lowtide.files.listing import CERTAIN, RECIPE
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.fit_fifo import fit_fifo as run

    refuse_others(context, "fifo", _TAKES, "it emits no program")
    given = context.params
    if out.folder is not None:
        check_folder(out.folder, {*CERTAIN["fifo"], RECIPE}, out.read)
    with StageLine(given["model"][0], given["quiet"]) as progress:
        fitted = run(
            given["model"][0],
            shapes=parse_shapes(given["shape"] or []),
            max_elements=given["max_elements"],
            io_type=given["io_type"] or "file",
            progress=progress,
        )
        written = out.write(fitted.files)
    return out.said(fitted.facts() if given["as_json"] else str(fitted), written)
