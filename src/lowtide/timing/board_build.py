"""An emitted program compiled for a board, with what is around it there.

net.c         by the compiler and at the level that are asked for, with marks (at.h)
main.c ..     by the board's own compiler, linked as sections.ld says
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.check.compile import WARNINGS, write_sources
from lowtide.check.flags import named
from lowtide.check.system_faults import check_system, compiler_environment
from lowtide.errors import CheckError, UsageError
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import own
from lowtide.timing.boards import CLANG, DATA, Board, check_tools
from lowtide.timing.program import ports_header

COMPILERS = ("gcc", "clang")


@dataclass(frozen=True)
class Sizes:
    """Bytes of the program by what they are: net.c's own, and what it takes of the C library."""

    code: int
    weights: int
    tables: int
    library: int | None
    """None where a system is below the program, whose library does more than it needs."""
    state: int

    @property
    def flash(self) -> int:
        return self.code + self.weights + self.tables + (self.library or 0)


@dataclass(frozen=True)
class BoardProgram:
    """An executable for a board, how net.c was compiled, and its sizes."""

    elf: Path
    built: str
    sizes: Sizes


def build_for_board(
    files: Mapping[str, bytes],
    memory: MemoryMap,
    board: Board,
    folder: Path,
    sets: int,
    compiler: str = "gcc",
    flags: Sequence[str] = (),
) -> BoardProgram:
    """Raises UsageError without the tools, CheckError where it does not compile or fit."""
    write_sources(files, folder)
    called = memory.called
    (folder / "ports.h").write_text(ports_header(memory, sets))
    command = [*compiler_for(board, compiler), "-std=c99", *named(files[f"{called}.h"]), *flags]
    kept = ["-ffunction-sections", "-fdata-sections", "-include", "at.h"]
    for name in ("at.h", "main.c"):
        (folder / name).write_text(own((DATA / name).read_text(), called))
    whole = [*command, *WARNINGS, *kept, "-c", f"{called}.c", "-o", "net.o"]
    _compile(whole, f"{called}.c", board, folder)
    elf = link(board, ["main.c", "net.o"], folder, ["-include", "at.h"])
    return BoardProgram(elf, " ".join(command), _sizes(folder, board, memory))


def link(board: Board, sources: Sequence[str], folder: Path, flags: Sequence[str] = ()) -> Path:
    """A program, with all that stands around it on the board. Raises CheckError."""
    for name, text in around(board).items():
        (folder / name).write_text(text)
    command = [board.family.compiler.command, *board.flags, "-std=gnu11", "-O2", *flags]
    own_files = board.family.around
    whole = [*command, *own_files, *sources, *board.link, "-Wl,-Map=net.map", "-o", "net.elf"]
    _compile(whole, "the program", board, folder)
    return folder / "net.elf"


def around(board: Board) -> dict[str, str]:
    """What stands around a program on a board, by name: start, semihosting, linker script."""
    files = {name: (DATA / name).read_text() for name in ("board.h", *board.family.around)}
    if board.memory:
        files["board.ld"] = board.memory.script + (DATA / "sections.ld").read_text()
    return files


def by_hand(board: Board, folder: Path, net: Path) -> tuple[str, str]:
    """The lines of a shell that compile a main.c and a program for a board, and run them there."""
    command = [board.family.compiler.command, *board.flags, "-O3", "-I", str(folder)]
    command += ["-I", str(net.parent)]
    sources = ["main.c", str(net), *(f"{folder}/{name}" for name in board.family.around)]
    link = [f"{folder}/board.ld" if word == "board.ld" else word for word in board.link]
    family, options = board.family, board.family.options
    run = [word.replace("file,id=host,path=said", "stdio,id=host") for word in options]
    whole = [*command, *sources, *link, "-o", "main.elf"]
    machine = [family.emulator.command, family.selects, board.machine]
    return shlex.join(whole), shlex.join([*machine, *run, "main.elf"])


def compiler_for(board: Board, compiler: str) -> list[str]:
    """The command that compiles for a board; Clang takes the headers of GCC's C library."""
    if compiler not in COMPILERS:
        raise UsageError(f"there is no compiler '{compiler}'; there are {', '.join(COMPILERS)}")
    check_tools(board.tools, f"board {board.name}")
    gcc = [board.family.compiler.command, *board.flags]
    if compiler == "gcc":
        return gcc
    check_tools([CLANG], "--compiler clang")
    said = run_child([*gcc, "-xc", "-E", "-v", os.devnull]).stderr.decode(errors="replace")
    found = re.findall(r"^ (/\S+)$", said.partition("search starts here")[2], re.MULTILINE)
    places = [os.path.realpath(at) for at in found]
    others = [at for at in places if "/gcc" not in at and at != "/usr/include"]
    headers = [word for at in others for word in ("-isystem", at)]
    flags = [flag for flag in board.flags if not flag.startswith("--specs")]
    return [CLANG.command, f"--target={board.family.target}", *flags, *headers]


def _compile(command: Sequence[str], what: str, board: Board, folder: Path) -> None:
    done = run_child(command, cwd=folder, env=compiler_environment(folder))
    if not done.returncode:
        return
    said = done.stderr.decode(errors="replace")
    check_system(said, folder)
    full = re.search(r"region `(\w+)' overflowed by (\d+) bytes", said)
    if full and board.memory:
        size = {"FLASH": board.memory.flash_bytes, "RAM": board.memory.ram_bytes}.get(full[1], 0)
        raise CheckError(
            f"{what} takes {full[2]} bytes more than the {size} of {full[1]} there are "
            f"on board {board.name}",
            hint="'lowtide boards' lists the others",
        )
    lines = [line for line in said.splitlines() if "collect2" not in line]
    first = next((line for line in lines if "error" in line), lines[-1] if lines else "no reason")
    raise CheckError(
        f"{what} does not compile for {board.name} with {command[0]}: {first.strip()[:300]}"
    )


def _sizes(folder: Path, board: Board, memory: MemoryMap) -> Sizes:
    """From the sections of net.o, and the parts of the C library that the linker's map names."""
    said = run_child([board.family.tool("size"), "-A", "-d", str(folder / "net.o")]).stdout.decode()
    sections = [(name, int(size)) for name, size in _SECTION.findall(said)]
    parts = dict.fromkeys(_PARTS, 0)
    for name, size in sections:
        part = next((part for part, of in _PARTS.items() if re.match(of, name)), None)
        if part:
            parts[part] += size
    linked = _FROM_LIBRARY.findall((folder / "net.map").read_text().partition(_LINKED)[2])
    library = sum(int(size, 16) for name, size in linked if re.match(_LOADED, name))
    state = max(parts.pop("state") - memory.arena_bytes, 0)
    return Sizes(**parts, library=library if board.family.bare else None, state=state)


_SECTION = re.compile(r"^(\.\S+)\s+(\d+)", re.MULTILINE)
_PARTS = {
    "code": r"\.text|\.ARM\.ex",
    "weights": r"\.rodata(\.w\d+\w*)?$",
    "tables": r"\.rodata|\.srodata",
    "state": r"\.s?(data|bss)",
}
"""The first that matches; weights.bin lies in .rodata itself."""
_FROM_LIBRARY = re.compile(r"^ (\.\S+)\s+0x\w+\s+0x(\w+) \S+\.a\(\S+\)$", re.MULTILINE)
_LINKED = "Linker script and memory map"
_LOADED = r"\.text|\.s?rodata|\.data|\.ARM\.ex"
