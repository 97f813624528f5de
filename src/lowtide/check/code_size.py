"""What the program takes beside its arena and its weights: stack, state and code.

Measured on this machine's processor with -O2; another one's figures differ, but not by much.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.child import run_child
from lowtide.check.compile import own_arena, write_sources
from lowtide.check.stack import deepest
from lowtide.check.system_faults import compiler_environment

FLAGS = ("-std=c99", "-O2", "-ffp-contract=fast")
_OPTIONS = (*FLAGS, "-fstack-usage", "-c")
_CALLS = "-fcallgraph-info=su"


@dataclass(frozen=True)
class Footprint:
    """Bytes; None where the compiler or its tools do not tell.

    `state_bytes` is what the program remembers beside the arena: where a streamed image stands.
    """

    stack_bytes: int | None = None
    code_bytes: int | None = None
    state_bytes: int | None = None

    @property
    def ram_bytes(self) -> int | None:
        """Stack and state; None where the stack is not known."""
        return None if self.stack_bytes is None else self.stack_bytes + (self.state_bytes or 0)


def footprint(
    files: Mapping[str, bytes], compiler: Sequence[str] | None, arena_bytes: int, called: str
) -> Footprint:
    """Compiles the program of the network called so without its judge; looks at the object."""
    if compiler is None:
        return Footprint()
    with TemporaryDirectory(prefix="lowtide-") as name:
        folder = Path(name)
        write_sources(files, folder)
        own = own_arena(called)
        command = [*compiler, *_OPTIONS, own, f"{called}.c", *_call_graph(tuple(compiler))]
        if run_child(command, cwd=folder, env=compiler_environment(folder)).returncode:
            return Footprint()
        sizes = _sections(folder / f"{called}.o")
        held = _sum(sizes, r"\.l?(data|bss)(?!\.rel)")
        state = None if held is None else max(held - arena_bytes, 0)
        stack = deepest(folder, called, _red_zone(tuple(compiler)))
        return Footprint(stack, _sum(sizes, r"\.text"), state)


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


def _sections(path: Path) -> dict[str, int]:
    """The sizes of an object's sections by name; none where there is no tool for it."""
    tool = shutil.which("size")
    if tool is None:
        return {}
    said = run_child([tool, "-A", "-d", str(path)]).stdout.decode(errors="replace")
    return {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", said, re.MULTILINE)}


def _sum(sizes: Mapping[str, int], pattern: str) -> int | None:
    """The bytes of all sections whose names begin so; None where there are none."""
    found = [size for name, size in sizes.items() if re.match(pattern, name)]
    return sum(found) if found else None
