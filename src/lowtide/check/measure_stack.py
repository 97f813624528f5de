"""The stack of a program that was compiled: what its compiler told, and what boards would link.

net.su, net.s   as the meter's command compiles it
apart.su, .s    each function and constant in a section of its own, as builds for boards have
                it: addresses are made otherwise, and frames differ by some bytes. The deeper
                of both counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from lowtide.check.child import run_child
from lowtide.check.compile import own_arena
from lowtide.check.library import library_bytes
from lowtide.check.meter import Meter, binutil
from lowtide.check.stack import Machine, Stack, deepest
from lowtide.check.system_faults import compiler_environment

_READ = {"__arm__", "__aarch64__", "__riscv", "__x86_64__", "__i386__"}
"""Whose assembler is read."""
_HOSTED = {"__linux__", "__APPLE__", "_WIN32", "__FreeBSD__"}
"""Where a program gets its library only when it starts, and lies in memory as the system likes."""
_APART = ("-ffunction-sections", "-fdata-sections")


def telling(compiler: Sequence[str]) -> list[str]:
    """Flags with which a compiler writes what it knows of frames, and, GCC, its assembler."""
    clang = "__clang__" in _defined(tuple(compiler))  # does not always take its own assembler
    return ["-fstack-usage", *([] if clang else ["-save-temps=obj"])]


def measure_stack(folder: Path, called: str, meter: Meter) -> Stack | None:
    """The deepest path of calls; None where the compiler did not tell, or nothing reads it.

    Raises CheckError where it has no bound.
    """
    if not (folder / f"{called}.s").exists():
        _assemble(folder, called, meter, called, ())
    stack = _read(folder, called, meter)
    if stack is None or _HOSTED & _defined(meter.command):
        return stack
    _assemble(folder, called, meter, "apart", _APART)
    apart = _read(folder, "apart", meter)
    return stack if apart is None else max(stack, apart, key=lambda one: one.stack_bytes)


def _assemble(folder: Path, called: str, meter: Meter, name: str, flags: Sequence[str]) -> None:
    """Writes name.s and name.su of a program."""
    given = [own_arena(called), "-fstack-usage", *flags, "-S", "-o", f"{name}.s", f"{called}.c"]
    run_child([*meter.command, *given], cwd=folder, env=compiler_environment(folder))


def _read(folder: Path, name: str, meter: Meter) -> Stack | None:
    frames, text = folder / f"{name}.su", folder / f"{name}.s"
    defined = _defined(meter.command)
    if not frames.exists() or not text.exists() or not _READ & defined:
        return None
    linker = meter.own if "__clang__" in defined else meter.command

    def library(names: frozenset[str]) -> Mapping[str, int]:
        objdump = binutil(linker, "objdump") if linker else None
        if objdump is None or not names or _HOSTED & defined:
            return {}
        return library_bytes(tuple(linker), objdump, names)

    return deepest(frames.read_text(), text.read_text(), _machine(defined), library)


def _machine(defined: frozenset[str]) -> Machine:
    if "__x86_64__" in defined:
        return Machine(8, 0 if "_WIN64" in defined else 128)
    return Machine(4 if "__i386__" in defined else 0)


@cache
def _defined(compiler: Sequence[str]) -> frozenset[str]:
    """The macros that a compiler defines by itself."""
    command = [*compiler, "-dM", "-E", "-x", "c", os.devnull]
    said = run_child(command).stdout.decode(errors="replace")
    return frozenset(re.findall(r"^#define (\w+)", said, re.MULTILINE))
