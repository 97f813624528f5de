"""What the program takes beside its arena and its weights: stack, state and code.

net.o   .text .rodata .data   flash: weights, and all else is code
        .bss .data            RAM: the arena, and all else is state
linked  .text .rodata .data   what that has more is of the C library: code as well, on a board
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lowtide.check.child import run_child
from lowtide.check.compile import own_arena, write_sources
from lowtide.check.library import VARIANTS
from lowtide.check.measure_stack import measure_stack, telling
from lowtide.check.meter import HERE, Meter
from lowtide.check.stack import Stack
from lowtide.check.system_faults import check_system, compiler_environment
from lowtide.errors import UsageError
from lowtide.quoting import for_terminal

_IN_FLASH = r"\.l?(text|rodata|data|ARM\.ex)|\.srodata|\.sdata"


@dataclass(frozen=True)
class Footprint:
    """Bytes; None where the compiler or its tools do not tell, or there are none: `unknown` says.

    `stack` is the deepest path of calls. `code_bytes` are instructions, tables that are no weights
    and, on a board, the functions of the C library that are called. `state_bytes` is what the
    program remembers beside the arena: where a streamed image stands. `meter` is what measured
    them.
    """

    stack: Stack | None = None
    code_bytes: int | None = None
    state_bytes: int | None = None
    meter: Meter | None = None
    unknown: str = "nothing was compiled"

    @property
    def stack_bytes(self) -> int | None:
        """The most bytes of stack that a call of the program takes."""
        return None if self.stack is None else self.stack.stack_bytes

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

    def stack_facts(self) -> dict[str, Any]:
        """The deepest path of calls, and the depth of each public function, for scripts."""
        return self.stack.facts() if self.stack else {"stack_path": None, "stack_of": None}

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
        given = [*telling(meter.command), own_arena(called)]
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
        more = 0 if flash is None else _of_library(folder, called, meter, flash)
        code = None if flash is None else max(flash - weight_bytes, 0) + more
        stack = measure_stack(folder, called, meter)
        return Footprint(stack, code, state, meter, f"{meter.words.split()[0]} does not tell")


def _of_library(folder: Path, called: str, meter: Meter, flash: int) -> int:
    """What a linker for a board adds to a program that takes so much flash: the more of newlib and
    its small sister. Nothing on this machine, which has its library anyway."""
    linker, found = meter.own or meter.command, [0]
    flags = (f"{called}.o", "-nostartfiles", "-Wl,-e,0", "-lm", "-o", "linked")
    for variant in VARIANTS if meter.of != HERE else ():
        done = run_child([*linker, *variant, *flags], cwd=folder, env=compiler_environment(folder))
        if not done.returncode:
            found.append((_sum(_sections(folder / "linked", meter), _IN_FLASH) or 0) - flash)
    return max(found)


def _complaint(meter: Meter, said: bytes, folder: Path) -> str:
    """Why a compiler makes no object of the program."""
    text = said.decode(errors="replace")
    check_system(text, folder)
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()
    first = for_terminal(lines[0].strip() if lines else "no reason", 200)
    return f"{meter.words.split()[0]} does not compile it for {meter.of}: {first}"


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
