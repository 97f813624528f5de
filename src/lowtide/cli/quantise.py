"""`lowtide quantise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowtide.cli.calibration import warnings
from lowtide.cli.compress import check_onnx, files_read
from lowtide.cli.model import Input, OnnxModel, network_given
from lowtide.cli.output import show
from lowtide.cli.parse import parse_numbers
from lowtide.cli.progress import StageLine
from lowtide.room import MAX_ELEMENTS

from lowtide.cli.options import (  # isort: skip
    Bgr,
    Classes,
    Json,
    MaxElements,
    Mean,
    Output,
    Quiet,
    Shapes,
    Std,
    Test,
)


def quantise(
    model: OnnxModel,
    output: Output,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option(
            help="Pictures the network knows, some hundred: files, folders, .npy or .npz [N,C,H,W] "
            "(bytes are pixels, other numbers go in as they are); may be repeated. Pictures of "
            "other sizes are stretched (Pillow's BILINEAR), never cropped."
        ),
    ] = None,
    uncalibrated: Annotated[
        bool,
        typer.Option(
            "--uncalibrated", help="Do without --calibrate, on noise, which costs accuracy."
        ),
    ] = False,
    test: Test = None,
    classes: Classes = None,
    mean: Mean = "0",
    std: Std = "1",
    bgr: Bgr = False,
    shape: Shapes = None,
    input_: Input = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Turn a float32 network into one of 8 bits, an ONNX file in QDQ form, without training."""
    from lowtide.files import check_file
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.approximate import quantise as run
    from lowtide.weights.eight_text import show_quantised

    check_file(output, model, read=files_read(output, model, calibrate, test, classes))
    check_onnx(output)
    network = network_given(model, input_, shape, quiet).model
    with StageLine(model, quiet) as progress:
        found = run(
            network, calibrate=calibrate or (), uncalibrated=uncalibrated, test=test or (),
            classes=classes, mean=parse_numbers(mean), std=parse_numbers(std), bgr=bgr,
            shape=parse_shapes(shape or []), max_elements=max_elements, progress=progress,
        )  # fmt: skip
        found.save(output)
    facts = {**found.facts(), "file": str(output), **warnings(found.warnings)}
    show(facts if as_json else show_quantised(found, found.rates, output))
