"""The boards that programs are tried on in an emulator: what compiles for each, and what runs it.

    board      core          compiler                    machine of the emulator
    m4         Cortex-M4F    arm-none-eabi-gcc ..        qemu-system-arm -machine mps2-an386
    aarch64    Armv8.0-A     aarch64-linux-gnu-gcc ..    qemu-aarch64 -cpu cortex-a53

One entry of BOARDS is all that is known of a board; its linker script follows from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files as resources

from lowtide.check.child import run_child
from lowtide.errors import UsageError, perhaps
from lowtide.kernels.cpus import Cpu, find_cpu

DATA = resources("lowtide.timing") / "board"
_KIB, _MIB = 1 << 10, 1 << 20
_VECTORS = _KIB


@dataclass(frozen=True)
class Tool:
    """A command, and Debian's packages with it and with what it needs beside itself."""

    command: str
    packages: tuple[str, ...]
    library: str = ""
    """A file of the C library that it must find, if it is a compiler."""

    @property
    def absent(self) -> str:
        """What of it is not here, or nothing."""
        if not shutil.which(self.command):
            return self.command
        return "" if self._has_library() else f"{self.library} of {self.command}"

    def _has_library(self) -> bool:
        """Whether it finds its library; not where it does not even say so."""
        if not self.library:
            return True
        try:
            said = run_child([self.command, f"-print-file-name={self.library}"])
        except OSError:
            return False
        return said.returncode == 0 and said.stdout.decode().strip() != self.library

    @property
    def found(self) -> str | None:
        """Where it is, if all of it is there."""
        return None if self.absent else shutil.which(self.command)


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
class Family:
    """What boards share: their compiler, their emulator, what stands around a program."""

    compiler: Tool
    target: str
    """What Clang calls it."""
    emulator: Tool
    selects: str
    """The emulator's option that names the machine, or the processor."""
    options: tuple[str, ...]
    around: tuple[str, ...]
    link: tuple[str, ...]
    bare: bool = True
    """Whether there is no system below the program, so that all that is linked is its own."""

    def tool(self, name: str) -> str:
        """One of the compiler's binutils."""
        return self.compiler.command.removesuffix("gcc") + name


@dataclass(frozen=True)
class Board:
    """A processor, and a machine that runs its code."""

    name: str
    cpu: Cpu
    machine: str
    family: Family
    memory: Memory | None = None
    note: str = ""
    beside: str = ""
    """What the core has beside what the C is for, by the compiler's `flag` and in words."""
    flag: str = ""
    objdump: tuple[str, ...] = ()
    """What that has to be told of the core, so that it knows all its instructions."""

    @property
    def core(self) -> str:
        return self.beside or self.cpu.core

    @property
    def flags(self) -> tuple[str, ...]:
        """Those with which the compiler makes code for it."""
        return (self.flag,) if self.flag else self.cpu.flags

    @property
    def tools(self) -> tuple[Tool, ...]:
        return self.family.compiler, self.family.emulator

    @property
    def missing(self) -> tuple[Tool, ...]:
        """What has to be installed before it can be used."""
        return tuple(tool for tool in self.tools if not tool.found)

    @property
    def link(self) -> tuple[str, ...]:
        """The linker's options."""
        script = ("-T", "board.ld") if self.memory else ()
        return (*self.family.link, *script, "-lm")


_SEMIHOSTING = (
    "-display", "none", "-monitor", "none", "-serial", "none", "-chardev", "file,id=host,path=said",
    "-semihosting-config", "enable=on,target=native,chardev=host", "-kernel",
)  # fmt: skip
CORTEX_M = Family(
    Tool(
        find_cpu("cortex-m3").compiler, ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
        "nano.specs",
    ),
    "arm-none-eabi",
    Tool("qemu-system-arm", ("qemu-system-arm",)), "-machine", _SEMIHOSTING,
    ("start.c", "stack.c", "semihost.c"),
    ("--specs=nano.specs", "-nostartfiles", "-Wl,--gc-sections,--no-warn-rwx-segments"),
)  # fmt: skip
AARCH64 = Family(
    Tool(
        find_cpu("aarch64").compiler, ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"), "libc.a",
    ),
    "aarch64-linux-gnu", Tool("qemu-aarch64", ("qemu-user",)), "-cpu", (),
    ("stack.c", "system.c"), ("-static",), bare=False,
)  # fmt: skip
RISCV32 = Family(
    Tool(
        find_cpu("riscv32").compiler, ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf"),
        "picolibc.specs",
    ),
    "riscv32-unknown-elf", Tool("qemu-riscv32", ("qemu-user",)), "-cpu", (),
    ("start_riscv.c", "stack.c", "semihost.c"),
    ("-static", "-nostartfiles", "-Wl,--gc-sections,--no-warn-rwx-segments"),
)  # fmt: skip


def _mps2(host: int) -> Memory:
    return Memory(0, _VECTORS, 4 * _MIB - _VECTORS, 0x20000000, host, 16 * _MIB)


_AN505 = Memory(
    0x10000000, 0x10000000 + _VECTORS, 4 * _MIB - _VECTORS, 0x38000000, 0x80000000, 16 * _MIB
)
_AN547 = Memory(0, 0x70000000, 16 * _MIB, 0x21000000, 0x60000000, 64 * _MIB)

BOARDS = (
    Board("m0plus", find_cpu("cortex-m0plus"), "mps2-an385", CORTEX_M, _mps2(0x21000000),
          "its code on a Cortex-M3: the emulator has no M0 with this much memory"),
    Board("m3", find_cpu("cortex-m3"), "mps2-an385", CORTEX_M, _mps2(0x21000000)),
    Board("m4", find_cpu("cortex-m4f"), "mps2-an386", CORTEX_M, _mps2(0x21000000)),
    Board("m7", find_cpu("cortex-m7"), "mps2-an500", CORTEX_M, _mps2(0x60000000)),
    Board("m33", find_cpu("cortex-m33"), "mps2-an505", CORTEX_M, _AN505),
    Board("m55", find_cpu("cortex-m55"), "mps3-an547", CORTEX_M, _AN547,
          objdump=("-m", "armv8.1-m.main")),
    Board("riscv32", find_cpu("riscv32"), "rv32", RISCV32,
          Memory(0x10000, 0x20000, 4 * _MIB, 0x20000000, 0x40000000, 64 * _MIB)),
    Board("aarch64", find_cpu("aarch64"), "cortex-a53", AARCH64),
    Board("aarch64-dot", find_cpu("aarch64"), "neoverse-n1", AARCH64,
          beside="Armv8.2-A, sdot", flag="-march=armv8.2-a+dotprod"),
)  # fmt: skip


def board(name: str) -> Board:
    """The board of a name; raises UsageError where there is none."""
    for one in BOARDS:
        if one.name == name:
            return one
    known = [one.name for one in BOARDS]
    there = ", ".join(known) + perhaps(name, known)
    raise UsageError(f"there is no board '{name}'; there are {there}")


def check_tools(tools: Sequence[Tool], what: str) -> None:
    """Raises UsageError, which says how to install them, where some are missing."""
    missing = [tool for tool in tools if not tool.found]
    if missing:
        names = " and ".join(tool.absent for tool in missing)
        raise UsageError(f"{what} needs {names}: {apt_line(missing)}")


def apt_line(tools: Sequence[Tool]) -> str:
    """The command that installs some tools on Debian and Ubuntu."""
    packages = dict.fromkeys(package for tool in tools for package in tool.packages)
    return f"apt install --no-install-recommends {' '.join(packages)}"


def list_tools() -> list[Tool]:
    """Each tool of any board, once, and the other compiler."""
    return list(dict.fromkeys([CLANG, *(tool for one in BOARDS for tool in one.tools)]))
