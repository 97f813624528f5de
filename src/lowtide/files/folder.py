"""Write a folder all at once or not at all, and nothing in it that is the user's."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lowtide.errors import UsageError, system_says
from lowtide.files.listing import (
    NAME,
    Listing,
    above,
    digest,
    is_example,
    is_file,
    list_files,
    read_listing,
)
from lowtide.files.single import check_parent, is_one_of, real
from lowtide.files.staging import STAGING, drop, finish, locked, settle, stage, untouched


def check_folder(
    folder: Path,
    names: Collection[str] = (),
    read: Collection[Path] = (),
    made_by: str = "fit",
    mixed: bool = False,
) -> None:
    """Raises UsageError unless `folder` is absent, empty, or one that lowtide wrote.

    And where `names` cannot be written to it: what takes minutes is not begun then. `read` are the
    files that the result is made of; they are never replaced. `mixed`: it may be anybody's folder.
    A result that an interrupted run has left complete is put in its place first.
    """
    home = real(folder)
    if not os.path.lexists(folder) and not os.path.lexists(home):
        check_parent(folder)
        return
    try:
        if not home.is_dir():
            raise UsageError(f"{folder} is no folder; choose another with -o")
        with locked(home):
            settle(home)
            if not mixed:
                _check_whose(folder, home)
            _check_names(folder, home, names, read, made_by)
            (home / STAGING).mkdir()  # an attempt tells what modes do not tell root
            (home / STAGING).rmdir()
    except OSError as error:
        raise UsageError(
            f"cannot write {folder}: {system_says(error)}; choose another with -o"
        ) from error


def write_folder(
    folder: Path,
    files: Mapping[str, bytes],
    read: Collection[Path] = (),
    made_by: str = "fit",
    figures: Mapping[str, Any] | None = None,
) -> list[str]:
    """Writes a result to a folder of its own, or one that lowtide wrote; returns what it wrote.

        out/ net.c net.h mine.c   ->   out/ net.c (new) net.h (new) mine.c (untouched)

    An earlier result's files go, also those that this one does not have; the caller's own stay,
    and so does an example (main.c, files of a package) that was changed. `figures` stand in the
    list of the files. Raises UsageError where it may not or cannot; then what was there before is
    untouched.
    """
    check_folder(folder, files, read, made_by)
    return put(folder, files, read, made_by, figures)


def put(
    folder: Path,
    files: Mapping[str, bytes],
    read: Collection[Path],
    made_by: str,
    figures: Mapping[str, Any] | None = None,
) -> list[str]:
    """`write_folder` to a folder that may be anybody's."""
    home = real(folder)
    absent = [path for path in (home, *home.parents) if not os.path.lexists(path)]
    try:
        with locked(home, make=True):
            settle(home)
            files = _without_theirs(home, files)
            _check_names(folder, home, files, read, made_by)
            listing = list_files(files, made_by, _kept(home, files, read), figures)
            stage(home, files, listing)
            _finish(folder, home, listing)
            return sorted(files)
    except BaseException as error:
        for path in absent:
            with suppress(OSError):
                path.rmdir()  # only where nothing was written
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {folder}: {system_says(error)}") from error
        raise


def _finish(folder: Path, home: Path, listing: Listing) -> None:
    """Ctrl-C does not stop half-way what takes milliseconds."""
    try:
        finish(home, listing)
    except OSError as error:
        if untouched(home, listing):
            drop(home / STAGING)
            raise
        rest = f"the rest of it lies in {folder / STAGING}; the next command goes on from there"
        raise UsageError(f"cannot write {folder}: {system_says(error)}; {rest}") from error
    except BaseException as stopped:
        finish(home, listing)
        stopped.add_note(f"{folder} was written")
        raise


def _check_whose(folder: Path, home: Path) -> None:
    """Raises UsageError for a folder with files in it that lowtide has not written."""
    if read_listing(home) is not None or not any(home.iterdir()):
        return
    if os.path.lexists(home / NAME):
        raise UsageError(
            f"{folder / NAME}, by which lowtide knows its own files, is damaged or not lowtide's; "
            "choose another with -o, or move what is yours and remove the rest"
        )
    if not _older(home):
        raise UsageError(f"{folder} is not empty and not lowtide's; choose another with -o")
    raise UsageError(
        f"{folder} holds no {NAME}, by which lowtide knows its own files (older versions wrote "
        "none); choose another with -o, or move what is yours and remove the rest"
    )


def _older(home: Path) -> bool:
    """Whether it is the folder of a version that left no list."""
    for name in ("plan.json", "tiles.json"):
        if is_file(home, name):
            with (home / name).open("rb") as file:
                if b'"lowtide"' in file.read(4096):
                    return True
    return False


def _check_names(
    folder: Path, home: Path, names: Iterable[str], read: Collection[Path], made_by: str
) -> None:
    """Raises UsageError where a name is another's, or a file that is read."""
    held = read_listing(home)
    if held is not None and held.made_by != made_by:
        raise UsageError(f"{folder} holds what {held.made_by} wrote; choose another with -o")
    if held is None and os.path.lexists(home / NAME):
        raise UsageError(f"{folder / NAME} is not lowtide's; choose another folder with -o")
    for name in sorted(names):
        _check_above(folder, home, name)
        if is_example(name):
            continue
        path, listed = home / name, held.files.get(name) if held is not None else None
        if not os.path.lexists(path):
            continue
        if is_one_of(path, read):
            what = "is a file that is read, and would be replaced; move it"
        elif (found := digest(home, name)) is None or listed is None:
            what = f"is not lowtide's ({NAME} lists what is), and would be replaced; move it"
        elif found != listed:
            what = "was changed since lowtide wrote it, and would be replaced; move or remove it"
        else:
            continue
        raise UsageError(f"{folder / name} {what}, or choose another folder with -o")


def _without_theirs(home: Path, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files without examples that the user has changed, or has written."""
    held = read_listing(home)
    listed = held.files if held is not None else {}
    theirs = {
        name
        for name in filter(is_example, files)
        if os.path.lexists(home / name)
        and (name not in listed or digest(home, name) != listed[name])
    }
    return {name: content for name, content in files.items() if name not in theirs}


def _check_above(folder: Path, home: Path, name: str) -> None:
    """Raises UsageError where what a file is to lie in is a link or no folder."""
    for part in above(home, name):
        if os.path.lexists(part) and (part.is_symlink() or not part.is_dir()):
            raise UsageError(
                f"{folder / part.relative_to(home)} is no folder of lowtide's; move it, or choose "
                "another folder with -o"
            )


def _kept(home: Path, files: Collection[str], read: Collection[Path]) -> tuple[str, ...]:
    """Files of the earlier result that this one was made of, and does not hold."""
    held = read_listing(home)
    stale = held.files.keys() - {*files} if held is not None else set[str]()
    return tuple(sorted(name for name in stale if is_one_of(home / name, read)))
