"""Compilers that fail for want of something that the system does not have left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lowtide.errors import UsageError

_FAULTS: Mapping[str, str] = {
    "No space left on device": "there is no room left in {folder}; set TMPDIR to another folder",
    "Disk quota exceeded": "there is no room left in {folder}; set TMPDIR to another folder",
    "Read-only file system": "{folder} cannot be written; set TMPDIR to another folder",
    "File too large": "a file became too large; allow larger ones with ulimit -f unlimited",
    "File size limit exceeded": "a file became too large; allow more with ulimit -f unlimited",
    "Too many open files": "too many files are open; allow more with ulimit -n 1024",
    "out of file descriptors": "too many files are open; allow more with ulimit -n 1024",
    "Cannot allocate memory": "there is no memory left",
    "virtual memory exhausted": "there is no memory left",
}


def check_system(said: str, folder: Path) -> None:
    """Raises UsageError if what a compiler said, in English, is none of the program's faults."""
    for fault, why in _FAULTS.items():
        if fault in said:
            raise UsageError(f"the C compiler cannot work: {why.format(folder=folder)}")


def compiler_environment(folder: Path) -> dict[str, str]:
    """What a compiler is started with: it complains in English, and keeps its own temporary files
    where they are removed with the rest when it is interrupted."""
    return {**os.environ, "LC_ALL": "C", "TMPDIR": str(folder.resolve())}
