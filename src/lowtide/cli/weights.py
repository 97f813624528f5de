"""`lowtide compress`, `lowtide train-compressed`, and `lowtide fit --flash`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lowtide.cli.output import say, show
from lowtide.cli.progress import Progress
from lowtide.errors import UsageError
from lowtide.pipeline.fit_text import label_warnings
from lowtide.room import MAX_ELEMENTS

if TYPE_CHECKING:
    from lowtide.data.pictures import Scaling
    from lowtide.pipeline.fit_flash import Task
    from lowtide.weights.compress import Compressed
    from lowtide.weights.labelled import Given

Model = Annotated[Path, typer.Argument(help="The network, an ONNX file.", show_default=False)]
Flash = Annotated[str, typer.Option(help="Bytes for all weights, scales and biases: 256KiB.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="ONNX file to write.")]
Test = Annotated[
    list[Path] | None,
    typer.Option(help="Pictures to measure accuracy on, before and after; see --calibrate."),
]
Uncalibrated = Annotated[
    bool,
    typer.Option(
        "--uncalibrated", help="Store weights small without --calibrate, which costs accuracy."
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(help="Class numbers, a line each or .npy, of --test, or else of the pictures."),
]
Mean = Annotated[
    str, typer.Option(help="Subtracted from pixels (0..255): one value or one a channel.")
]
Std = Annotated[str, typer.Option(help="Pixels are divided by this after --mean.")]
Bgr = Annotated[bool, typer.Option("--bgr", help="Pictures in BGR order.")]
Weights = Annotated[
    Literal["both", "plain", "generated"],
    typer.Option(help="What layers may become: n-bit weights, factors, or whichever is better."),
]
Form = Annotated[
    Literal["cheaper", "factored", "materialised"],
    typer.Option(help="Run factors as a chain of small layers, make the weights, or the cheaper."),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option("--shape", help="An input's shape, where the file leaves it open: x=1x3x224x224."),
]
MaxElements = Annotated[
    int,
    typer.Option(
        min=1,
        help="Networks whose tensors, constants and activations together, have more elements are "
        "refused before they take memory.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, also of an error.")]

_FAMILIES: dict[str, tuple[Literal["plain", "generated"], ...]] = {
    "both": ("plain", "generated"),
    "plain": ("plain",),
    "generated": ("generated",),
}


def compress(
    model: Model,
    flash: Flash,
    output: Output,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option(
            help="Pictures the network knows, some hundred: files, folders, .npy or .npz [N,C,H,W] "
            "(bytes are pixels, other numbers go in as they are); may be repeated."
        ),
    ] = None,
    uncalibrated: Uncalibrated = False,
    test: Test = None,
    labels: Labels = None,
    mean: Mean = "0",
    std: Std = "1",
    bgr: Bgr = False,
    weights: Weights = "both",
    form: Form = "cheaper",
    shape: Shapes = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    as_json: Json = False,
) -> None:
    """Store the weights in few bytes, without training: low-bit factors, chosen layer by layer."""
    from lowtide.files import check_file, write_file
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.weights.compress import compress as run
    from lowtide.weights.labelled import Given

    check_file(output, model, read=_read(output, model, calibrate, test, labels))
    check_uncalibrated(uncalibrated, calibrate)
    given = Given(
        _scaling(mean, std, bgr), calibrate or (), test or (), labels, uncalibrated=uncalibrated
    )
    with Progress(model) as progress:
        found = run(
            model, flash, given.inputs, families=_FAMILIES[weights],
            execution=None if form == "cheaper" else form, shapes=parse_shapes(shape or []),
            max_elements=max_elements, progress=progress,
        )  # fmt: skip
        rates = given.rates(found, progress)
        write_file(output, found.model.SerializeToString())
    _print(found, rates, given, model, output, as_json)


def train_compressed(
    model: Model,
    flash: Flash,
    output: Output,
    data: Annotated[
        list[Path],
        typer.Option(
            help="Pictures with classes: a folder of one folder a class, or .npz with 'values' "
            "[N,C,H,W] and 'labels' [N]; may be repeated."
        ),
    ],
    labels: Labels = None,
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
    as_json: Json = False,
) -> None:
    """Compress, then train what is stored, taught by the network as it was. Needs torch."""
    from lowtide.files import check_file, write_file
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.weights.labelled import Given
    from lowtide.weights.network import read as read_network

    kept = checkpoint or output.with_name(f"{output.name}.pt")
    for path, option in ((output, "-o"), (kept, "--checkpoint")):
        check_file(path, model, option, _read(path, model, data, test, labels))
    if kept.resolve() == output.resolve():
        raise UsageError(f"--checkpoint {kept} is the output; name another file")
    training = _training()
    options = training.Options(
        steps, batch, rate, minutes, shift, mirror, orthonormal, held_back, seed, device
    )
    shapes = parse_shapes(shape or [])
    network = read_network(model, shapes)
    given = Given(_scaling(mean, std, bgr), data, labels=None if test else labels)
    tests = Given(given.scaling, (), test, labels) if test else Given(given.scaling)
    for each in (given, tests):
        each.inputs(network)
    pictures = given.held["calibrate"]
    if pictures.classes is None:
        raise UsageError("no classes: give --labels, folders of one class each, or .npz 'labels'")
    with training.processes(device) as (first, own), _progress(first) as progress:
        trained = training.train(
            model, flash, pictures, given.scaling, _FAMILIES[weights],
            replace(options, device=own), kept, shapes, progress,
        )  # fmt: skip
        if not first:
            return
        rates = tests.rates(trained.after, progress) | training.rates(trained)
        write_file(output, trained.after.model.SerializeToString())
    kept.unlink(missing_ok=True)
    _print(trained.after, rates, tests, model, output, as_json)


@dataclass(frozen=True)
class Data:
    """Pictures of a `fit --flash`: to calibrate and to test on, and the tests' class numbers."""

    calibrate: Sequence[Path] = ()
    test: Sequence[Path] = ()
    classes: Path | None = None
    mean: str = "0"
    std: str = "1"
    bgr: bool = False
    weights: str = "both"
    uncalibrated: bool = False

    def __post_init__(self) -> None:
        check_uncalibrated(self.uncalibrated, self.calibrate)

    @property
    def asked(self) -> bool:
        """Whether any of its options was given."""
        given = self.calibrate or self.test or self.classes or self.uncalibrated
        return bool(given) or self.weights != "both"


def fit_small(
    model: Path,
    flash: str,
    task: Task,
    data: Data,
    output: Path | None,
    names: Sequence[str],
    as_json: bool,
    read: Sequence[Path] = (),
) -> dict[str, Any] | str:
    """What `fit --flash` does: writes the folder, returns what is printed.

    `read` are all the files that were named; the folder may hold them.
    """
    from lowtide.files import write_folder
    from lowtide.pipeline.fit_flash import check_target, fit_flash
    from lowtide.weights.labelled import Given
    from lowtide.weights.text import show_small

    check_target(task.target)
    scaling = _scaling(data.mean, data.std, data.bgr)
    given = Given(
        scaling, data.calibrate, data.test, data.classes, "--classes", data.uncalibrated
    )  # fmt: skip
    wanted = replace(task, families=_FAMILIES[data.weights])
    with Progress(model) as progress:
        found = fit_flash(model, flash, wanted, given.inputs, progress)
        rates: dict[str, Any] = {}
        if found.compressed is not None:
            rates = given.rates(found.compressed, progress)
        if output is not None:
            write_folder(output, found.files, read)
    warned = warnings([*given.warnings, *label_warnings(found.fitted, names)])
    if as_json:
        return {**found.facts(), **rates, **warned}
    return show_small(found, flash, rates, output, names)


def check_uncalibrated(uncalibrated: bool, calibrate: Sequence[Path] | None) -> None:
    """Raises UsageError for both at once."""
    if uncalibrated and calibrate:
        raise UsageError("--uncalibrated is for doing without --calibrate; give one of them")


def warnings(said: Sequence[str]) -> dict[str, list[str]]:
    """Says on stderr what does not match, and gives it for --json."""
    for one in said:
        say(f"warning: {one}")
    return {"warnings": list(said)}


def _read(output: Path, model: Path, *given: Sequence[Path] | Path | None) -> list[Path]:
    """All files that are read, if there is one that could be replaced."""
    from lowtide.frontends.onnx.tensors import external_files

    if not output.exists():
        return []
    named = [[one] if isinstance(one, Path) else one or () for one in given]
    return [*(path for paths in named for path in paths), *external_files(model)]


def _training() -> Any:
    try:
        from lowtide.weights.train import command
    except ImportError as error:
        raise UsageError(str(error)) from error
    return command


def _progress(shown: bool) -> AbstractContextManager[Callable[[str], None]]:
    return Progress() if shown else nullcontext(lambda _: None)


def _scaling(mean: str, std: str, bgr: bool) -> Scaling:
    from lowtide.data.pictures import Scaling

    return Scaling(_numbers(mean), _numbers(std), bgr)


def _print(
    found: Compressed,
    rates: dict[str, Any],
    given: Given,
    model: Path,
    output: Path,
    as_json: bool,
) -> None:
    from lowtide.weights.text import show_compressed

    facts = {**found.facts(), **rates, "file": str(output), **warnings(given.warnings)}
    show(facts if as_json else show_compressed(found, rates, model, output))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"'{text}' is no number or comma-separated numbers") from None
