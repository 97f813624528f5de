"""The files of a result, read from the folder that holds them, and no others."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lowtide.errors import UsageError
from lowtide.files.listing import (
    NAME,
    OLDER,
    OWN,
    Listing,
    behind_link,
    is_example,
    read_listing,
)
from lowtide.files.staging import STAGING, complete, locked, settle

_NOT_MINE = (errno.EACCES, errno.EPERM, errno.EROFS)


@dataclass(frozen=True)
class Result:
    """Contents by name; `changed` are those that differ from what lowtide wrote, or are gone, but
    for examples, which are there to be changed.

    A folder without a list was written by an older lowtide: there nothing is known to be changed.
    """

    files: Mapping[str, bytes]
    changed: tuple[str, ...] = ()


def read_result(folder: Path) -> Result:
    """Reads what lowtide.json lists; a result that is left complete is put in its place first.

    Raises UsageError for what cannot be read.
    """
    try:
        with _settled(folder) as places:
            listing = next(filter(None, map(read_listing, places)), None)
            names = (
                [n for n in (*OWN, *OLDER) if not n.endswith(".onnx")]
                if listing is None
                else listing.files
            )
            found = {name: path for name in sorted(names) if (path := _find(places, name))}
            files = {name: path.read_bytes() for name, path in found.items()}
    except OSError as error:
        named = error.filename or folder
        raise UsageError(f"cannot read {named}: {error.strerror}") from error
    return Result(files, _changed(files, listing) if listing else _damaged(folder))


@contextmanager
def _settled(folder: Path) -> Iterator[tuple[Path, ...]]:
    """Where to look for a file: where nothing may be renamed, first among what is complete."""
    with locked(folder):
        try:
            settle(folder)
            pending = False
        except OSError as error:
            if error.errno not in _NOT_MINE:
                raise
            pending = complete(folder) is not None
        yield (folder / STAGING, folder) if pending else (folder,)


def _find(places: tuple[Path, ...], name: str) -> Path | None:
    found = (place / name for place in places if not behind_link(place, name))
    return next((path for path in found if path.is_file()), None)


def _changed(files: Mapping[str, bytes], listing: Listing) -> tuple[str, ...]:
    known = listing.files
    return tuple(
        name
        for name in sorted(known)
        if not is_example(name)
        and (name not in files or hashlib.sha256(files[name]).hexdigest() != known[name])
    )


def _damaged(folder: Path) -> tuple[str, ...]:
    """The list itself, if there is one that cannot be read."""
    return (NAME,) if os.path.lexists(folder / NAME) else ()
