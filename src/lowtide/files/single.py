"""Write one file all at once or not at all, and never onto one that is read."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from lowtide.errors import UsageError, system_says
from lowtide.files.staging import sync


def real(path: Path) -> Path:
    """The path behind links; unlike Path.resolve, a loop of them is no error here."""
    return Path(os.path.realpath(path))


def is_one_of(path: Path, read: Collection[Path]) -> bool:
    """Whether a path is one of the files that are read, by whatever name."""
    for one in read:
        with suppress(OSError):  # one of them is not there, or nobody may look
            if path.samefile(one):
                return True
    return False


def check_parent(path: Path, option: str = "-o") -> None:
    """Raises UsageError where a file or folder cannot be made, as an attempt shows."""
    home = real(path)
    try:
        above = next(p for p in home.parents if os.path.lexists(p))
        if above.is_dir():
            with tempfile.TemporaryDirectory(prefix=".lowtide-", dir=above) as made:
                (Path(made) / home.relative_to(above)).mkdir(parents=True)  # is the name too long?
            return
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {system_says(error)}; choose another with {option}"
        ) from error
    raise UsageError(f"cannot write {path}: {above} is no folder; choose another with {option}")


def check_file(path: Path, source: Path, option: str = "-o", read: Collection[Path] = ()) -> None:
    """Raises UsageError if `path` is a folder, cannot be made, or is a file that is read.

    Those are `source` and `read`.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file with {option}")
        if is_one_of(path, (source, *read)):
            raise UsageError(f"{path} is the file that is read; choose another with {option}")
        if _is_device(path):
            return
    except OSError as error:
        raise UsageError(f"cannot write {path}: {system_says(error)}") from error
    check_parent(path, option)


def write_file(path: Path, content: bytes) -> None:
    """Writes beside `path` and puts it in its place; raises UsageError where it cannot."""
    home = real(path)
    try:
        if _is_device(home):
            home.write_bytes(content)
            return
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".lowtide-", dir=home.parent) as made:
            new = Path(made) / "new"
            with new.open("xb") as file:
                if home.exists():
                    new.chmod(stat.S_IMODE(home.stat().st_mode))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, home)
        sync(home.parent)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {system_says(error)}") from error


def _is_device(path: Path) -> bool:
    """Whether a path is a terminal, a pipe or /dev/null: written to, never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()
