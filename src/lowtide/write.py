"""Write a folder or a file all at once or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lowtide.errors import UsageError


def check_folder(folder: Path) -> None:
    """Raises UsageError unless `folder` is absent, empty, or one that lowtide wrote."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; choose another with -o")
    if any(folder.iterdir()) and not _own(folder):
        raise UsageError(f"{folder} is not empty and not lowtide's; choose another with -o")


def _own(folder: Path) -> bool:
    try:
        held = json.loads((folder / "plan.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(held, dict) and "lowtide" in held


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes the files to a folder beside `folder` and puts it in its place.

    Raises UsageError where it may not or cannot; then what was there before is untouched.
    """
    check_folder(folder)
    folder = folder.resolve()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {folder.parent}: {error.strerror}") from error
    try:
        new, old = made / "new", made / "old"
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        if (made / "old").exists() and not folder.exists():
            (made / "old").rename(folder)
        shutil.rmtree(made, ignore_errors=True)


def check_file(path: Path, source: Path) -> None:
    """Raises UsageError if `path` is a folder, or the file that is read."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file with -o")
    if path.exists() and source.exists() and path.samefile(source):
        raise UsageError(f"{path} is the file that is read; choose another with -o")


def write_file(path: Path, content: bytes) -> None:
    """Writes beside `path` and puts it in its place; raises UsageError where it cannot."""
    path = path.resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as made:
            new = Path(made) / "new"
            new.write_bytes(content)
            os.replace(new, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
