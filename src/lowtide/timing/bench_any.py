"""bench() of Python: what `lowtide bench` does, by the same names, here or on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, overload

from lowtide.clock import Progress, quiet
from lowtide.errors import UsageError
from lowtide.pipeline.pictures import File
from lowtide.pipeline.signature import given_of, signed
from lowtide.timing.bench import bench as bench_here
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_result import BoardCount
from lowtide.timing.measured_page import check_report, of_counts, of_times, write_report
from lowtide.timing.result import Benched

SECONDS = 5.0
_HERE, _BOARD = ("against", "model", "profile", "seconds"), ("compiler", "flags", "timeout")


@overload
def bench(
    folder: File,
    against: Literal["onnxruntime", "litert"] | None = None,
    *,
    model: File | None = None,
    profile: bool = False,
    seconds: float = SECONDS,
    report: File | None = None,
    progress: Progress | None = None,
) -> Benched: ...


@overload
def bench(
    folder: File,
    *,
    board: str,
    compiler: Literal["gcc", "clang"] = "gcc",
    flags: str = "",
    timeout: float = 600.0,
    report: File | None = None,
    progress: Progress | None = None,
) -> BoardCount: ...


def bench(
    folder: File,
    against: str | None = None,
    *,
    report: File | None = None,
    progress: Progress | None = None,
    **given: object,
) -> Benched | BoardCount:
    """Times the program in a folder that `lowtide.fit` made, on one core, on its own samples.

    The C in the folder is compiled and run: only for folders that are trusted.

    against        "onnxruntime", or "litert" for .tflite files: runs in turns with the program
    model          the network for `against`; else looked for in the folder, beside it, and here
    profile        also the time of each operator
    seconds        how long is measured; slow networks take 5 runs at least
    report         write the folder's report.html here, with what was measured of each operator
    board          run it on this board in an emulator and count instructions: "m4", "m7", ..
    compiler, flags, timeout
                   of `board`: what compiles it, more flags, seconds that the emulator may take
    progress       is called with each stage in words, as it begins

    Returns a Benched, or of a board a BoardCount. Raises ModelError for missing or damaged files,
    UsageError without a compiler, tools or a model, CheckError where results are not those of the
    fit.
    """
    beside = {"against": against, **given}
    asked, say, home = given_of(bench, beside), progress or quiet, Path(folder)
    file = None if report is None else Path(report)
    board = asked.pop("board", None)
    where = "does not go with --board" if board else "goes with --board, which is not given"
    for name in _HERE if board else _BOARD:
        if name in asked:
            raise UsageError(f"--{name} {where}")
    if file is not None:
        check_report(home, file)
    made: Benched | BoardCount
    if board is not None:
        made = bench_on_board(home, Asked(board, **asked), say)
        measured = of_counts(made)
    else:
        asked["profile"] = asked.get("profile", False) or file is not None
        made = bench_here(home, **asked, progress=say)
        measured = of_times(made)
    if file is not None:
        write_report(home, file, measured)
    return made


signed(bench)
