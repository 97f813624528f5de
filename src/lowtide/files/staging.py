"""A result comes into a folder whole, or not at all, whenever the process is killed.

    OUT/.lowtide-new/ net.c plan.json           written and on disk ..
    OUT/.lowtide-new/ net.c plan.json lowtide.json            .. the list last: it is complete
    OUT/ net.c plan.json      OUT/.lowtide-new/ lowtide.json  renamed one by one, stale files go
    OUT/ net.c plan.json lowtide.json                         the list last

Whoever finds a complete one finishes it, and drops an incomplete one (`settle`). The folder itself
stays: its mode, its owner, and the shells that stand in it.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no locks of folders, and opens none
    fcntl = None  # type: ignore[assignment]

from lowtide.errors import UsageError
from lowtide.files.listing import (
    NAME,
    Listing,
    above,
    behind_link,
    digest,
    is_own,
    is_own_folder,
    read_listing,
)

STAGING = ".lowtide-new"

_PATIENCE = 60.0
_NO_LOCKS = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems without locks say (NFS has none on folders): there nobody is waited for."""


@contextmanager
def locked(folder: Path, make: bool = False) -> Iterator[None]:
    """Holds the folder while others wait; with `make` it is made if it is not there.

    The lock is the folder's own, so nothing lies in it for that, and it ends with the process.
    """
    while True:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        with _opened(folder) as held:
            if held is not None:
                _lock(held, folder)
                same = folder.exists() and os.path.samestat(os.fstat(held), folder.stat())
                if make and not same:
                    continue  # who held it has removed the folder
            yield
            return


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """The folder as a file, or None where the system opens no folders."""
    if fcntl is None:
        yield None
        return
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield held
    finally:
        os.close(held)


def _lock(held: int, folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise UsageError(
                    f"another process has held {folder} for {_PATIENCE:g} s; wait for it to end"
                ) from None
            time.sleep(0.01)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            raise


def settle(folder: Path) -> None:
    """Finishes a complete result that lies in .lowtide-new, drops an incomplete one.

    Raises UsageError where something stands in its way that is not lowtide's.
    """
    new = folder / STAGING
    if not os.path.lexists(new):
        return
    if new.is_symlink() or not new.is_dir():
        raise UsageError(f"{new} is no folder of lowtide's; move or remove it")
    listing = complete(folder)
    if listing is None:
        drop(new)
        return
    old = read_listing(folder)
    for name in (*listing.files, NAME):
        here = os.path.lexists(new / name)
        if here and not _ours(folder, name, old, listing):
            raise UsageError(
                f"{folder / name} is not lowtide's, and a result in {new} is to take its place; "
                "move one of the two"
            )
    finish(folder, listing)


def complete(folder: Path) -> Listing | None:
    """The list of a result that lies complete in .lowtide-new, or the rest of it does."""
    new = folder / STAGING
    listing = read_listing(new)
    if listing is None:
        return None
    staged = [name for name in listing.files if os.path.lexists(new / name)]
    return listing if all(digest(new, one) == listing.files[one] for one in staged) else None


def _ours(folder: Path, name: str, old: Listing | None, new: Listing) -> bool:
    """Whether a name is free, or is a file of the old result or already of the new one."""
    if behind_link(folder, name):
        return False
    if not os.path.lexists(folder / name):
        return True
    if name == NAME:
        return old is not None
    known = {one.files.get(name) for one in (old, new) if one is not None} - {None}
    return digest(folder, name) in known


def stage(folder: Path, files: Mapping[str, bytes], listing: Listing) -> None:
    """Writes a result to .lowtide-new, on disk when this returns; nothing is left if it fails."""
    new = folder / STAGING
    new.mkdir()
    try:
        for name, content in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            _write(new / name, content)
        for part in {new, *(part for name in files for part in above(new, name))}:
            sync(part)
        _write(new / NAME, listing.to_json())
        sync(new)
    except BaseException:
        with suppress(OSError):
            drop(new)
        raise


def finish(folder: Path, listing: Listing) -> None:
    """Puts a complete result in its place; may be called again wherever it was stopped."""
    new, old = folder / STAGING, read_listing(folder)
    parts = {folder}
    for name in sorted(listing.files, key=lambda one: ("/" in one, one)):
        if os.path.lexists(new / name):  # those of folders last, so that none is made in vain
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(new / name, folder / name)
            parts.update(above(folder, name))
    before = old.files if old is not None else {}
    for name in sorted(before.keys() - listing.files.keys() - {*listing.kept}):
        if digest(folder, name) == before[name]:
            os.unlink(folder / name)
            with suppress(OSError):  # with something of the user's in it, a folder stays
                for part in reversed(above(folder, name)):
                    part.rmdir()
    for part in parts:
        sync(part)
    if os.path.lexists(new / NAME):
        os.replace(new / NAME, folder / NAME)
        sync(folder)
    drop(new)


def untouched(folder: Path, listing: Listing) -> bool:
    """Whether nothing of a complete result has come to its place yet."""
    return all(os.path.lexists(folder / STAGING / name) for name in (*listing.files, NAME))


def drop(new: Path) -> None:
    """Removes .lowtide-new and lowtide's files in it; raises UsageError where others lie there."""
    for name in (NAME, *_own_files(new)):  # without its list it is incomplete from the first
        path = new / name
        if os.path.lexists(path) and not (path.is_dir() and not path.is_symlink()):
            os.unlink(path)
    try:
        for part in _folders(new):
            part.rmdir()
        new.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise UsageError(f"{new} holds what is not lowtide's; move or remove it") from None


def _own_files(new: Path) -> list[str]:
    """What lies in .lowtide-new by a name that lowtide gives."""
    places = [new, *_folders(new)] if new.is_dir() else []
    found = (str((part / name).relative_to(new)) for part in places for name in os.listdir(part))
    return sorted(filter(is_own, found))


def _folders(new: Path) -> list[Path]:
    """Lowtide's folders in .lowtide-new, those in others first; nothing behind a link is one."""
    found = (Path(at) for at, _, _ in os.walk(new, topdown=False))
    return [at for at in found if is_own_folder(str(at.relative_to(new)))]


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """What is in a folder is on disk, where the file system can say so of folders."""
    with _opened(folder) as held:
        try:
            if held is not None:
                os.fsync(held)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP):
                raise
