"""What the program takes beside its arena and its weights: stack and code.

Measured on this machine's processor with -O2; another one's figures differ, but not by much.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.child import run_child
from lowtide.check.system_faults import compiler_environment

_FLAGS = ("-std=c99", "-O2", "-ffp-contract=fast", "-fstack-usage", "-c", "net.c")
_ENTRY = re.compile(r":([\w.]+)\s+(\d+)\s+\S+$", re.MULTILINE)


@dataclass(frozen=True)
class Footprint:
    """Bytes; None where the compiler or its tools do not tell."""

    stack_bytes: int | None = None
    code_bytes: int | None = None


def footprint(files: Mapping[str, bytes], compiler: Sequence[str] | None) -> Footprint:
    """Compiles net.c without its judge and looks at the object."""
    if compiler is None:
        return Footprint()
    with TemporaryDirectory(prefix="lowtide-") as name:
        folder = Path(name)
        for file, content in files.items():
            if file.endswith((".c", ".h", ".bin")):
                (folder / file).write_bytes(content)
        done = run_child([*compiler, *_FLAGS], cwd=folder, env=compiler_environment(folder))
        if done.returncode:
            return Footprint()
        usage = folder / "net.su"
        stack = _deepest(usage.read_text()) if usage.exists() else None
        return Footprint(stack, _code(folder / "net.o"))


def _deepest(usage: str) -> int | None:
    """The largest stack: net_run calls an operator, and that one kernel or function at a time.

    Where rows are handed over, it or another wrapper calls net_step, and that the operator.
    """
    frames = {name: int(size) for name, size in _ENTRY.findall(usage)}
    if "net_run" not in frames:
        return None
    operators = [size for name, size in frames.items() if re.match(r"op\d+_", name)]
    others = [size for name, size in frames.items() if not re.match(r"op\d+_|net_", name)]
    wrappers = [frames.get(f"net_{name}", 0) for name in ("run", "pull", "push")]
    driver = max(wrappers) + frames.get("net_step", 0)
    return driver + max(operators, default=0) + max(others, default=0)


def _code(path: Path) -> int | None:
    """The size of all sections of instructions."""
    tool = shutil.which("size")
    if tool is None:
        return None
    said = run_child([tool, "-A", "-d", str(path)]).stdout.decode(errors="replace")
    sizes = re.findall(r"^\.text\S*\s+(\d+)", said, re.MULTILINE)
    return sum(map(int, sizes)) if sizes else None
