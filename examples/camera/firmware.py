"""The program around a network: compiled for this PC and for boards, run on frames, measured.

out/camera/fitted   what fit wrote: net.c, net.h, ..
out/camera/host     main.c, camera.c, .., settings.h, frames.raw and the program, for this PC
out/camera/m4       the same for a board, whose linker is given just the RAM that there may be
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.check.compile import find_compiler
from lowtide.errors import CheckError, UsageError
from lowtide.timing.board_build import link
from lowtide.timing.board_run import build_counter, run_counted
from lowtide.timing.boards import DATA, Board

HERE = Path(__file__).parent
STACK = 2048
"""Bytes that the linker keeps for the stack; the board faults where it takes more."""

_WARNINGS = ("-Wall", "-Wextra", "-Werror")
_MARKS = ("-include", "at.h", "-DNET_AT(operator)=((void)0)", "-DCAMERA_AT(part)=BOARD_AT(part)")
_NO_STACK = """#include "board.h"
void board_stack_reset(void) { }
size_t board_stack_used(void) { return 0; }
"""
"""A PC's stack is not measured."""
_FLASH = (".vectors", ".text", ".rodata", ".exidx", ".data")
_PARTS = 3
"""What is counted apart: pixels, network, result (camera.h); what is outside comes last."""


@dataclass(frozen=True)
class Program:
    """A folder that fit wrote, the settings.h for it, and the frames that it is to see."""

    fitted: Path
    settings: str
    frames: bytes


@dataclass(frozen=True)
class Found:
    """What the program said of a frame: faces (score, left, top, right, bottom), or a label."""

    faces: tuple[tuple[int, ...], ...] = ()
    label: str = ""


@dataclass(frozen=True)
class OnBoard:
    """A run on a board. Bytes are those of the link map, stack as reserved; `stack` was used."""

    board: str
    core: str
    said: str
    data: int
    flash: int
    stack: int
    pixels: int
    network: int
    result: int
    """Instructions of all frames."""

    @property
    def ram(self) -> int:
        """Everything that lies in RAM: data, bss and the stack that the linker keeps."""
        return self.data + STACK

    @property
    def instructions(self) -> int:
        """Of all frames, reading and printing left out."""
        return self.pixels + self.network + self.result


def on_this_pc(program: Program, to: Path, more: Sequence[str] = ()) -> str:
    """What the program says of the frames, built for this PC; `more` are flags of the compiler."""
    compiler = find_compiler()
    if compiler is None:
        raise UsageError("no C compiler for this PC: set CC, or install gcc or clang")
    sources = _gather(program, to)
    for name in ("board.h", "system.c"):
        (to / name).write_text((DATA / name).read_text())
    (to / "no_stack.c").write_text(_NO_STACK)
    command = [*compiler, "-O2", "-std=gnu11", "-ffp-contract=fast", *_WARNINGS, *more, "-I."]
    _run([*command, *sources, "system.c", "no_stack.c", "-lm", "-o", "camera"], to)
    return _frames(_run(["./camera"], to))


def on_board(program: Program, to: Path, board: Board, ram: int, seconds: float) -> OnBoard:
    """The same on a board with so many bytes of RAM; raises CheckError where they do not do."""
    assert board.memory is not None
    small = replace(board, memory=replace(board.memory, ram_bytes=ram, stack_bytes=STACK))
    sources = _gather(program, to)
    (to / "at.h").write_text((DATA / "at.h").read_text())
    flags = ["-O3", "-ffp-contract=fast", "-ffunction-sections", "-fdata-sections", *_WARNINGS]
    elf = link(small, sources, to, [*flags, *_MARKS, "-I."])
    build_counter(small, find_compiler() or ["cc"], to)
    counted = run_counted(small, elf, _PARTS, seconds)
    pixels, network, result, _ = counted.instructions
    data, flash = _sizes(small, elf)
    said = _frames((to / "said").read_text())
    return OnBoard(
        board.name, board.core, said, data, flash, counted.stack_bytes, pixels, network, result
    )


def found_in(said: str) -> list[Found]:
    """What was said of each frame."""
    frames = []
    for line in said.splitlines():
        faces = re.findall(r" face (\S+) (\S+) (\S+) (\S+) (\S+)", line)
        label = re.search(r" label (.+) score \S+$", line)
        numbers = tuple(tuple(int(number) for number in face) for face in faces)
        frames.append(Found(numbers, label[1] if label else ""))
    return frames


def _gather(program: Program, to: Path) -> list[str]:
    """Everything that is compiled, and the frames, in one folder; the names of the sources."""
    to.mkdir(parents=True, exist_ok=True)
    (to / "settings.h").write_text(program.settings)
    (to / "frames.raw").write_bytes(program.frames)
    for folder in (HERE, program.fitted):
        for file in [*folder.glob("*.[ch]"), *folder.glob("*.bin")]:
            if file != program.fitted / "main.c":
                shutil.copy(file, to / file.name)
    unused = {"faces.c"} if "LABELS" in program.settings else set[str]()
    return [*sorted({file.name for file in HERE.glob("*.c")} - unused), "net.c"]


def _frames(said: str) -> str:
    """The lines of frames, which are the same on every board."""
    return "".join(line for line in said.splitlines(keepends=True) if line.startswith("frame "))


def _sizes(board: Board, elf: Path) -> tuple[int, int]:
    """Bytes of RAM above the stack, and of flash, by the sections that were linked."""
    said = run_child([board.family.tool("size"), "-A", "-d", str(elf)]).stdout.decode()
    found = re.findall(r"^(\.\S+)\s+(\d+)\s+(\d+)$", said, re.MULTILINE)
    sections = {name: (int(size), int(at)) for name, size, at in found}
    (stack, low), (bss, at) = sections[".stack"], sections[".bss"]
    flash = sum(sections[name][0] for name in _FLASH if name in sections)
    return at + bss - low - stack, flash


def _run(command: Sequence[str], folder: Path) -> str:
    done = run_child(command, cwd=folder)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CheckError(f"{command[0]} ended with {done.returncode} in {folder}: {said[-600:]}")
    return done.stdout.decode()
