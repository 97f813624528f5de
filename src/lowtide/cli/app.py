"""The command line: one command for each public function, no logic."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lowtide.cli import weights as weights_commands
from lowtide.cli.output import show, write
from lowtide.cli.progress import Progress
from lowtide.cli.repeat import suggesting
from lowtide.errors import UsageError
from lowtide.pipeline.fit_text import label_warnings, show_detail, show_fit, show_verified
from lowtide.room import MAX_ELEMENTS
from lowtide.version import __version__

if TYPE_CHECKING:
    from lowtide.data.samples import Pictures
    from lowtide.pipeline.fit import Fitted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Makes a neural network fit in the memory you have, and proves it computes the same.",
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 budget cannot be met, 4 input unreadable or "
    "unsupported, 5 a check failed, 129, 130 and 143 interrupted.",
)

Model = Annotated[Path, typer.Argument(help="The network, an ONNX file.", show_default=False)]
Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on stdout, also of an error."),
]
Schedule = Annotated[
    Literal["layerwise", "stream"],
    typer.Option(
        help="Operators one after the other, or row by row in turns where that needs less."
    ),
]
Order = Annotated[
    Literal["given", "least"],
    typer.Option(help="Operators in the file's order, or the order of least peak."),
]
Overlap = Annotated[
    Literal["none", "row", "group", "pixel"],
    typer.Option(
        help="What may share bytes: dead tensors (layer by layer), rows, what the kernels make at "
        "a time, or pixels."
    ),
]
Place = Annotated[
    Literal["greedy", "exact"], typer.Option(help="How storages are placed in the arena.")
]
Align = Annotated[
    int,
    typer.Option(
        help="Storages begin at multiples of this many bytes from the arena's start; the arena "
        "itself at the largest power of two in that, 64 at least."
    ),
]
ElementBytes = Annotated[
    int | None,
    typer.Option(help="Plan as if elements had this size (1: int8); fit needs --target none."),
]
FusePools = Annotated[
    bool | None,
    typer.Option(
        "--fuse-pools/--no-fuse-pools",
        help="Pools compute what they read, where that is done once; off with --overlap none.",
    ),
]
Tile = Annotated[
    str | None,
    typer.Option(help="Pixels x channels an accelerator writes at a time: 1x16. Plans only."),
]
KeepInput = Annotated[
    bool, typer.Option("--keep-input", help="Leave the inputs in the arena as they were.")
]
Image = Annotated[
    Literal["resident", "streamed"],
    typer.Option(help="The inputs lie in the arena, or are handed in row by row (a camera)."),
]
Result = Annotated[
    Literal["resident", "streamed"],
    typer.Option(help="The outputs stay in the arena, or are taken row by row."),
]
MaxOverhead = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Multiply-adds that may be done twice to save memory, a share: 0.05 is 5 %; with "
        "--budget no more than it takes. c99: operators in parts, also where that costs nothing; "
        "a streamed image may be read several times; 0 unless given. onnx: halos of tiles; 0.04 "
        "unless given.",
    ),
]
Objective = Annotated[
    Literal["memory", "balanced", "latency"],
    typer.Option(
        help="Rows of an operator that are made in one step, so that weights are read less often. "
        "memory: as many as the least arena has room for. latency: as many as it takes for weights "
        "to cost little, in more memory. balanced: half-way. With --budget the fastest that fits."
    ),
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
IoLayout = Annotated[
    Literal["nhwc", "nchw"], typer.Option(help="Memory order of images handed in and out.")
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="The version, and out.")] = False,
) -> None:
    if version:
        show(f"lowtide {__version__}")
        raise typer.Exit


@app.command(epilog="Example: `lowtide profile net.onnx --overlap none`")
def profile(
    model: Model,
    schedule: Schedule = "stream",
    order: Order = "least",
    overlap: Overlap = "group",
    place: Place = "exact",
    align: Align = 16,
    element_bytes: ElementBytes = None,
    io_layout: IoLayout = "nhwc",
    fuse_pools: FusePools = None,
    tile: Tile = None,
    keep_input: KeepInput = False,
    image: Image = "resident",
    result: Result = "resident",
    max_overhead: MaxOverhead = None,
    objective: Objective = "memory",
    shape: Shapes = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    as_json: Json = False,
) -> None:
    """What the network costs: live bytes of each operator, peaks, MACs, weights."""
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.fit import overlaps
    from lowtide.planner.plan import Options
    from lowtide.report.profile_text import profile_facts, profile_text

    options = Options(
        schedule, order, overlap, place, align, element_bytes, io_layout,
        fuse_pools=fuse_pools, tile=_tile(tile), keep_input=keep_input, image=image, result=result,
        max_overhead=max_overhead or 0.0, objective=objective,
    )  # fmt: skip
    with Progress(model) as progress:
        plans = overlaps(model, options, progress, parse_shapes(shape or []), max_elements)
    plan = plans.pop("plan")
    show(profile_facts(plan, plans) if as_json else profile_text(plan, others=plans))


@app.command(
    epilog="Examples: `lowtide fit net.onnx -o out --budget 256KiB --sample cat.png`; "
    "`lowtide fit net.onnx -o out --budget 128KiB --flash 512KiB --calibrate pictures/`"
)
def fit(
    context: typer.Context,
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder to write; of one of lowtide's, your own files stay."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="The RAM there is, for arena, stack and state: 256KiB, 1MiB, 65536. The stack is "
            "that of this PC's code; without a compiler, or with --target none, the arena counts."
        ),
    ] = None,
    schedule: Schedule = "stream",
    order: Order = "least",
    overlap: Overlap = "group",
    place: Place = "exact",
    target: Annotated[
        Literal["c99", "onnx", "none"],
        typer.Option(help="What to emit; onnx: the network cut into tiles; none: plan only."),
    ] = "c99",
    tiles: Annotated[
        int | None, typer.Option(help="With --target onnx: at most so many tiles a segment (16).")
    ] = None,
    align: Align = 16,
    element_bytes: ElementBytes = None,
    io_layout: IoLayout = "nhwc",
    fuse_pools: FusePools = None,
    tile: Tile = None,
    keep_input: KeepInput = False,
    image: Image = "resident",
    result: Result = "resident",
    max_overhead: MaxOverhead = None,
    objective: Objective = "memory",
    shape: Shapes = None,
    sample: Annotated[
        list[Path] | None,
        typer.Option(help="A picture, .npy or .npz to compare on; may be repeated."),
    ] = None,
    mean: Annotated[
        str, typer.Option(help="Subtracted from pixels (0..255): one value or one a channel.")
    ] = "0",
    std: Annotated[str, typer.Option(help="Pixels are divided by this after --mean.")] = "1",
    bgr: Annotated[bool, typer.Option("--bgr", help="Pictures in BGR order.")] = False,
    labels: Annotated[
        Path | None, typer.Option(help="Names of the classes, a line each, for samples.")
    ] = None,
    flash: Annotated[
        str | None,
        typer.Option(
            help="The flash there is for weights and code: 512KiB. Weights that do not fit are "
            "stored in few bits, which approximates them: that wants --calibrate, or "
            "--uncalibrated. Without it nothing is approximated."
        ),
    ] = None,
    calibrate: Annotated[
        list[Path] | None,
        typer.Option(
            help="With --flash: pictures the network knows, some hundred: files, folders, .npy or "
            ".npz [N,C,H,W]; may be repeated."
        ),
    ] = None,
    uncalibrated: weights_commands.Uncalibrated = False,
    test: Annotated[
        list[Path] | None,
        typer.Option(help="With --flash: pictures to measure accuracy on, before and after."),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="Class numbers of --test, or else of --calibrate: a line each or .npy."),
    ] = None,
    weights: weights_commands.Weights = "both",
    max_elements: MaxElements = MAX_ELEMENTS,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also print the time of each stage.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Plan the network, emit its C99 program in one arena (or ONNX in tiles), and check it."""
    from lowtide.data.samples import Pictures, read_labels
    from lowtide.files import check_folder, write_folder
    from lowtide.files.listing import CERTAIN
    from lowtide.frontends.onnx.shapes import parse_shapes
    from lowtide.pipeline.fit import fit as run
    from lowtide.pipeline.fit_flash import Task
    from lowtide.planner.plan import Options

    if output is None and target != "none":
        raise UsageError("name a folder with -o, or plan only with --target none")
    read = [p for p in (model, labels, classes, *(sample or ())) if p is not None]
    read += [*(calibrate or ()), *(test or ())]
    if output is not None:
        certain = CERTAIN[target] | ({"compressed.onnx"} if flash is not None else set())
        check_folder(output, certain, read)
    names = read_labels(labels)
    options = Options(
        schedule, order, overlap, place, align, element_bytes, io_layout,
        fuse_pools=fuse_pools, tile=_tile(tile), keep_input=keep_input, image=image, result=result,
        max_overhead=max_overhead or 0.0, objective=objective,
    )  # fmt: skip
    pictures = Pictures(tuple(sample or ()), _numbers(mean), _numbers(std), bgr)
    data = weights_commands.Data(
        calibrate or (), test or (), classes, mean, std, bgr, weights, uncalibrated
    )  # fmt: skip
    if verbose and (flash is not None or target == "onnx"):
        raise UsageError("--verbose is for C without --flash")
    if flash is not None:
        task = Task(
            budget, options, target, pictures.read, parse_shapes(shape or []),
            max_elements=max_elements,
        )  # fmt: skip
        with suggesting(context):
            text = weights_commands.fit_small(
                model, flash, task, data, output, names, as_json, read
            )
        show(text)
        return
    if data.asked:
        raise UsageError(
            "--calibrate, --uncalibrated, --test, --classes and --weights are for --flash"
        )
    if target == "onnx":
        if replace(options, max_overhead=0.0) != Options() or labels is not None:
            raise UsageError("--target onnx takes --budget, --tiles, --max-overhead and samples")
        with suggesting(context):
            made = _fit_portable(
                model, output, budget, tiles, max_overhead, pictures, max_elements, as_json
            )
        show(made)
        return
    if tiles is not None:
        raise UsageError("--tiles is for --target onnx")
    with suggesting(context), Progress(model) as progress:
        fitted = run(
            model,
            budget=budget,
            options=options,
            target=target,
            samples=pictures.read,
            shapes=parse_shapes(shape or []),
            max_elements=max_elements,
            progress=progress,
        )
        if output is not None:
            write_folder(output, fitted.files, read)
    warned = weights_commands.warnings(label_warnings(fitted, names))
    facts = {**fitted.facts(), **warned}
    show(facts if as_json else _shown(fitted, output, names, verbose))


def _shown(fitted: Fitted, output: Path | None, names: Sequence[str], verbose: bool) -> str:
    text = show_fit(fitted, output, names)
    return f"{text}\n{show_detail(fitted)}" if verbose else text


def _fit_portable(
    model: Path,
    output: Path | None,
    budget: str | None,
    tiles: int | None,
    max_overhead: float | None,
    pictures: Pictures,
    max_elements: int,
    as_json: bool,
) -> dict[str, Any] | str:
    """fit --target onnx."""
    from lowtide.files import write_folder
    from lowtide.pipeline.fit_onnx import MAX_OVERHEAD, TILES, fit_portable

    with Progress(model) as progress:
        fitted = fit_portable(
            model,
            budget=budget,
            tiles=TILES if tiles is None else tiles,
            max_overhead=MAX_OVERHEAD if max_overhead is None else max_overhead,
            samples=pictures.read,
            max_elements=max_elements,
            progress=progress,
        )
        if output is not None:
            write_folder(output, fitted.files, [model, *pictures.files])
    return fitted.facts() if as_json else str(fitted)


@app.command(epilog="Example: `lowtide explore net.onnx -o front --image streamed`")
def explore(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for front.svg and points.jsonl; goes on with the latter."
        ),
    ] = None,
    image: Annotated[
        Literal["resident", "streamed"],
        typer.Option(
            help="streamed: also try plans that take the inputs row by row (bands: once a band)."
        ),
    ] = "resident",
    element_bytes: Annotated[
        int | None, typer.Option(help="Plan as if elements had this size (1: int8).")
    ] = None,
    max_overhead: Annotated[
        float, typer.Option(help="Extra multiply-adds to try at most, a share: 0.05 is 5 %.")
    ] = 0.5,
    align: Align = 16,
    code: Annotated[
        bool, typer.Option("--code", help="Compile each program, and count its code.")
    ] = False,
    max_elements: MaxElements = MAX_ELEMENTS,
    as_json: Json = False,
) -> None:
    """Plan the network in many ways: the front of memory, work, weight traffic and code."""
    from lowtide.explorer.explore import explore as run
    from lowtide.explorer.front_text import front_text
    from lowtide.explorer.recipes import recipes
    from lowtide.planner.plan import Options

    asked = Options(align=align, element_bytes=element_bytes, image=image)
    tried = recipes(asked, max_overhead)
    with Progress(model) as progress:
        found = run(
            model, tried, folder=output, code=code, max_elements=max_elements, progress=progress
        )
    text = front_text(found.source.file, str(model), found.tried, found.points)
    show(found.facts() if as_json else text)


@app.command(epilog="Example: `lowtide verify out --model net.onnx`")
def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that fit wrote.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option(help="The network, to compute what is expected anew.")
    ] = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    as_json: Json = False,
) -> None:
    """Repeat the checks from the files in a folder.

    Compiles and runs the C in the folder: do so only with folders that you trust.
    """
    from lowtide.check.verify import verify as run

    with Progress(folder) as progress:
        verified = run(folder, model, progress, max_elements)
    show(verified.facts() if as_json else show_verified(verified))


@app.command(epilog="Example: `lowtide bench out --against onnxruntime --model net.onnx --profile`")
def bench(
    folder: Annotated[Path, typer.Argument(help="A folder that fit wrote.", show_default=False)],
    against: Annotated[
        Literal["onnxruntime"] | None, typer.Option(help="Run this in turns with the program.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="The network for --against; else looked for in OUT, beside it, and here."
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also the time of each operator, beside its memory.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="How long to measure; slow networks take 5 runs at least.")
    ] = 5.0,
    as_json: Json = False,
) -> None:
    """Time the program in a folder on one core: compiled with net.h's flags, checked, run.

    Compiles and runs the C in the folder: do so only with folders that you trust.

    Times are those of the processor: what other processes take is not in them. The ratio is the
    median over pairs of runs that stood side by side.
    """
    from lowtide.timing.bench import bench as run
    from lowtide.timing.bench_text import bench_text

    with Progress(folder) as progress:
        benched = run(
            folder, against, model=model, profile=profile, seconds=seconds, progress=progress
        )
    show(benched.facts() if as_json else bench_text(benched))


@app.command()
def operators(as_json: Json = False) -> None:
    """The ONNX operators and attributes that are understood."""
    from lowtide.report.operators import operators_facts, operators_text

    show(operators_facts() if as_json else operators_text())


@app.command(epilog="Example: `lowtide place A.csv --capacity 1MiB -o placed.csv`")
def place(
    file: Annotated[
        Path,
        typer.Argument(help="Buffers, a CSV file: id,lower,upper,size[,gaps].", show_default=False),
    ],
    capacity: Annotated[
        str | None, typer.Option(help="The memory there is: 1MiB, 65536; else the least is sought.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV file to write; else stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Place the buffers of a minimalloc CSV file: the same file with a column of offsets."""
    from lowtide.files import check_file, write_file
    from lowtide.minimalloc.csv_file import read_csv, written_csv
    from lowtide.pipeline.fit_text import placed_facts, show_placed
    from lowtide.pipeline.place import place_buffers
    from lowtide.sizes import parse_bytes

    limit = None if capacity is None else parse_bytes(capacity)
    if output is not None:
        check_file(output, file)
    with Progress(file) as progress:
        table = read_csv(file)
        placed = place_buffers(table.buffers, limit, progress=progress)
        content = written_csv(table, placed.offsets)
        if output is not None:
            write_file(output, content)
    if as_json:
        show(placed_facts(table.buffers, placed, limit))
    elif output is not None:
        show(show_placed(placed, output))
    elif sys.stdout is not None and sys.stdout.isatty():
        show(content.decode().rstrip("\n"))
    else:  # a file, or another command: as it would be written with -o
        write(content)


app.command(
    epilog="Example: `lowtide compress net.onnx --flash 256KiB --calibrate pictures/ -o o.onnx`"
)(weights_commands.compress)
app.command(
    epilog="Example: `lowtide train-compressed net.onnx --flash 64KiB --data d.npz -o o.onnx`"
)(weights_commands.train_compressed)


def _tile(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    words = text.lower().split("x")
    if len(words) != 2 or not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"--tile {text}: pixels x channels, two numbers from 1 up, such as 1x16")
    return int(words[0]), int(words[1])


def _numbers(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"'{text}' is no number or comma-separated numbers") from None
    return values
