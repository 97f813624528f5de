"""verify(): repeat the checks on a folder that fit wrote, from its files alone."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowtide.check.difference import check_near, compare
from lowtide.check.ends import Ends
from lowtide.check.in_child import in_child
from lowtide.check.judge import Checks, judge_program
from lowtide.check.numbers import Sample
from lowtide.check.reference_file import unpack_references
from lowtide.check.stated import check_plan, same_map
from lowtide.check.truth import expect
from lowtide.check.words import show_verified
from lowtide.clock import Progress, quiet
from lowtide.errors import (
    FIT_AGAIN,
    NO_COMPILER,
    CheckError,
    ModelError,
    UnreadableModel,
    UnsupportedModel,
    UsageError,
)
from lowtide.files.listing import CERTAIN, CHECKS, RECIPE
from lowtide.files.result import Result, read_result
from lowtide.planner.memory_map import MemoryMap
from lowtide.planner.plan_json import read_memory_map
from lowtide.planner.shared_json import is_shared
from lowtide.quoting import for_terminal, own
from lowtide.room import MAX_ELEMENTS, Room
from lowtide.sizes import show_bytes

if TYPE_CHECKING:
    from lowtide.check.layers import Layers
    from lowtide.check.tested import Tested


@dataclass(frozen=True, repr=False)
class Verified:
    """A folder whose files passed every check; `recomputed` is what they say of its memory.

    `changed` are files that are not as lowtide wrote them: the checks are of them as they are.
    `layers` is how each operator compares, `tested` how often the program is right, if that was
    asked for. Printed it is what the command says.
    """

    memory: MemoryMap
    checks: Checks | None
    recomputed: Mapping[str, int]
    seconds: float
    changed: tuple[str, ...] = ()
    layers: Layers | None = None
    tested: Tested | None = None

    def facts(self) -> dict[str, Any]:
        """Everything `verify --json` prints: only what was checked, not what plan.json claims."""
        return {
            "file": self.memory.file,
            "sha256": self.memory.sha256,
            **self.recomputed,
            **(self.checks.facts() if self.checks else {}),
            "changed": list(self.changed),
            "seconds": round(self.seconds, 3),
            **(self.layers.facts() if self.layers else {}),
            **(self.tested.facts() if self.tested else {}),
        }

    def __str__(self) -> str:
        more = [str(one) for one in (self.layers, self.tested) if one]
        return "\n".join([show_verified(self), *more])

    def __repr__(self) -> str:
        arena = show_bytes(self.memory.arena_bytes)
        passed = f"every check passed, {self.checks.shown}" if self.checks else "placement passed"
        return f"<Verified {for_terminal(self.memory.file)}: arena {arena}, {passed}>"


@dataclass(frozen=True)
class Folder:
    """The files that fit wrote, by name, the plan that they say they are of, and its samples.

    `changed` are those that are not as fit wrote them.
    """

    files: Mapping[str, bytes]
    memory: MemoryMap
    samples: Sequence[Sample]
    changed: tuple[str, ...] = ()


_SAMPLES = f"{CHECKS}reference.npz"
_NEEDED = sorted(CERTAIN["c99"] - {"memory.svg", "report.html"})
_WAY_OUT = "name a folder that lowtide fit wrote"


def read_folder(folder: Path, max_elements: int = MAX_ELEMENTS) -> Folder:
    """Reads a folder with a program; raises UnreadableModel, CheckError where files differ."""
    return _folder(folder, result_of(folder), max_elements)


def _folder(folder: Path, result: Result, max_elements: int) -> Folder:
    files = result.files
    _needs(files, folder, "plan.json")
    if is_shared(files["plan.json"]):
        raise UnreadableModel(
            "holds several networks in one arena",
            file=str(folder),
            hint="lowtide verify checks them; for more fit each by itself",
        )
    memory = read_memory_map(files["plan.json"].decode(errors="replace"), str(folder / "plan.json"))
    _needs(files, folder, *(own(name, memory.called) for name in _NEEDED))
    if memory.options.get("element_bytes") is not None:
        raise CheckError(f"{folder}: plan.json is of --element-bytes: no program", hint=FIT_AGAIN)
    _has_room(memory, max_elements, str(folder / "plan.json"))
    samples, sha256 = unpack_references(files[_SAMPLES], str(folder / _SAMPLES), max_elements)
    if sha256 != memory.sha256:
        raise CheckError(
            f"{folder}: plan.json and {_SAMPLES} are of different models", hint=FIT_AGAIN
        )
    _fit(samples, memory, str(folder / _SAMPLES))
    return Folder(files, memory, samples, result.changed)


def _needs(files: Mapping[str, bytes], folder: Path, *names: str) -> None:
    for name in names:
        if name not in files:
            raise UnreadableModel(f"{name} is missing", file=str(folder), hint=_hint(files, folder))


def _hint(files: Mapping[str, bytes], folder: Path) -> str:
    """Why a file of a result may be missing."""
    held = folder / CHECKS.rstrip("/")
    if held.is_symlink() or held.is_file():
        return f"{held} is no folder of lowtide's; move it, then fit again"
    if "reference.c" in files:
        return "an earlier lowtide wrote it; fit again"
    return _WAY_OUT


def verify(
    folder: str | Path,
    model: str | Path | None = None,
    progress: Progress = quiet,
    max_elements: int = MAX_ELEMENTS,
) -> Verified:
    """Checks the placement, the program against its memory map, and the numbers.

    The C in the folder is compiled and run: only for folders that are trusted.
    With `model`, what is expected is computed anew as well. Only what lowtide.json lists
    is read. Of files that speak of more than `max_elements` nothing is computed. Raises
    UnreadableModel for missing or damaged files, CheckError for a failed check, UsageError without
    a C compiler.
    """
    began = time.perf_counter()
    folder = Path(folder)
    result = result_of(folder)
    with naming_changed(result):
        memory, checks, recomputed = verify_files(folder, result, model, progress, max_elements)
    return Verified(memory, checks, recomputed, time.perf_counter() - began, result.changed)


@contextmanager
def naming_changed(result: Result) -> Iterator[None]:
    """An error says first which files are not as lowtide wrote them: one is likely the cause."""
    try:
        yield
    except (CheckError, ModelError) as error:
        if result.changed:
            cause = f"changed since lowtide wrote it: {', '.join(result.changed)}; "
            if isinstance(error, ModelError):
                error.what = cause + error.what
            else:
                error.args = (cause + error.args[0],)
            error.hint = error.hint or FIT_AGAIN
        raise


def verify_files(
    folder: Path,
    result: Result,
    model: str | Path | None,
    progress: Progress,
    max_elements: int,
) -> tuple[MemoryMap, Checks | None, dict[str, int]]:
    """The checks of one network's files; with `model` what is expected is computed anew."""
    if "plan.json" in result.files and result.files.keys() <= CERTAIN["none"] | {RECIPE}:
        content, file = result.files["plan.json"], str(folder / "plan.json")
        return _verify_plan(content, file, progress, max_elements)
    held = _folder(folder, result, max_elements)
    files, memory, samples = held.files, held.memory, held.samples
    progress("checking the placement")
    recomputed = check_plan(memory, str(folder / "plan.json"))
    called = memory.called
    for source in (f"{called}.c", f"{CHECKS}{called}.c", f"{CHECKS}reference.c"):
        same_map(files[source].decode(errors="replace"), memory, str(folder / source))
    if model is not None:
        progress("computing the references")
        samples = _same_references(Path(model), memory, samples)
    checks = judge_program(files, memory, samples, progress)
    if checks is None:
        raise UsageError(NO_COMPILER)
    return memory, checks, recomputed


def _verify_plan(
    content: bytes, file: str, progress: Progress, max_elements: int
) -> tuple[MemoryMap, None, dict[str, int]]:
    """What can be checked of a plan without a program."""
    memory = read_memory_map(content.decode(errors="replace"), file)
    _has_room(memory, max_elements, file)
    progress("checking the placement")
    return memory, None, check_plan(memory, file)


def _has_room(memory: MemoryMap, max_elements: int, file: str) -> None:
    """Raises UnreadableModel where the storages together, or the arena, have more elements."""
    room = Room(max_elements)
    try:
        for number, storage in enumerate(memory.storages):
            room.count(f"{number}: {storage.name}", storage.elements)
        Room(max_elements).count("the arena", memory.arena_bytes // max(memory.element_bytes, 1))
    except UnsupportedModel as error:
        raise error.within(file=file) from None


def result_of(folder: Path) -> Result:
    """What lowtide wrote to a folder; raises UnreadableModel where there is no program."""
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise UnreadableModel(what, file=str(folder), hint=_WAY_OUT)
    result = read_result(folder)
    if "tiles.json" in result.files and "plan.json" not in result.files:
        raise UnreadableModel(
            "holds a network in tiles, written with --target onnx, and no program to verify",
            file=str(folder),
            hint="net.onnx was checked before it was written; fit again to check again",
        )
    return result


def _fit(samples: Sequence[Sample], memory: MemoryMap, file: str) -> None:
    """There is something to compare on, and it has the program's inputs and outputs."""
    if not samples:
        raise UnreadableModel("holds no sample", file=file, hint=FIT_AGAIN)
    inputs = {port.name: port.shape for port in memory.inputs}
    outputs = [port.shape for port in memory.outputs]
    for sample in samples:
        numbers = all(y.dtype.kind in "fiu" for y in (*sample.inputs.values(), *sample.outputs))
        given = {name: values.shape for name, values in sample.inputs.items()}
        made = [values.shape for values in sample.outputs]
        if (given, made) != (inputs, outputs) or not numbers:
            raise UnreadableModel(
                f"sample '{sample.name}' is not of the network that plan.json describes",
                file=file,
                hint=FIT_AGAIN,
            )


def is_model(model: Path, memory: MemoryMap) -> bool:
    """Whether a file is the one that was fitted, byte by byte; raises UnreadableModel."""
    try:
        with model.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == memory.sha256
    except OSError as error:
        raise UnreadableModel(str(error.strerror), file=str(model)) from error


def check_model(model: Path, memory: MemoryMap) -> None:
    """Raises CheckError unless the model is the one that was fitted, UnreadableModel."""
    if not is_model(model, memory):
        raise CheckError(
            f"{model} is not the model that was fitted ({memory.file})",
            hint="name that one, or fit again",
        )


def _same_references(model: Path, memory: MemoryMap, samples: Sequence[Sample]) -> list[Sample]:
    """The samples with what is expected now, which is what the folder says; raises CheckError."""
    check_model(model, memory)
    if memory.options.get("image") == "endless":
        return [*samples]  # no runtime has the network that its file was made into
    inputs = {s.name: s.inputs for s in samples}
    ends = Ends(memory.inputs, memory.outputs, memory.states)
    now = in_child(memory.elements, expect, model, str(model), inputs, ends)
    check_near(compare({s.name: s.outputs for s in samples}, now), now, _SAMPLES)
    return now
