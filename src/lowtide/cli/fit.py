"""`lowtide fit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lowtide.cli.calibration import Data, warnings
from lowtide.cli.fit_flash import fit_small, flash_of_chip
from lowtide.cli.fit_int8 import check_int8, fit_int8
from lowtide.cli.fit_tiles import fit_tiles
from lowtide.cli.fit_together import check_together, fit_together
from lowtide.cli.output import in_folder, show
from lowtide.cli.progress import StageLine
from lowtide.cli.recipe import recipe
from lowtide.cli.repeat import suggesting
from lowtide.errors import UsageError
from lowtide.pipeline.fit_text import label_warnings, show_detail, show_fit
from lowtide.room import MAX_ELEMENTS

if TYPE_CHECKING:
    from lowtide.pipeline.fit import Fitted

from lowtide.cli.options import (
    PICTURES,
    PLANNING,
    PROGRAM,
    Align,
    Cc,
    Chip,
    Config,
    Cpu,
    ElementBytes,
    FusePools,
    Image,
    IoLayout,
    IoType,
    Json,
    KeepInput,
    MaxElements,
    MaxOverhead,
    MeanOrNot,
    Models,
    Name,
    Objective,
    Order,
    Overlap,
    Place,
    Quiet,
    Result,
    Schedule,
    Shapes,
    State,
    StdOrNot,
    Tile,
    Uncalibrated,
    Weights,
    numbers_or_none,
    parse_tile,
)


def fit(
    context: typer.Context,
    model: Models,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder to write; of one of lowtide's, your own files stay. ./MODEL-lowtide, or "
            "./NAME-lowtide with --name, unless given.",
        ),
    ] = None,
    config: Config = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="The RAM there is, for arena, stack and state: 256KiB, 1MiB, 65536. The stack is "
            "that of the code of --cc, --cpu or this machine; without their compiler, or with "
            "--target none, the arena counts."
        ),
    ] = None,
    chip: Chip = None,
    schedule: Schedule = "stream",
    order: Order = "least",
    overlap: Overlap = "group",
    place: Place = "exact",
    target: Annotated[
        Literal["c99", "onnx", "none"],
        typer.Option(
            help="What to emit; onnx: the network, from an ONNX file, cut into tiles; none: plan "
            "only.",
            rich_help_panel=PROGRAM,
        ),
    ] = "c99",
    tiles: Annotated[
        int | None,
        typer.Option(
            help="With --target onnx: at most so many tiles a segment (16).",
            rich_help_panel=PROGRAM,
        ),
    ] = None,
    align: Align = 16,
    cpu: Cpu = None,
    cc: Cc = None,
    element_bytes: ElementBytes = None,
    io_layout: IoLayout = "nhwc",
    io_type: IoType = None,
    fuse_pools: FusePools = None,
    tile: Tile = None,
    keep_input: KeepInput = False,
    state: State = None,
    image: Image = "resident",
    result: Result = "resident",
    max_overhead: MaxOverhead = None,
    objective: Objective = "memory",
    name: Name = None,
    shape: Shapes = None,
    sample: Annotated[
        list[Path] | None,
        typer.Option(
            help="A picture, .npy or .npz to compare on; may be repeated. A picture of another "
            "size is stretched (Pillow's BILINEAR), never cropped."
        ),
    ] = None,
    mean: MeanOrNot = None,
    std: StdOrNot = None,
    bgr: Annotated[
        bool, typer.Option("--bgr", help="Pictures in BGR order.", rich_help_panel=PICTURES)
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Names of the classes, a line each, for samples.", rich_help_panel=PICTURES
        ),
    ] = None,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Make a float32 ONNX network one of 8 bits first, which approximates it: that "
            "wants --calibrate, or --uncalibrated.",
        ),
    ] = False,
    flash: Annotated[
        str | None,
        typer.Option(
            help="The flash there is for weights and code: 512KiB. Weights that do not fit are "
            "stored in few bits, which approximates them: that wants --calibrate, or "
            "--uncalibrated. Without it nothing is approximated. For ONNX files."
        ),
    ] = None,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --int8 or --flash: pictures the network knows, some hundred: files, "
            "folders, .npy or .npz [N,C,H,W]; may be repeated. They are stretched as a --sample is."
        ),
    ] = None,
    uncalibrated: Uncalibrated = False,
    test: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --int8 or --flash: pictures to measure accuracy on, before and after.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Class numbers of --test, or else of --calibrate: a line each or .npy.",
            rich_help_panel=PICTURES,
        ),
    ] = None,
    weights: Weights = "both",
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Plan several networks, which take turns, into one arena and one folder.",
            rich_help_panel=PROGRAM,
        ),
    ] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="With --together: an input or output that survives the turns of the others: "
            "face:image; may be repeated. face:features=wake:image: the same bytes, so that wake "
            "reads what face makes.",
            rich_help_panel=PROGRAM,
        ),
    ] = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="Also print the time of each stage.", rich_help_panel=PLANNING
        ),
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan the network, emit its C99 program in one arena (or ONNX in tiles), and check it."""
    from lowtide.data.samples import SampleFiles, read_labels
    from lowtide.files import check_folder, write_folder
    from lowtide.files.listing import CERTAIN, RECIPE
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.fit import fit as run
    from lowtide.pipeline.fit_flash import Request
    from lowtide.planner.plan import Options
    from lowtide.quoting import identifier, own

    if output is None and target != "none":
        called = name or "_".join(one.stem for one in model[: len(model) if together else 1])
        output = Path(f"{identifier(called, set())}-lowtide")
    pictures = SampleFiles(tuple(sample or ()), numbers_or_none(mean), numbers_or_none(std), bgr)
    options = Options(
        schedule, order, overlap, place, align, element_bytes, io_layout,
        fuse_pools=fuse_pools, tile=parse_tile(tile), keep_input=keep_input, image=image,
        result=result, max_overhead=max_overhead or 0.0, objective=objective,
        name=Options.name if together else name or Options.name, cpu=cpu, pixels=pictures.words,
        io_type=io_type or ("8bit" if int8 else "file"), cc=cc, state=tuple(state or ()),
    )  # fmt: skip
    again = {} if output is None else recipe(context, output)
    first, line = model[0], StageLine(model[0], quiet)
    if together:
        check_together(context, target)
        named = name.split(",") if name else None
        made = fit_together(
            model, named, keep or (), budget, options, target, output, max_elements, as_json, line,
            again,
        )  # fmt: skip
        show(made)
        return
    if len(model) > 1 or keep:
        raise UsageError("several networks, and --keep, are for --together; fit others one by one")
    if chip is not None and (calibrate or uncalibrated) and not int8:
        flash = flash or flash_of_chip(chip)
    read = [p for p in (first, labels, classes, *(sample or ())) if p is not None]
    read += [*(calibrate or ()), *(test or ())]
    if output is not None:
        certain = CERTAIN[target] | ({"compressed.onnx"} if flash is not None else set())
        certain |= {RECIPE, *({"int8.onnx"} if int8 else ())}
        check_folder(output, {own(one, options.name) for one in certain}, read)
    names = None if labels is None else read_labels(labels)
    data = Data(
        calibrate or (), test or (), classes, mean or "0", std or "1", bgr, weights, uncalibrated
    )  # fmt: skip
    if verbose and (int8 or flash is not None or target == "onnx"):
        raise UsageError("--verbose is for C without --int8 and --flash")
    shapes = parse_shapes(shape or [])
    task = Request(
        budget, options, target, pictures.read, shapes, max_elements=max_elements, chip=chip
    )  # fmt: skip
    if int8:
        check_int8(data, flash, target, element_bytes)
        with suggesting(context):
            text = fit_int8(first, task, data, output, names, as_json, line, read, again)
        show(text)
        return
    if flash is not None:
        with suggesting(context):
            text = fit_small(first, flash, task, data, output, names, as_json, line, read, again)
        show(text)
        return
    if data.asked:
        raise UsageError(
            "--calibrate, --uncalibrated, --test and --classes are for --int8 and --flash, "
            "--weights is for --flash"
        )
    if target == "onnx":
        asked = replace(options, max_overhead=0.0, pixels="") != Options()
        if asked or labels is not None or chip:
            raise UsageError(
                "--target onnx takes --budget, --tiles, --max-overhead, --shape and samples"
            )
        with suggesting(context):
            made = fit_tiles(
                first, output, budget, tiles, max_overhead, pictures, shapes, max_elements,
                as_json, line, again,
            )  # fmt: skip
        show(made)
        return
    if tiles is not None:
        raise UsageError("--tiles is for --target onnx")
    with suggesting(context), line as progress:
        fitted = run(
            first,
            budget=budget,
            options=options,
            target=target,
            samples=pictures.read,
            shapes=shapes,
            max_elements=max_elements,
            chip=chip,
            progress=progress,
        )
        figures = fitted.figures
        files = {**fitted.files, **again}
        written = write_folder(output, files, read, figures=figures) if output else []
    facts = {**fitted.facts(), **warnings(label_warnings(fitted, names))}
    show(in_folder(facts if as_json else _shown(fitted, names, verbose), output, written))


def _shown(fitted: Fitted, names: Sequence[str] | None, verbose: bool) -> str:
    text = show_fit(fitted, names)
    return f"{text}\n{show_detail(fitted)}" if verbose else text
