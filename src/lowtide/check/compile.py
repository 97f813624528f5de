"""Compile an emitted program with a small main around it, run it, and read what the judge saw."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.child import run_child
from lowtide.check.main_around import Io, main_around
from lowtide.check.system_faults import check_system, compiler_environment
from lowtide.errors import CheckError, UsageError
from lowtide.files.listing import CHECKS
from lowtide.quoting import own

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


@dataclass(frozen=True)
class Verdict:
    """What a run gave: the outputs' bytes for each set of inputs, and the judge's counts.

    `declared` is what net.h says: the arena's bytes, the elements of each input and each output.
    `fault` is (task, row, byte, wanted element, found element) of the first fault.
    """

    outputs: bytes
    declared: tuple[int, ...]
    reads: int
    faults: int
    fault: tuple[int, int, int, int, int] | None


def find_compiler() -> list[str] | None:
    """A C compiler: $CC, cc, gcc, clang, or zig from PyPI; None if there is none.

    Raises UsageError for a $CC that is no command: what was asked for is not replaced silently.
    """
    return next(compilers(), None)


def compilers() -> Iterator[list[str]]:
    """All that are here, the one that is used first; raises as find_compiler does."""
    try:
        asked = shlex.split(os.environ.get("CC", ""))
    except ValueError as error:
        raise UsageError(f"CC={os.environ['CC']}: {error}") from None
    if asked and not shutil.which(asked[0]):
        raise UsageError(f"CC={' '.join(asked)}: no such command; name a C compiler or unset CC")
    for command in (asked, ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            yield command
    if find_spec("ziglang") is not None:
        yield [sys.executable, "-m", "ziglang", "cc"]


@cache
def version(compiler: tuple[str, ...]) -> str:
    """How a compiler names itself and its version."""
    said = run_child([*compiler, "--version"]).stdout.decode(errors="replace")
    return next(iter(said.splitlines()), "") or " ".join(compiler)


@cache
def check_compiler(compiler: tuple[str, ...]) -> None:
    """Raises UsageError unless the compiler makes a C99 program that runs on this machine."""
    name = " ".join(compiler)
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        program = Path(folder) / "probe"
        program.with_suffix(".c").write_text("int main(void) { return 7; }\n")
        command = [*compiler, "-std=c99", "-o", "probe", "probe.c"]
        done = run_child(command, cwd=folder, env=compiler_environment(Path(folder)))
        if done.returncode or not program.is_file():
            complaint = done.stderr.decode(errors="replace")
            check_system(complaint, Path(folder))
            said = " ".join(complaint.split())[:200] or "it made no program"
            raise UsageError(f"the C compiler '{name}' does not compile: {said}; set CC to another")
        try:
            runs = run_child([str(program)]).returncode == 7
        except OSError:
            runs = False
    if not runs:
        raise UsageError(
            f"the C compiler '{name}' makes programs that do not run here, where they are checked; "
            "set CC to this machine's own"
        )


@cache
def native_flags(compiler: tuple[str, ...]) -> tuple[str, ...]:
    """-march=native where the compiler has it: wide vectors make the judge many times faster."""
    command = [*compiler, "-march=native", "-E", "-x", "c", os.devnull]
    done = run_child(command)
    return ("-march=native",) if done.returncode == 0 else ()


def build(
    files: Mapping[str, bytes],
    source: str,
    inputs: Io,
    outputs: Io,
    folder: Path,
    compiler: Sequence[str],
    flags: Sequence[str] = ("-O2",),
    checked: bool = True,
    called: str = "net",
    around: Mapping[str, str] | None = None,
    kept: Sequence[tuple[int, int]] = (),
) -> Path:
    """Compiles `source` (net.c or reference.c) of an emitted program; returns the executable.

    Where it is `checked` that is the source with the judge in it, in checks/.
    `called` is the network's name, of which those of the functions and files are made; more C files
    may stand `around` it. The bytes in `kept`, each a first one and how many, are carried from set
    to set of inputs; all others are noise before each.

    Raises CheckError with the compiler's first message.
    """
    source, text = own(source, called), own(main_around(inputs, outputs, kept), called)
    at = source if source == f"{called}.c" and not checked else CHECKS + source
    judged = [*WARNINGS, *flags, own_arena(called), *(["-DLOWTIDE_CHECKED"] if checked else [])]
    name = f"{Path(source).stem}-{'checked' if checked else 'shipped'}"  # no name of a file there
    return compile_program(
        files, {**(around or {}), "main.c": text}, at, folder, [*compiler, *judged], name
    )


def own_arena(called: str) -> str:
    """The flag that gives a network of several in one arena its own: it is checked alone first."""
    return f"-D{called.upper()}_OWN_ARENA"


def write_sources(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes what a compiler reads of an emitted program: the rest lies in no program's way."""
    for file, content in files.items():
        if file.endswith((".c", ".h", ".bin")):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)


def compile_program(
    files: Mapping[str, bytes],
    around: Mapping[str, str],
    source: str,
    folder: Path,
    command: Sequence[str],
    name: str,
) -> Path:
    """Compiles `source` of an emitted program with the C files `around` it; the executable `name`.

    `command` is the compiler with its flags. Raises CheckError with its first message.
    """
    write_sources(files, folder)
    for file, text in around.items():
        (folder / file).write_text(text)
    mains = [file for file in around if file.endswith(".c")]
    program = folder.resolve() / name
    whole = [*command, "-I.", "-o", str(program), *mains, source, "-lm"]
    done = run_child(whole, cwd=folder, env=compiler_environment(folder))
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        check_system(said, folder)
        first = next((line for line in said.splitlines() if "error" in line), said)
        raise CheckError(f"{source} does not compile with {command[0]}: {first.strip()[:300]}")
    return program


def run(
    program: Path, data: bytes, env: Mapping[str, str] | None = None, words: Sequence[str] = ()
) -> Verdict:
    """Feeds sets of inputs to a built program; raises CheckError if it crashes."""
    done = run_child([str(program.resolve()), *words], data, env=env)
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()[-500:]
        raise CheckError(f"{program.name} stopped with status {done.returncode}: {message}")
    declared, *judged = (
        tuple(int(word) for word in line.split()) for line in done.stderr.splitlines()
    )
    reads, faults, *first = judged[0] if judged else (0, 0)
    fault = (first[0], first[1], first[2], first[3], first[4]) if faults else None
    return Verdict(done.stdout, declared, reads, faults, fault)
