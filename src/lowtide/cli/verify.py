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
from lowtide.errors import UsageError
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
    """Repeat the checks from the files in a folder.

    Compiles and runs the C in the folder, or the .tflite file in TensorFlow Lite Micro: do so only
    with folders that you trust.
    """
    from lowtide.check.layers import compare_layers, naming
    from lowtide.check.tested import run_tests
    from lowtide.check.verify import verify as run
    from lowtide.check.verify_fifo import holds_fifos, verify_fifos
    from lowtide.check.verify_tflite import planned_file, verify_tflite
    from lowtide.check.verify_together import holds_several, verify_together
    from lowtide.data.labelled import LabelledFiles
    from lowtide.pipeline.fit_text import changed_lines, show_verified
    from lowtide.pipeline.together_text import show_verified_together

    if not test and (classes or mean or std or bgr):
        raise UsageError("--classes, --mean, --std and --bgr are for --test")
    if layers and model is None:
        raise UsageError(f"{folder}: --layers compares with the network; name it with --model FILE")
    if planned := planned_file(folder):
        if layers or test:
            raise UsageError(f"{folder} holds a .tflite file: --layers and --test are for programs")
        with StageLine(folder, quiet) as progress:
            one = verify_tflite(folder, planned, model, progress)
        show(one.facts() if as_json else "\n".join([str(one), *changed_lines(one.changed)]))
        return
    if holds_several(folder):
        if layers or test:
            raise UsageError(f"{folder} holds several networks: --layers and --test are for one")
        with StageLine(folder, quiet) as progress:
            all_of_them = verify_together(folder, model, progress, max_elements)
        show(all_of_them.facts() if as_json else show_verified_together(all_of_them))
        return
    if holds_fifos(folder):
        if layers or test or model:
            raise UsageError(
                f"{folder} holds depths of FIFOs: --model, --layers and --test are for C"
            )
        with StageLine(folder, quiet) as progress:
            depths = verify_fifos(folder, progress)
        show(depths.facts() if as_json else str(depths))
        return
    given = LabelledFiles(test or (), classes, numbers_or_none(mean), numbers_or_none(std), bgr)
    with StageLine(folder, quiet) as progress:
        looked = compare_layers(folder, model, progress) if layers and model else None
        with naming(looked):
            verified = run(folder, model, progress, max_elements)
        tested = run_tests(folder, given, progress) if test else None
    if as_json:
        parts = [one.facts() for one in (looked, tested) if one]
        show({name: fact for part in (verified.facts(), *parts) for name, fact in part.items()})
    else:
        show("\n".join([show_verified(verified), *(str(one) for one in (looked, tested) if one)]))
