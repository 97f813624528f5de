"""A program run on an emulated board, and its instructions counted by operator.

net.elf   .board_at: (number, address), ..    from where on instructions are whose
count.c   a plug-in of the emulator, compiled here for it
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.errors import CheckError, UsageError
from lowtide.timing.board_where import Where, where
from lowtide.timing.boards import DATA, Board

LATE = 124
"""What stands for the status of a program that did not end."""


@dataclass(frozen=True)
class Counted:
    """Instructions of one run by operator, the driver's last, and the stack that it took."""

    instructions: tuple[int, ...]
    calls: tuple[int, ...]
    stack_bytes: int
    where: Where


def build_counter(board: Board, compiler: Sequence[str], folder: Path) -> None:
    """Makes the plug-in for the emulator; raises UsageError where it does not compile."""
    said = run_child([board.family.emulator.command, "--version"]).stdout.decode(errors="replace")
    version = re.search(r"version (\d+)", said)
    api = 1 if version is None or int(version[1]) < 9 else 2
    (folder / "count.c").write_text((DATA / "count.c").read_text())
    command = [*compiler, "-O2", "-shared", "-fPIC", f"-DAPI={api}", "-o", _COUNTER, "count.c"]
    done = run_child(command, cwd=folder)
    if done.returncode:
        raise UsageError(
            f"the plug-in that counts instructions does not compile with {' '.join(compiler)}: "
            f"{' '.join(done.stderr.decode(errors='replace').split())[:300]}"
        )


_COUNTER = "count.so"


def run_counted(board: Board, elf: Path, operators: int, seconds: float) -> Counted:
    """Runs a program on the files `inputs` and `outputs`, with the plug-in, all of them beside it.

    Raises CheckError where it faults, says that something is wrong, or takes too long.
    """
    folder = elf.parent
    (folder / "marks").write_text("".join(f"{at:x} {n}\n" for n, at in _marks(board, elf)))
    plug = f"./{_COUNTER},marks=marks,operators={operators},out=counts"
    status, said = run_on_board(board, elf, seconds, ["-plugin", plug])
    _check_end(board, status, said, seconds)
    stack = re.search(r"^stack (\d+)$", said, re.MULTILINE)
    text = _read(folder / "counts")
    counts = re.findall(r"^operator \d+ (\d+) (\d+)$", text, re.MULTILINE)
    if stack is None or len(counts) != operators + 1:
        raise CheckError(
            f"{board.family.emulator.command} counted nothing: its plug-in did not run"
        )
    calls, instructions = zip(*((int(a), int(b)) for a, b in counts), strict=True)
    return Counted(instructions, calls, int(stack[1]), where(board, elf, text))


def run_on_board(
    board: Board, elf: Path, seconds: float, options: Sequence[str] = ()
) -> tuple[int, str]:
    """Runs a program where it lies; its status and what it said."""
    family = board.family
    machine = [family.emulator.command, family.selects, board.machine]
    command = [*machine, *options, *family.options, elf.name]
    try:
        done = run_child(command, cwd=elf.parent, seconds=seconds)
    except subprocess.TimeoutExpired:
        return LATE, ""
    said = (done.stdout + done.stderr).decode(errors="replace")
    return done.returncode, _read(elf.parent / "said") + said


def _check_end(board: Board, status: int, said: str, seconds: float) -> None:
    if status == 0:
        return
    if status == LATE:
        raise CheckError(
            f"the program on {board.name} did not end within {seconds:g} s",
            hint="--timeout gives it longer",
        )
    last = said.strip().rpartition("\n")[2][:300]
    raise CheckError(f"the program on {board.name} stopped with status {status}: {last}")


def _marks(board: Board, elf: Path) -> list[tuple[int, int]]:
    """Pairs of number and address from the section of the marks."""
    run_child(
        [board.family.tool("objcopy"), "--dump-section", ".board_at=at", elf.name, "/dev/null"],
        cwd=elf.parent,
    )
    with suppress(OSError):
        held = (elf.parent / "at").read_bytes()
        return [(n, at & ~1) for n, at in struct.iter_unpack("<iI", held)]
    raise CheckError(f"{elf.name} has no marks to count between")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
