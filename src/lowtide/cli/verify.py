"""`lowtide verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowtide.cli.options import (
    Bgr,
    Classes,
    Json,
    MaxElements,
    MeanOrNot,
    Quiet,
    StdOrNot,
)
from lowtide.cli.output import show
from lowtide.cli.parse import numbers_or_none
from lowtide.cli.progress import StageLine
from lowtide.room import MAX_ELEMENTS


def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that fit wrote.", show_default=False)],
    model: Annotated[
        Path | None,
        typer.Option(help="The network (ONNX or .tflite), to compute what is expected anew."),
    ] = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(
            help="Pictures with classes, to print how often net.c is right: folders of one class "
            "each, .npz with 'values' or 'x' and 'labels' or 'y', or pictures and --classes; may "
            "be repeated."
        ),
    ] = None,
    layers: Annotated[
        bool,
        typer.Option(
            "--layers",
            help="Compare every operator's result with the reference's, and name the first that "
            "differs; needs --model.",
        ),
    ] = False,
    classes: Classes = None,
    mean: MeanOrNot = None,
    std: StdOrNot = None,
    bgr: Bgr = False,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Repeat the checks of fit from the files in a folder.

    Compiles and runs the C in the folder, or the .tflite file in TensorFlow Lite Micro: do so only
    with folders that you trust.
    """
    from lowtide.pipeline.verify_any import verify as run

    with StageLine(folder, quiet) as progress:
        verified = run(
            folder, model, progress, max_elements, layers=layers, test=test, classes=classes,
            mean=numbers_or_none(mean), std=numbers_or_none(std), bgr=bgr,
        )  # fmt: skip
    show(verified.facts() if as_json else str(verified))
