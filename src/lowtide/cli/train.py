"""`lowtide train-compressed`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from lowtide.cli.compress import files_read, show_result
from lowtide.cli.model import OnnxModel, refuse_factories
from lowtide.cli.options import (
    Bgr,
    Classes,
    Flash,
    Json,
    MaxElements,
    Mean,
    Output,
    Quiet,
    Shapes,
    Std,
    Test,
    Weights,
)
from lowtide.cli.parse import parse_numbers
from lowtide.cli.progress import StageLine
from lowtide.errors import UsageError
from lowtide.room import MAX_ELEMENTS


def train_compressed(
    model: OnnxModel,
    flash: Flash,
    output: Output,
    data: Annotated[
        list[Path],
        typer.Option(
            help="Pictures with classes: a folder of one folder a class, or .npz with 'values' "
            "[N,C,H,W] and 'labels' [N]; may be repeated."
        ),
    ],
    classes: Classes = None,
    test: Test = None,
    mean: Mean = "0",
    std: Std = "1",
    bgr: Bgr = False,
    weights: Weights = "both",
    steps: Annotated[int, typer.Option(help="Batches to train on.")] = 1500,
    minutes: Annotated[float | None, typer.Option(help="Ends sooner after these.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures in a batch.")] = 128,
    rate: Annotated[float, typer.Option(help="The largest learning rate.")] = 0.01,
    shift: Annotated[int, typer.Option(help="Pixels by which pictures are shifted.")] = 4,
    mirror: Annotated[bool, typer.Option(help="Mirror pictures at random.")] = True,
    orthonormal: Annotated[float, typer.Option(help="Weight of the paper's regulariser.")] = 0.0,
    held_back: Annotated[float, typer.Option(help="Share of the data for validation.")] = 0.05,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File to go on from after Ctrl-C; default: OUTPUT.pt.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    shape: Shapes = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compress, then train what is stored to do as the network did. Needs torch."""
    from lowtide.data.pictures import Scaling
    from lowtide.files import check_file, write_file
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.pictures import FAMILIES
    from lowtide.weights.labelled import Given
    from lowtide.weights.network import read as read_network

    refuse_factories([model], "train the module itself, with lowtide.weights.train.generate")
    kept = checkpoint or output.with_name(f"{output.name}.pt")
    for path, option in ((output, "-o"), (kept, "--checkpoint")):
        check_file(path, model, option, files_read(path, model, data, test, classes))
    if kept.resolve() == output.resolve():
        raise UsageError(f"--checkpoint {kept} is the output; name another file")
    training = _training()
    options = training.TrainOptions(
        steps, batch, rate, minutes, shift, mirror, orthonormal, held_back, seed, device
    )
    shapes = parse_shapes(shape or [])
    network = read_network(model, shapes, max_elements)
    scaling = Scaling(parse_numbers(mean), parse_numbers(std), bgr)
    given = Given(scaling, data, classes=None if test else classes)
    tests = Given(given.scaling, (), test, classes) if test else Given(given.scaling)
    for each in (given, tests):
        each.inputs(network)
    pictures = given.held["calibrate"]
    if pictures.classes is None:
        raise UsageError("no classes: give --classes, folders of one class each, or .npz 'labels'")
    with (
        training.processes(device) as (first, own),
        _progress(model, first and not quiet) as progress,
    ):
        trained = training.train(
            model, flash, pictures, given.scaling, FAMILIES[weights],
            replace(options, device=own), kept, shapes, max_elements, progress,
        )  # fmt: skip
        if not first:
            return
        after = trained.after
        rates = tests.rates(after.network, after.model, progress) | training.rates(trained)
        write_file(output, trained.after.model.SerializeToString())
    kept.unlink(missing_ok=True)
    show_result(trained.after, rates, tests.warnings, model, output, as_json)


def _training() -> Any:
    try:
        from lowtide.weights.train import command
    except ImportError as error:
        raise UsageError(str(error)) from error
    return command


def _progress(model: Path, shown: bool) -> AbstractContextManager[Callable[[str], None]]:
    return StageLine(model) if shown else nullcontext(lambda _: None)
