"""verify(): repeat the checks on a folder that fit wrote, from its files alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lowtide.check.judge import Checks, compare, judge_placement, judge_program
from lowtide.check.numbers import Reference, Sample
from lowtide.check.references import unpack_references
from lowtide.errors import CheckError, UnreadableModel, UsageError
from lowtide.memory_map import MemoryMap, read_memory_map


def verify(
    folder: str | Path,
    model: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[MemoryMap, Checks]:
    """Checks the placement, the program against its memory map, and the numbers.

    With `model`, the references are recomputed by onnxruntime as well. Raises UnreadableModel for
    missing or damaged files, CheckError for a failed check, UsageError without a C compiler.
    """
    folder = Path(folder)
    files = {path.name: path.read_bytes() for path in _files(folder)}
    memory = read_memory_map(files["plan.json"].decode(errors="replace"), str(folder / "plan.json"))
    samples, sha256 = unpack_references(files["reference.npz"], str(folder / "reference.npz"))
    if sha256 != memory.sha256:
        raise CheckError(f"{folder}: plan.json and reference.npz are of different models")
    progress("checking the placement")
    judge_placement(memory)
    for source in ("net.c", "reference.c"):
        _same_map(files[source].decode(errors="replace"), memory, str(folder / source))
    if model is not None:
        progress("running onnxruntime")
        _same_references(Path(model), memory, samples)
    checks = judge_program(files, memory, samples, progress)
    if checks is None:
        raise UsageError("no C compiler: set CC, install gcc or clang, or pip install ziglang")
    return memory, checks


def _files(folder: Path) -> list[Path]:
    needed = ("net.c", "net.h", "reference.c", "plan.json", "reference.npz")
    for name in needed:
        if not (folder / name).is_file():
            raise UnreadableModel(
                f"{name} is missing", file=str(folder), hint="name a folder that lowtide fit wrote"
            )
    return [path for path in sorted(folder.iterdir()) if path.is_file()]


def _same_map(source: str, memory: MemoryMap, file: str) -> None:
    """The program must place every storage where plan.json says."""
    found = re.findall(r"^#define S(\d+)\(r, i\).*?\(arena \+ (\d+)\)", source, re.MULTILINE)
    placed: Mapping[int, int] = {int(number): int(offset) for number, offset in found}
    for number, storage in enumerate(memory.storages):
        if placed.get(number) != storage.offset:
            raise CheckError(
                f"{file}: storage '{storage.name}' is at {placed.get(number)}, "
                f"plan.json says {storage.offset}"
            )


def _same_references(model: Path, memory: MemoryMap, samples: list[Sample]) -> None:
    try:
        data = model.read_bytes()
    except OSError as error:
        raise UnreadableModel(str(error.strerror), file=str(model)) from error
    if hashlib.sha256(data).hexdigest() != memory.sha256:
        raise CheckError(f"{model} is not the model that was fitted ({memory.file})")
    reference = Reference(model, str(model))
    found = compare({s.name: reference.run(s.inputs) for s in samples}, samples)
    if not found.passes:
        raise CheckError(f"onnxruntime now differs from reference.npz by {found.max_rel:.2e}")
