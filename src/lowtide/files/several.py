"""Several networks in one folder: their files by names that do not meet.

face.c  face.h  checks/face.c          as they are
plan.json  memory.svg                  face_plan.json  face_memory.svg
checks/reference.c                     checks/face_reference.c
"""

from __future__ import annotations

from collections.abc import Mapping

from lowtide.errors import UsageError
from lowtide.files.listing import CHECKS, EXAMPLE

TURNS = f"{CHECKS}together.c"

SHARED = ("together.c", "together.h", TURNS)
"""What networks in one arena have together, beside plan.json."""

_OTHERS = ("_plan.json", "_memory.svg", "_report.html")
_RENAMED = (
    "plan.json", "memory.svg", "report.html",
    *(f"{CHECKS}reference.{one}" for one in ("bin", "c", "npz")),
)  # fmt: skip


def name_among(file: str, network: str) -> str:
    """What a file of a network is called in a folder of several."""
    folder, slash, own = file.rpartition("/")
    return f"{folder}{slash}{network}_{own}" if file in _RENAMED else file


def one_folder(
    parts: Mapping[str, Mapping[str, bytes]], shared: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The files of all networks, by network, and those that they share; raises UsageError."""
    found = dict(shared)
    for network, files in parts.items():
        for file, content in files.items():
            if file == EXAMPLE:
                continue  # there is one for all
            name = name_among(file, network)
            if name in found:
                raise UsageError(
                    f"--name: '{network}' and another network both write {name}; choose others"
                )
            found[name] = _text(content, file, network)
    return found


def _text(content: bytes, file: str, network: str) -> bytes:
    """A reference that reads its weights from where they are now."""
    old, new = (f'"{one}"'.encode() for one in (_WEIGHTS, name_among(_WEIGHTS, network)))
    return content.replace(old, new) if file == f"{CHECKS}reference.c" else content


_WEIGHTS = f"{CHECKS}reference.bin"


def part_of(files: Mapping[str, bytes], network: str) -> dict[str, bytes]:
    """The files of one network, by the names that they have in a folder of its own.

    With them those of the others that are in nobody's way.
    """
    theirs = {name_among(file, network): file for file in _RENAMED}
    return {
        theirs.get(name, name): content
        for name, content in files.items()
        if name in theirs or not (name in _RENAMED or name.endswith(_OTHERS))
    }
