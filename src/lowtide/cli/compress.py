"""`lowtide compress`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowtide.cli.calibration import warnings
from lowtide.cli.model import Input, OnnxModel, network_given
from lowtide.cli.output import show
from lowtide.cli.parse import parse_numbers
from lowtide.cli.progress import StageLine
from lowtide.errors import UsageError
from lowtide.frontends import ONNX_BEGINS
from lowtide.room import MAX_ELEMENTS

if TYPE_CHECKING:
    from lowtide.weights.compressed import Compressed

from lowtide.cli.options import (
    Bgr,
    Classes,
    Flash,
    Form,
    Json,
    MaxElements,
    Mean,
    Output,
    Quiet,
    Shapes,
    Std,
    Test,
    Uncalibrated,
    Weights,
)


def compress(
    model: OnnxModel,
    flash: Flash,
    output: Output,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option(
            help="Pictures the network knows, some hundred: files, folders, .npy or .npz [N,C,H,W] "
            "(bytes are pixels, other numbers go in as they are); may be repeated. Pictures of "
            "other sizes are stretched (Pillow's BILINEAR), never cropped."
        ),
    ] = None,
    uncalibrated: Uncalibrated = False,
    test: Test = None,
    classes: Classes = None,
    mean: Mean = "0",
    std: Std = "1",
    bgr: Bgr = False,
    weights: Weights = "both",
    form: Form = "cheaper",
    shape: Shapes = None,
    input_: Input = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Store the weights in fewer bytes, which approximates the network, without training."""
    from lowtide.files import check_file
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.approximate import compress as run

    check_file(output, model, read=files_read(output, model, calibrate, test, classes))
    check_onnx(output)
    network = network_given(model, input_, shape, quiet).model
    with StageLine(model, quiet) as progress:
        found = run(
            network, flash, calibrate=calibrate or (), uncalibrated=uncalibrated, test=test or (),
            classes=classes, mean=parse_numbers(mean), std=parse_numbers(std), bgr=bgr,
            weights=weights, form=form, shape=parse_shapes(shape or []),
            max_elements=max_elements, progress=progress,
        )  # fmt: skip
        found.save(output)
    show_result(found, found.rates, found.warnings, model, output, as_json)


def check_onnx(output: Path) -> None:
    """Raises UsageError where an ONNX file would have another's name, or take the place of one."""
    if output.suffix == ".tflite":
        raise UsageError(f"-o {output}: an ONNX file is written; name one that ends in .onnx")
    if output.is_file() and output.stat().st_size and output.read_bytes()[:1] != ONNX_BEGINS:
        raise UsageError(f"-o {output} is no ONNX file, and would be replaced; choose another name")


def files_read(output: Path, model: Path, *given: Sequence[Path] | Path | None) -> list[Path]:
    """All files that are read, if there is one that could be replaced."""
    from lowtide.frontends.onnx.tensors import external_files

    if not output.exists():
        return []
    named = [[one] if isinstance(one, Path) else one or () for one in given]
    return [*(path for paths in named for path in paths), *external_files(model)]


def show_result(
    found: Compressed,
    rates: Mapping[str, Any],
    warned: Sequence[str],
    model: Path,
    output: Path,
    as_json: bool,
) -> None:
    """Prints what became of a network's weights."""
    from lowtide.weights.text import show_compressed

    facts = {**found.facts(), **rates, "file": str(output), **warnings(warned)}
    show(facts if as_json else show_compressed(found, rates, model, output))
