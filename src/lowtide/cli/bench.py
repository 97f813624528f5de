"""`lowtide bench`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from lowtide.cli.options import Json, Quiet
from lowtide.cli.output import show
from lowtide.cli.progress import StageLine


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
    board: Annotated[
        str | None,
        typer.Option(
            help="Run it on this board in an emulator and count instructions (see boards)."
        ),
    ] = None,
    compiler: Annotated[
        Literal["gcc", "clang"], typer.Option(help="What compiles net.c for --board.")
    ] = "gcc",
    flags: Annotated[
        str, typer.Option(help="More flags for that compiler, such as -Os; the last -O counts.")
    ] = "",
    timeout: Annotated[
        float, typer.Option(help="Seconds that the emulator may take with --board.")
    ] = 600.0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Time the program in a folder on one core: compiled with net.h's flags, checked, run.

    Compiles and runs the C in the folder: do so only with folders that you trust.

    Times are those of the processor: what other processes take is not in them. The ratio is the
    median over pairs of runs that stood side by side.
    """
    if board is not None:
        _on_board(folder, board, compiler, flags, timeout, quiet, as_json)
        return
    from lowtide.timing.bench import bench as run
    from lowtide.timing.bench_text import bench_text

    with StageLine(folder, quiet) as progress:
        benched = run(
            folder, against, model=model, profile=profile, seconds=seconds, progress=progress
        )
    show(benched.facts() if as_json else bench_text(benched))


def _on_board(
    folder: Path,
    board: str,
    compiler: str,
    flags: str,
    timeout: float,
    quiet: bool,
    as_json: bool,
) -> None:
    from lowtide.timing.board_bench import Asked, bench_on_board
    from lowtide.timing.board_text import board_text

    asked = Asked(board, compiler, tuple(shlex.split(flags)), timeout)
    with StageLine(folder, quiet) as progress:
        counted = bench_on_board(folder, asked, progress)
    show(counted.facts() if as_json else board_text(counted))
