"""`lowtide fit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lowtide.cli.calibration import Data, warnings
from lowtide.cli.fit_fifo import fit_fifo
from lowtide.cli.fit_flash import fit_small, flash_of_chip
from lowtide.cli.fit_int8 import check_int8, fit_int8
from lowtide.cli.fit_options import (
    Bgr,
    Budget,
    Calibrate,
    Classes,
    Endless,
    Flash,
    Int8,
    Keep,
    Labels,
    Output,
    Sample,
    Target,
    Test,
    Tiles,
    Together,
    Verbose,
)
from lowtide.cli.fit_tflite import fit_tflite
from lowtide.cli.fit_tiles import fit_tiles
from lowtide.cli.fit_together import check_together, fit_together
from lowtide.cli.output import Out, show
from lowtide.cli.parse import numbers_or_none, parse_tile
from lowtide.cli.progress import StageLine
from lowtide.cli.recipe import recipe
from lowtide.cli.repeat import suggesting
from lowtide.errors import UsageError
from lowtide.room import MAX_ELEMENTS

if TYPE_CHECKING:
    from lowtide.pipeline.fit import Fitted

from lowtide.cli.options import (
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
    Package,
    Place,
    Push,
    Quiet,
    Result,
    Schedule,
    Shapes,
    State,
    StdOrNot,
    Tile,
    TimeAxis,
    Uncalibrated,
    Weights,
    Window,
)


def fit(
    context: typer.Context,
    model: Models,
    output: Output = None,
    config: Config = None,
    budget: Budget = None,
    chip: Chip = None,
    schedule: Schedule = "stream",
    order: Order = "least",
    overlap: Overlap = "group",
    place: Place = "exact",
    target: Target = "c99",
    tiles: Tiles = None,
    align: Align = 16,
    cpu: Cpu = None,
    cc: Cc = None,
    package: Package = None,
    element_bytes: ElementBytes = None,
    io_layout: IoLayout = "nhwc",
    io_type: IoType = None,
    fuse_pools: FusePools = None,
    tile: Tile = None,
    keep_input: KeepInput = False,
    state: State = None,
    image: Image = "resident",
    push: Push = None,
    window: Window = None,
    time_axis: TimeAxis = None,
    result: Result = "resident",
    max_overhead: MaxOverhead = None,
    objective: Objective = "memory",
    name: Name = None,
    shape: Shapes = None,
    sample: Sample = None,
    mean: MeanOrNot = None,
    std: StdOrNot = None,
    bgr: Bgr = False,
    labels: Labels = None,
    int8: Int8 = False,
    flash: Flash = None,
    calibrate: Calibrate = None,
    uncalibrated: Uncalibrated = False,
    test: Test = None,
    classes: Classes = None,
    weights: Weights = "both",
    together: Together = False,
    keep: Keep = None,
    endless: Endless = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    verbose: Verbose = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan the network, emit its C99 program in one arena (or ONNX in tiles), and check it."""
    from lowtide.data.samples import SampleFiles, read_labels
    from lowtide.files import check_folder
    from lowtide.files.listing import CERTAIN, RECIPE
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.packages import ecosystem
    from lowtide.pipeline.fit import fit as run
    from lowtide.pipeline.fit_flash import Request
    from lowtide.planner.plan import Options
    from lowtide.quoting import identifier, own

    if package is not None and target != "c99":
        raise UsageError(f"--package {package} is around a program: for --target c99 alone")
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
        package=package,
        push=push or 1, window=window or 0, time_axis=time_axis,
    )  # fmt: skip
    again = {} if output is None else recipe(context, output)
    if target == "tflite":
        show(fit_tflite(context, Out(output, again, [*model, *pictures.files]), pictures))
        return
    if target == "fifo":
        show(fit_fifo(context, Out(output, again, model)))
        return
    first, line = model[0], StageLine(model[0], quiet)
    if together:
        check_together(context, target)
        named = name.split(",") if name else None
        made = fit_together(
            model, named, keep or (), endless or (), budget, options, target,
            Out(output, again, model), max_elements, as_json, line,
        )  # fmt: skip
        show(made)
        return
    if len(model) > 1 or keep or endless:
        several = "several networks, --keep and --endless"
        raise UsageError(f"{several} are for --together; fit others one by one")
    if chip is not None and (calibrate or uncalibrated) and not int8:
        flash = flash or flash_of_chip(chip)
    read = [p for p in (first, labels, classes, *(sample or ())) if p is not None]
    read += [*(calibrate or ()), *(test or ())]
    out = Out(output, again, read)
    if output is not None:
        certain = CERTAIN[target] | ({"compressed.onnx"} if flash is not None else set())
        certain |= {RECIPE, *({"int8.onnx"} if int8 else ())}
        around = ecosystem(package).files(options.name) if package else ()
        check_folder(output, {*(own(one, options.name) for one in certain), *around}, read)
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
            text = fit_int8(first, task, data, out, names, as_json, line)
        show(text)
        return
    if flash is not None:
        with suggesting(context):
            text = fit_small(first, flash, task, data, out, names, as_json, line)
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
                first, out, budget, tiles, max_overhead, pictures, shapes, max_elements, as_json,
                line,
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
        written = out.write(fitted.files, fitted.figures)
    from lowtide.pipeline.fit_text import label_warnings

    facts = {**fitted.facts(), **warnings(label_warnings(fitted, names))}
    show(out.said(facts if as_json else _shown(fitted, names, verbose), written))


def _shown(fitted: Fitted, names: Sequence[str] | None, verbose: bool) -> str:
    from lowtide.pipeline.fit_text import show_detail, show_fit

    text = show_fit(fitted, names)
    return f"{text}\n{show_detail(fitted)}" if verbose else text
