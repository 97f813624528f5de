"""What the program takes beside its arena and its weights: stack, state and code.

net.o   .text .rodata .data   flash: weights, and all else is code
        .bss .data            RAM: the arena, and all else is state
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.child import run_child
from lowtide.check.compile import own_arena, write_sources
from lowtide.check.meter import Meter
from lowtide.check.stack import deepest
from lowtide.check.system_faults import check_system, compiler_environment
from lowtide.errors import UsageError
from lowtide.quoting import for_terminal

_CALLS = "-fcallgraph-info=su"
_IN_FLASH = r"\.l?(text|rodata|data|ARM\.ex)|\.srodata|\.sdata"


@dataclass(frozen=True)
class Footprint:
    """Bytes; None where the compiler or its tools do not tell, or there are none: `unknown` says.

    `code_bytes` are instructions, and tables that are no weights. `state_bytes` is what the program
    remembers beside the arena: where a streamed image stands. `meter` is what measured them.
    """

    stack_bytes: int | None = None
    code_bytes: int | None = None
    state_bytes: int | None = None
    meter: Meter | None = None
    unknown: str = "nothing was compiled"

    @property
    def ram_bytes(self) -> int | None:
        """Stack and state; None where the stack is not known."""
        return None if self.stack_bytes is None else self.stack_bytes + (self.state_bytes or 0)

    @property
    def words(self) -> str:
        """Whose figures they are, and what measured them."""
        if self.stack_bytes is None or self.meter is None:
            return f"not measured: {self.unknown}"
        return f"for {self.meter.of}, {self.meter.words}"

    def facts(self) -> dict[str, str | None]:
        """Whose figures they are, for scripts, and why some are missing."""
        known = self.meter is not None and bool(self.meter.command)
        return {
            "measured_for": self.meter.of if self.meter and known else None,
            "measured_with": self.meter.words if self.meter and known else None,
            "not_measured": None if self.stack_bytes is not None else self.unknown,
        }


def footprint(
    files: Mapping[str, bytes], meter: Meter, arena_bytes: int, weight_bytes: int, called: str
) -> Footprint:
    """Compiles the program of the network called so without its judge; looks at the object.

    Raises UsageError where a compiler that was asked for does not take it.
    """
    if meter.absent:
        return Footprint(meter=meter, unknown=meter.absent)
    with TemporaryDirectory(prefix="lowtide-") as name:
        folder = Path(name)
        write_sources(files, folder)
        given = ["-fstack-usage", own_arena(called), *_call_graph(meter.command)]
        if b"naked" in files[f"{called}.c"]:
            given.append(
                "-save-temps=obj"
            )  # of assembler the compiler knows no frame: net.s has it
        command = [*meter.command, *given, "-c", f"{called}.c"]
        done = run_child(command, cwd=folder, env=compiler_environment(folder))
        if done.returncode:
            complaint = _complaint(meter, done.stderr, folder)
            if meter.asked:
                raise UsageError(f"--cc: {complaint}")
            return Footprint(meter=meter, unknown=complaint)
        sizes = _sections(folder / f"{called}.o", meter)
        held = _sum(sizes, r"\.l?s?(data|bss)(?!\.rel)")
        state = None if held is None else max(held - arena_bytes, 0)
        flash = _sum(sizes, _IN_FLASH)
        code = None if flash is None else max(flash - weight_bytes, 0)
        stack = deepest(folder, called, _red_zone(meter.command))
        return Footprint(stack, code, state, meter, f"{meter.words.split()[0]} does not tell")


def _complaint(meter: Meter, said: bytes, folder: Path) -> str:
    """Why a compiler makes no object of the program."""
    text = said.decode(errors="replace")
    check_system(text, folder)
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()
    first = for_terminal(lines[0].strip() if lines else "no reason", 200)
    return f"{meter.words.split()[0]} does not compile it for {meter.of}: {first}"


@cache
def _call_graph(compiler: tuple[str, ...]) -> tuple[str, ...]:
    """The flag with which GCC also says who calls whom."""
    with TemporaryDirectory(prefix="lowtide-") as name:
        folder = Path(name)
        (folder / "probe.c").write_text("int main(void) { return 0; }\n")
        command = [*compiler, "-Werror", _CALLS, "-c", "probe.c"]
        done = run_child(command, cwd=folder, env=compiler_environment(folder))
        return () if done.returncode else (_CALLS,)


@cache
def _red_zone(compiler: tuple[str, ...]) -> int:
    """Bytes below its frame that a function which calls no other may use: on x86-64, 128."""
    command = [*compiler, "-dM", "-E", "-x", "c", os.devnull]
    said = run_child(command).stdout.decode(errors="replace")
    return 128 if "__x86_64__" in said and "_WIN64" not in said else 0


def _sections(path: Path, meter: Meter) -> dict[str, int]:
    """The sizes of an object's sections by name; none where there is no tool for it."""
    if meter.size is None:
        return {}
    said = run_child([meter.size, "-A", "-d", str(path)]).stdout.decode(errors="replace")
    return {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", said, re.MULTILINE)}


def _sum(sizes: Mapping[str, int], pattern: str) -> int | None:
    """The bytes of all sections whose names begin so; None where there are none."""
    found = [size for name, size in sizes.items() if re.match(pattern, name)]
    return sum(found) if found else None
