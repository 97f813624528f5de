"""`lowtide verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowtide.cli.options import Json, MaxElements, Quiet
from lowtide.cli.output import show
from lowtide.cli.progress import StageLine
from lowtide.pipeline.fit_text import show_verified
from lowtide.room import MAX_ELEMENTS


def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that fit wrote.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option(help="The network, to compute what is expected anew.")
    ] = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Repeat the checks from the files in a folder.

    Compiles and runs the C in the folder: do so only with folders that you trust.
    """
    from lowtide.check.verify import verify as run

    with StageLine(folder, quiet) as progress:
        verified = run(folder, model, progress, max_elements)
    show(verified.facts() if as_json else show_verified(verified))
