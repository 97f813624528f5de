"""The boards that programs are tried on in an emulator: what compiles for each, and what runs it.

    board   core          compiler                machine of the emulator
    m4      Cortex-M4F    arm-none-eabi-gcc ..    qemu-system-arm -machine mps2-an386

One entry of BOARDS is all that is known of a board; its linker script follows from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Any

from lowtide.errors import UsageError

DATA = resources("lowtide.timing") / "board"
_KIB, _MIB = 1 << 10, 1 << 20
_VECTORS = _KIB


@dataclass(frozen=True)
class Tool:
    """A command, and Debian's packages with it and with what it needs beside itself."""

    command: str
    packages: tuple[str, ...]

    @property
    def found(self) -> str | None:
        """Where it is, if it is there."""
        return shutil.which(self.command)


ARM_GCC = Tool("arm-none-eabi-gcc", ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi"))
QEMU_ARM = Tool("qemu-system-arm", ("qemu-system-arm",))
CLANG = Tool("clang", ("clang",))


@dataclass(frozen=True)
class Memory:
    """Addresses of a board: where vectors, code, RAM and the test's own data lie."""

    vectors: int
    flash: int
    flash_bytes: int
    ram: int
    host: int
    host_bytes: int
    ram_bytes: int = 4 * _MIB
    stack_bytes: int = 64 * _KIB

    @property
    def script(self) -> str:
        """A linker script's memories; sections.ld follows it."""
        areas = (
            ("BOOT", self.vectors, _VECTORS),
            ("FLASH", self.flash, self.flash_bytes),
            ("RAM", self.ram, self.ram_bytes),
            ("HOST", self.host, self.host_bytes),
        )
        lines = [f"    {n} : ORIGIN = {at:#x}, LENGTH = {size}" for n, at, size in areas]
        return "\n".join(["MEMORY", "{", *lines, "}", f"BOARD_STACK = {self.stack_bytes};", ""])


@dataclass(frozen=True)
class Board:
    """A core, the flags with which a compiler makes code for it, and a machine that runs that."""

    name: str
    core: str
    flags: tuple[str, ...]
    machine: str
    memory: Memory
    note: str = ""
    compiler: Tool = ARM_GCC
    emulator: Tool = QEMU_ARM

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self.compiler, self.emulator

    @property
    def missing(self) -> tuple[Tool, ...]:
        """What has to be installed before it can be used."""
        return tuple(tool for tool in self.tools if not tool.found)


def _mps2(host: int) -> Memory:
    return Memory(0, _VECTORS, 4 * _MIB - _VECTORS, 0x20000000, host, 16 * _MIB)


_AN505 = Memory(
    0x10000000, 0x10000000 + _VECTORS, 4 * _MIB - _VECTORS, 0x38000000, 0x80000000, 16 * _MIB
)
_AN547 = Memory(0, 0x01000000, 2 * _MIB, 0x21000000, 0x60000000, 64 * _MIB)
_THUMB = ("-mthumb",)
_HARD = (*_THUMB, "-mfloat-abi=hard")

BOARDS = (
    Board(
        "m0plus", "Cortex-M0+", ("-mcpu=cortex-m0plus", *_THUMB), "mps2-an385", _mps2(0x21000000),
        "run on a Cortex-M3, which has all its instructions: no board of the emulator with an M0 "
        "has the memory",
    ),
    Board("m3", "Cortex-M3", ("-mcpu=cortex-m3", *_THUMB), "mps2-an385", _mps2(0x21000000)),
    Board(
        "m4", "Cortex-M4F", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", *_HARD), "mps2-an386",
        _mps2(0x21000000),
    ),
    Board(
        "m7", "Cortex-M7", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", *_HARD), "mps2-an500",
        _mps2(0x60000000),
    ),
    Board(
        "m33", "Cortex-M33", ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", *_HARD), "mps2-an505",
        _AN505,
    ),
    Board("m55", "Cortex-M55, Helium", ("-mcpu=cortex-m55", *_HARD), "mps3-an547", _AN547),
)  # fmt: skip


def board(name: str) -> Board:
    """The board of a name; raises UsageError where there is none."""
    for one in BOARDS:
        if one.name == name:
            return one
    raise UsageError(f"there is no board '{name}'; there are {', '.join(b.name for b in BOARDS)}")


def check_tools(tools: Sequence[Tool], what: str) -> None:
    """Raises UsageError, which says how to install them, where some are missing."""
    missing = [tool for tool in tools if not tool.found]
    if missing:
        names = " and ".join(tool.command for tool in missing)
        raise UsageError(f"{what} needs {names}: {apt_line(missing)}")


def apt_line(tools: Sequence[Tool]) -> str:
    """The command that installs some tools on Debian and Ubuntu."""
    packages = dict.fromkeys(package for tool in tools for package in tool.packages)
    return f"apt install --no-install-recommends {' '.join(packages)}"


def boards_text() -> str:
    """A line a board, a line a tool, and what installs those that are missing."""
    lines = []
    for one in BOARDS:
        ready = f"needs {', '.join(t.command for t in one.missing)}" if one.missing else "ready"
        lines.append(f"  {one.name:8}  {one.core:18}  {one.machine:11}  {ready}")
        lines += [f"{'':12}{one.note}"] if one.note else []
    tools = list(_all_tools())
    lines += ["", *(f"  {tool.command:26}  {tool.found or 'missing'}" for tool in tools)]
    missing = [tool for tool in tools if not tool.found]
    return "\n".join([*lines, *(["", f"  {apt_line(missing)}"] if missing else [])])


def board_facts() -> dict[str, Any]:
    """Everything `boards --json` prints."""
    missing = [tool for tool in _all_tools() if not tool.found]
    return {
        "boards": [
            {
                "name": one.name, "core": one.core, "flags": list(one.flags),
                "compiler": one.compiler.command, "emulator": one.emulator.command,
                "machine": one.machine, "ready": not one.missing, "note": one.note,
                "missing": [tool.command for tool in one.missing],
            }
            for one in BOARDS
        ],
        "tools": {tool.command: tool.found for tool in _all_tools()},
        "install": apt_line(missing) if missing else None,
    }  # fmt: skip


def _all_tools() -> Iterator[Tool]:
    """Each tool of any board, once, and the other compiler."""
    yield from dict.fromkeys([*(tool for one in BOARDS for tool in one.tools), CLANG])
