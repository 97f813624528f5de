"""`lowtide fit`."""

from __future__ import annotations

from pathlib import Path

import typer

from lowtide.cli.calibration import warnings
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
    Report,
    Sample,
    Target,
    Test,
    Tiles,
    Together,
    Verbose,
)
from lowtide.cli.fit_together import fit_together
from lowtide.cli.model import Input, Models, network_given, refuse_factories, stem
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
from lowtide.cli.output import Out, show
from lowtide.cli.progress import StageLine
from lowtide.cli.recipe import PATHS, recipe
from lowtide.cli.repeat import given_to, suggesting
from lowtide.errors import UsageError
from lowtide.room import MAX_ELEMENTS


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
    input_: Input = None,
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
    report: Report = True,
    max_elements: MaxElements = MAX_ELEMENTS,
    verbose: Verbose = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a C program for the network that needs little RAM, and check what it computes.

    All that the network computes lies in one block of memory, the arena. The folder gets net.c and
    net.h (the program), main.c (how it is called) and report.html (the arena, moment by moment).
    """
    from lowtide.files import check_folder
    from lowtide.pipeline.asked import ask
    from lowtide.pipeline.fit_any import run
    from lowtide.pipeline.fit_text import show_detail
    from lowtide.pipeline.fitted import Fitted
    from lowtide.pipeline.pictures import paths
    from lowtide.quoting import identifier

    given = given_to(context)
    if output is None and target != "none":
        called = name or "_".join(stem(one) for one in model[: len(model) if together else 1])
        output = Path(f"{identifier(called, set())}-lowtide")
    again = {} if output is None else recipe(context, output)
    line = StageLine(model[0], quiet)
    if together or target == "tflite":
        refuse_factories(model, "fit the module by itself first, then give its exported.onnx")
    if together:
        show(fit_together(given, Out(output, again, model, report), as_json, line))
        return
    if len(model) > 1 or keep or endless:
        several = "several networks, --keep and --endless"
        raise UsageError(f"{several} are for --together; without it name one network")
    asked = ask(**given)
    small = int8 or asked.flash is not None
    if verbose and (small or target not in ("c99", "none")):
        raise UsageError("--verbose is for C without --int8 and --flash")
    read = [
        model[0],
        *(path for name in sorted(PATHS & given.keys()) for path in paths(given[name])),
    ]
    network = network_given(model[0], input_, shape, quiet)
    out = network.out(context, Out(output, again, read, report))
    if output is not None:
        certain = out.wanted(dict.fromkeys(asked.certain, b""))
        check_folder(output, {*certain, *out.recipe}, out.read)
    with suggesting(context), line as progress:
        made = run(asked, network.exported or model[0], progress)
        written = out.write(made)
    warnings(made.warnings)
    text = f"{made}\n{show_detail(made)}" if verbose and isinstance(made, Fitted) else str(made)
    show(out.said(made.facts() if as_json else text, written))
