"""Which file holds the network that a folder was fitted from; its digest decides.

lowtide.toml    model = "../nets/net.onnx"     where it was, from the folder
plan.json       net.onnx, sha256 2f06..        looked for in the folder, beside it, and here
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from lowtide.check.verify import Folder, check_model, is_model
from lowtide.errors import UsageError
from lowtide.files.listing import RECIPE
from lowtide.planner.memory_map import MemoryMap


def find_model(folder: Path, held: Folder, model: str | Path | None = None) -> Path:
    """`model`, or the file that was fitted; raises UsageError where it is gone or has changed.

    Raises CheckError for a `model` that is another.
    """
    if model is not None:
        check_model(Path(model), held.memory)
        return Path(model)
    there = [path for path in _places(folder, held.files, held.memory) if path.is_file()]
    for path in there:
        if is_model(path, held.memory):
            return path
    called = Path(held.memory.file).name
    for path in there:
        if path.name == called:
            raise UsageError(
                f"{path} has changed since {folder} was fitted: fit it again, or name the file of "
                "then with --model FILE"
            )
    raise UsageError(
        f"{called}, the network that was fitted, is not where it was, nor in {folder}, beside it "
        "or here; name it with --model FILE"
    )


def _places(folder: Path, files: Mapping[str, bytes], memory: MemoryMap) -> Iterator[Path]:
    """Where it may be, where it was first."""
    try:
        said = tomllib.loads(files.get(RECIPE, b"").decode("utf-8-sig")).get("model")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        said = None  # somebody has changed it
    if isinstance(said, str) and "\0" not in said:
        yield Path(os.path.realpath(folder)) / said
    for place in (folder, folder.resolve().parent, Path()):
        yield place / Path(memory.file).name
