"""`lowtide bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lowtide.cli.completion import boards
from lowtide.cli.options import Json, Quiet
from lowtide.cli.output import show
from lowtide.cli.progress import StageLine


def bench(
    folder: Annotated[Path, typer.Argument(help="A folder that fit wrote.", show_default=False)],
    against: Annotated[
        Literal["onnxruntime", "litert"] | None,
        typer.Option(help="Run this in turns with the program; litert for .tflite files."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="The network for --against; else the file that was fitted, or one of its name in "
            "OUT, beside it, or here."
        ),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Also the time of each operator, beside its memory.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write the folder's report.html here, with what was measured of each operator."
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="How long to measure, 5 unless given; slow networks take 5 runs at least."
        ),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option(
            help="Run it on this board in an emulator and count instructions (see boards).",
            autocompletion=boards,
        ),
    ] = None,
    compiler: Annotated[
        Literal["gcc", "clang"] | None,
        typer.Option(help="What compiles the program for --board; gcc unless given."),
    ] = None,
    flags: Annotated[
        str | None,
        typer.Option(help="More flags for that compiler, such as -Os; the last -O counts."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds that the emulator may take with --board; 600 unless given."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Time the program in a folder on this PC, or count its instructions on an emulated board.

    It is compiled with net.h's flags, checked, and run on one core.

    Compiles and runs the C in the folder: do so only with folders that you trust.

    Times are those of the processor: what other processes take is not in them. The ratio is the
    median over pairs of runs that stood side by side.

    With --board it is run in an emulator instead, must compute what it computes here, and its
    instructions are counted, operator by operator.
    """
    from lowtide.timing.bench_any import bench as run

    given: dict[str, Any] = {
        "against": against, "model": model, "profile": profile, "seconds": seconds,
        "board": board, "compiler": compiler, "flags": flags, "timeout": timeout,
    }  # fmt: skip
    with StageLine(folder, quiet) as progress:
        made = run(folder, report=report, progress=progress, **given)
    text = str(made) if report is None else f"{made}\n\n  written  {report}"
    show(made.facts() if as_json else text)
