"""Write a folder or a file all at once or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lowtide.errors import UsageError

OWN = frozenset(
    {
        "compressed.onnx", "memory.svg", "net.c", "net.h", "net.onnx", "plan.json",
        "reference.bin", "reference.c", "reference.npz", "tiles.json", "weights.bin",
    }
)  # fmt: skip
"""What a run may write: of an earlier run's folder these are replaced, everything else is kept."""


def check_folder(folder: Path) -> None:
    """Raises UsageError unless `folder` is absent, empty, or one that lowtide wrote.

    And where nothing can be made beside it: what takes minutes is not begun then.
    """
    _check_parent(folder)
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; choose another with -o")
    if any(folder.iterdir()) and not _own(folder):
        raise UsageError(f"{folder} is not empty and not lowtide's; choose another with -o")


def _check_parent(path: Path, option: str = "-o") -> None:
    """Raises UsageError where nothing can be made, as an attempt shows: modes tell root nothing."""
    try:
        above = next(p for p in path.resolve().parents if p.exists())
        if above.is_dir():
            os.rmdir(tempfile.mkdtemp(prefix=f".{path.name}-", dir=above))
            return
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; choose another with {option}"
        ) from error
    raise UsageError(f"cannot write {path}: {above} is no folder; choose another with {option}")


def _own(folder: Path) -> bool:
    for name in ("plan.json", "tiles.json"):
        try:
            held = json.loads((folder / name).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(held, dict) and "lowtide" in held:
            return True
    return False


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes the files to a folder beside `folder` and puts it in its place.

        out/ net.c weights.bin main.c   ->   out/ net.c (new) main.c (untouched)

    An earlier run's files go, also those that this run does not write; the caller's own stay.
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
            _carry_over(folder, new)
            folder.rename(old)
        new.rename(folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}") from error
    finally:
        if (made / "old").exists() and not folder.exists():
            (made / "old").rename(folder)
        shutil.rmtree(made, ignore_errors=True)


def check_file(path: Path, source: Path, option: str = "-o") -> None:
    """Raises UsageError if `path` is a folder, the file that is read, or cannot be made."""
    _check_parent(path, option)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file with {option}")
    if path.exists() and source.exists() and path.samefile(source):
        raise UsageError(f"{path} is the file that is read; choose another with {option}")


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


def _carry_over(folder: Path, new: Path) -> None:
    """Puts what lowtide did not write into the new folder as well; the old one keeps it too."""
    for path in folder.iterdir():
        if path.name in OWN:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, new / path.name, symlinks=True, copy_function=_link)
        else:
            _link(path, new / path.name)


def _link(path: str | Path, to: str | Path) -> None:
    """The same file under another name; a copy on file systems that have no links."""
    try:
        os.link(path, to, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, to, follow_symlinks=False)
