"""`lowtide bench`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lowtide.cli.completion import boards
from lowtide.cli.options import Json, Quiet
from lowtide.cli.output import show
from lowtide.cli.parse import refuse_given
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
    """Time the program in a folder on one core: compiled with net.h's flags, checked, run.

    Compiles and runs the C in the folder: do so only with folders that you trust.

    Times are those of the processor: what other processes take is not in them. The ratio is the
    median over pairs of runs that stood side by side.

    With --board it is run in an emulator instead, must compute what it computes here, and its
    instructions are counted, operator by operator.
    """
    timed = {"against": against, "model": model, "profile": profile or None, "seconds": seconds}
    counted = {"compiler": compiler, "flags": flags, "timeout": timeout}
    if board is not None:
        refuse_given(timed, "does not go with --board")
        _on_board(folder, board, counted, report, quiet, as_json)
        return
    refuse_given(counted, "goes with --board, which is not given")
    from lowtide.timing.bench import bench as run
    from lowtide.timing.bench_text import bench_text
    from lowtide.timing.measured_page import check_report, of_times, write_report

    if report is not None:
        check_report(folder, report)
    with StageLine(folder, quiet) as progress:
        benched = run(
            folder, against, model=model, profile=profile or report is not None,
            seconds=5.0 if seconds is None else seconds, progress=progress,
        )  # fmt: skip
    if report is not None:
        write_report(folder, report, of_times(benched))
    show(benched.facts() if as_json else _with_report(bench_text(benched), report))


def _on_board(
    folder: Path,
    board: str,
    asked: Mapping[str, Any],
    report: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    from lowtide.timing.board_bench import Asked, bench_on_board
    from lowtide.timing.board_text import board_text
    from lowtide.timing.measured_page import check_report, of_counts, write_report

    if report is not None:
        check_report(folder, report)
    given = {key: value for key, value in asked.items() if value is not None}
    with StageLine(folder, quiet) as progress:
        counted = bench_on_board(folder, Asked(board, **given), progress)
    if report is not None:
        write_report(folder, report, of_counts(counted))
    show(counted.facts() if as_json else _with_report(board_text(counted), report))


def _with_report(text: str, report: Path | None) -> str:
    return text if report is None else f"{text}\n\n  written  {report}"
