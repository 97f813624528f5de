"""bench_on_board(): run the program that fit wrote on an emulated board, and count."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.child import run_child
from lowtide.check.compile import check_compiler, find_compiler
from lowtide.check.difference import check_near, compare
from lowtide.check.expected import Expected, Kind
from lowtide.check.numbers import Sample
from lowtide.check.trial import pack, split
from lowtide.check.verify import Folder, read_folder
from lowtide.clock import Progress, quiet
from lowtide.errors import NO_COMPILER, CheckError, UsageError
from lowtide.ir.graph import Array
from lowtide.timing.board_build import build_for_board
from lowtide.timing.board_result import BoardCount, OperatorCount
from lowtide.timing.board_run import Counted, build_counter, run_counted
from lowtide.timing.boards import board as find_board
from lowtide.timing.boards import check_tools
from lowtide.timing.program import build_timer

Results = Mapping[str, Sequence[Array]]


@dataclass(frozen=True)
class Asked:
    """How net.c is compiled for the board, and how long it may run."""

    board: str
    compiler: str = "gcc"
    flags: str = ""
    """More of them, as a shell would split them."""
    timeout: float = 600.0

    @property
    def more(self) -> list[str]:
        """The flags one by one; raises UsageError."""
        try:
            return shlex.split(self.flags)
        except ValueError as error:
            raise UsageError(f"--flags {self.flags}: {error}") from None


def bench_on_board(folder: str | Path, asked: Asked, progress: Progress = quiet) -> BoardCount:
    """Counts the instructions of the program in a folder that fit wrote, on an emulated board.

    What it computes there must be what this PC's build computes. Raises UnreadableModel for missing
    or damaged files, UsageError without the tools, CheckError where it does not compile or fit,
    does not end, or computes something else.
    """
    board = find_board(asked.board)
    check_tools(board.tools, f"--board {board.name}")
    if not 0 < asked.timeout < 1e6:
        raise UsageError("--timeout takes a number above 0")
    held = read_folder(Path(folder))
    compiler = find_compiler()
    if compiler is None:
        raise UsageError(NO_COMPILER)
    check_compiler(tuple(compiler))
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as name:
        there = Path(name) / "board"
        what = f"compiling {held.memory.called}.c for {board.name} with {asked.compiler}"
        progress(" ".join([what, *asked.more]))
        program = build_for_board(
            held.files, held.memory, board, there, len(held.samples), asked.compiler, asked.more
        )
        data = b"".join(pack(held.memory.inputs, sample.inputs) for sample in held.samples)
        (there / "inputs").write_bytes(data)
        here = _run_here(held, compiler, Path(name) / "here", data, progress)
        progress(f"running it on {board.name} ({board.machine} in {board.family.emulator.command})")
        build_counter(board, compiler, there)
        operators = len(held.memory.operators)
        counted = run_counted(board, program.elf, operators, asked.timeout)
        made = split((there / "outputs").read_bytes(), held.memory, held.samples)
    what = f"{held.memory.called}.c on board {board.name}"
    as_here = [_expecting(sample, here[sample.name]) for sample in held.samples]
    found = compare(made, as_here)
    check_near(found, as_here, what)
    check_near(compare(made, held.samples), held.samples, what)
    return BoardCount(
        held.memory, board.name, board.core, board.machine, program.built, _counts(held, counted),
        counted.where, counted.stack_bytes, program.sizes, found, board.cpu.name,
    )  # fmt: skip


def _expecting(sample: Sample, outputs: Sequence[Array]) -> Sample:
    """A sample of which this PC's results are expected: whole numbers as they are.

    Floats may round differently: fused multiply-adds, another C library, another order of sums.
    """
    own = sample.expected
    kind: Kind = "program" if own.whole else "float32"
    gaps = own.gaps if own.whole else ()
    held = Expected(tuple(outputs), kind, "this PC's build", gaps=gaps, overflows=own.overflows)
    return replace(sample, expected=held)


def _run_here(
    held: Folder, compiler: Sequence[str], folder: Path, data: bytes, progress: Progress
) -> Results:
    """What this PC's build makes of the same inputs."""
    progress("running this PC's build")
    program = build_timer(held.files, held.memory, folder, compiler, len(held.samples))
    (folder / "inputs").write_bytes(data)
    done = run_child([str(program), "inputs", "outputs"], cwd=folder)
    if done.returncode:
        raise CheckError(f"the program stopped with status {done.returncode} on this PC")
    return split((folder / "outputs").read_bytes(), held.memory, held.samples)


def _counts(held: Folder, counted: Counted) -> tuple[OperatorCount, ...]:
    names = [(o.name, o.type, o.macs) for o in held.memory.operators]
    return tuple(
        OperatorCount(*named, calls, instructions)
        for named, calls, instructions in zip(
            [*names, ("(driver)", "", 0)], counted.calls, counted.instructions, strict=True
        )
    )
