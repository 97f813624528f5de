"""What lowtide finds on this machine, what it misses, and how that comes here.

Each finding stands alone: whatever is broken is said, and the others are looked at all the same.
Packages are loaded in processes of their own, so that one that ends its process does not end this.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lowtide.check.child import run_child
from lowtide.check.compile import check_compiler, compilers
from lowtide.check.compile import version as compiler_version
from lowtide.clock import Progress, quiet
from lowtide.errors import LowtideError, extra, system_says
from lowtide.timing.boards import BOARDS, apt_line, list_tools
from lowtide.version import __version__

_PATIENCE = 120.0
_CORE = (
    ("flatbuffers", "flatbuffers"), ("numpy", "numpy"), ("onnx", "onnx"), ("onnx-ir", "onnx_ir"),
    ("onnxruntime", "onnxruntime"), ("ortools", "ortools.sat.python.cp_model"), ("pillow", "PIL"),
    ("rich", "rich"), ("tflite", "tflite"), ("typer", "typer"),
)  # fmt: skip
"""What pip brings with lowtide, and the module of it that is loaded."""
_EXTRAS = (
    ("tflite-micro", "tflite_micro", "tflite",
     "8-bit .tflite files are held to lowtide's own definition alone, and --target tflite is "
     "refused"),
    ("ai-edge-litert", "ai_edge_litert.interpreter", "tflite",
     ".tflite files of uint8 have no reference, and there is no bench --against litert"),
    ("torch", "torch", "torch", "no train-compressed, and no PyTorch modules"),
    ("onnxscript", "onnxscript", "torch", "no PyTorch modules"),
    ("distributed", "distributed", "cluster", "no explore --cluster"),
)  # fmt: skip
_AGAIN = "pip install --force-reinstall"
_LONGEST = 200
_LOAD = "import importlib, sys; importlib.import_module(sys.argv[1])"
_C = {"darwin": "xcode-select --install", "win32": "pip install ziglang"}.get(
    sys.platform, "apt install gcc libc6-dev"
)
_UNCOMPILED = (
    "the C is checked in numpy alone, its stack and code are not measured, and there is no verify "
    "and no bench"
)
_SANITISERS = ("-fsanitize=address,undefined",)
_UNSANITISED = "a wrong program and a wrong compiler are told apart at -O0 alone"
_ROOM = 256 << 20
"""Bytes in which a large network is compiled."""


@dataclass(frozen=True)
class Finding:
    """`found` is what is there, `fault` why it is not or does not work.

    `install` is the command that brings it, `without` what is lost; what is `needed`, fit cannot
    work without.
    """

    name: str
    found: str = ""
    fault: str = ""
    install: str = ""
    without: str = ""
    needed: bool = False


@dataclass(frozen=True)
class Examined:
    """All findings."""

    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Whether `lowtide fit` can work."""
        return not any(one.fault and one.needed for one in self.findings)

    def facts(self) -> dict[str, Any]:
        """Everything `doctor --json` prints."""
        return {
            "lowtide": __version__, "python": platform.python_version(),
            "executable": sys.executable, "system": platform.platform(), "ready": self.ready,
            "findings": [asdict(one) for one in self.findings],
        }  # fmt: skip


def examine(progress: Progress = quiet) -> Examined:
    """Looks at everything; raises nothing."""
    progress("what compilers do, and which packages load")
    asked = [(name, module, f"{_AGAIN} {name}", "", True) for name, module in _CORE]
    asked += [(name, module, extra(its), without, False)
              for name, module, its, without in _EXTRAS]  # fmt: skip
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        loaded = pool.map(lambda one: _package(*one), asked)
        cores = Finding("cores", str(os.cpu_count()))
        found = [*_all("C compiler", _compilers), *_all("folders", _folders), cores]
        return Examined((*found, *loaded, *_all("boards", _tools)))


def _all(name: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What is found; of what nobody thought of, that it is broken."""
    try:
        return list(look())
    except Exception as error:
        return [Finding(name, "", f"{type(error).__name__}: {error}", needed=name != "boards")]


def _package(name: str, module: str, install: str, without: str, needed: bool) -> Finding:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, "", "not installed", install, without, needed)
    command = [sys.executable, "-P", "-c", _LOAD, module]
    try:
        done = run_child(command, seconds=_PATIENCE)
    except subprocess.TimeoutExpired:
        return Finding(name, found, f"is not loaded in {_PATIENCE:g} s", install, without, needed)
    except OSError as error:
        return Finding(name, found, f"is not loaded: {system_says(error)}", "", without, needed)
    if done.returncode == 0:
        return Finding(name, found, needed=needed)
    said = done.stderr.decode(errors="replace")
    if (other := _broken_in(said)) not in ("", name):
        return Finding(name, found, f"does not load {other}", f"{_AGAIN} {other}", without, needed)
    why = _in_a_line(said) or f"ends Python with status {done.returncode}"
    return Finding(name, found, f"does not load: {why}", install, without, needed)


def _broken_in(said: str) -> str:
    """The package of ours in whose files a traceback ends; "" of another, or of none."""
    at = re.findall(r'File ".*[/\\]([^/\\]+)[/\\][^/\\]+", line', said)
    return next((name for name, module in _CORE if at and at[-1] == module), "")


def _in_a_line(said: str) -> str:
    """The exception that ends a traceback: its words may be several lines."""
    found = re.search(r"^[A-Za-z_][\w.]*(?::|$).*", said.rpartition('\n  File "')[2], re.M | re.S)
    return " ".join((found[0] if found else said).split())[:_LONGEST]


def _compilers() -> Iterator[Finding]:
    """Each C compiler, the one that is used first, and whether its programs run."""
    first = "C compiler"
    for command in compilers():
        yield _works(first, command, compiler_version(tuple(command)), needed=first == "C compiler")
        if first == "C compiler":
            yield _works("sanitizers", [*command, *_SANITISERS], "run", without=_UNSANITISED)
        first = "another C compiler"
    if first == "C compiler":
        yield Finding(first, "", "none: no $CC, cc, gcc, clang or zig", _C, _UNCOMPILED)


def _works(
    name: str, command: Sequence[str], found: str, without: str = "", needed: bool = False
) -> Finding:
    try:
        check_compiler(tuple(command))
    except LowtideError as error:
        return Finding(name, found, str(error), _C, without, needed)
    return Finding(name, found, needed=needed)


def _folders() -> Iterator[Finding]:
    """Where fit keeps what it compiles, and where results go by themselves."""
    temporary = tempfile.gettempdir()
    free = shutil.disk_usage(temporary).free
    little = "too little room" if free < _ROOM else ""
    out = "set TMPDIR to a folder with room"
    fault = _unwritable(temporary) or little
    yield Finding(
        "temporary files", f"{temporary}, {free / 2**30:.1f} GiB free", fault, out,
        "the C cannot be compiled", needed=True,
    )  # fmt: skip
    name = "this folder"
    yield Finding(name, os.getcwd(), _unwritable("."), "name another folder with -o", "")


def _unwritable(folder: str) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"lowtide")
    except OSError as error:
        return f"cannot be written: {system_says(error)}"
    return ""


def _tools() -> Iterator[Finding]:
    """What emulated boards need, and what builds do."""
    for tool in list_tools():
        used = ", ".join(one.name for one in BOARDS if tool in one.tools)
        without = f"bench --board {used}" if used else "bench --board --compiler clang"
        if tool in {one.family.compiler for one in BOARDS}:
            without += ", and stack and code for their --cpu"
        absent, at = tool.absent, shutil.which(tool.command) or ""
        yield Finding(
            tool.command, at, absent and f"no {absent}", apt_line([tool]), f"no {without}"
        )
    at = shutil.which("cmake") or ""
    without = "no lowtide_network() in a CMake build"
    yield Finding("cmake", at, "" if at else "no cmake", "apt install cmake", without)
