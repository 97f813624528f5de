"""lowtide.json: which files of a folder are lowtide's own, each with its digest.

    {"lowtide": "0.1.0", "made_by": "fit", "files": {"net.c": "9f86d081..", "plan.json": ".."}}

A file is lowtide's own if the list has its name and its bytes have that SHA-256. What the user has
changed is the user's, and so is every folder and every link.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from lowtide.packages import find_part, is_folder
from lowtide.quoting import is_network_name
from lowtide.version import __version__

NAME = "lowtide.json"

RECIPE = "lowtide.toml"
"""What a fit was asked for."""

EXPORTED = "exported.onnx"
"""The network that a PyTorch module was exported to."""

CHECKS = "checks/"
"""The folder in a result of what is there to check it."""

_CHECKED = ("fifo.npz", "net.c", "net_check.h", "reference.bin", "reference.c", "reference.npz")

EXAMPLE = "main.c"
"""The example of a caller. It and those of packages (`is_example`) are the user's from the first
change on, and until then lowtide's."""

OWN = frozenset(
    {
        "compressed.onnx", "fifo.json", "front.html", "front.svg", "int8.onnx", "memory.svg",
        "net.c", "net.h", "net.onnx", "net.tflite", "net_weights.bin", "net_weights.c", "plan.json",
        "report.html", "tiles.json", EXAMPLE, EXPORTED, RECIPE,
        *(CHECKS + name for name in _CHECKED),
    }
)  # fmt: skip
"""All that lowtide writes to a folder, of a network called net."""

OLDER = ("weights.bin", *_CHECKED[3:])
"""What earlier versions wrote beside net.c."""

_CERTAIN = ("net.c", "net_check.h", "reference.c", "reference.npz")

CERTAIN = {
    "none": frozenset({"memory.svg", "plan.json", "report.html"}),
    "c99": frozenset(
        {
            "memory.svg", "net.c", "net.h", "plan.json", "report.html",
            *(CHECKS + n for n in _CERTAIN),
        }
    ),
    "onnx": frozenset({"net.onnx", "tiles.json"}),
    "tflite": frozenset({"net.tflite"}),
    "fifo": frozenset({"fifo.json", f"{CHECKS}fifo.npz"}),
}  # fmt: skip
"""What fit writes for each target, whatever the network; more may be."""


_OF_A_NETWORK = re.compile(
    r"(?:checks/)?(.*?)(_weights\.(?:bin|c)|_check\.h|_reference\.(?:bin|c|npz)|\.[ch]|\.tflite)"
    r"|(.*)(_plan\.json|_memory\.svg|_report\.html)"
)


def is_own(name: str) -> bool:
    """Whether lowtide ever writes a file of that name: a list with another in it is not believed.

    face.c, face.h and face_weights.c are those of a network called face, and face_plan.json where
    there are several (`several.py`).
    """
    network = _OF_A_NETWORK.fullmatch(name)
    return (
        name in (*OWN, *OLDER)
        or find_part(name) is not None
        or (network is not None and is_network_name(network[1] or network[3]))
    )


def is_own_folder(name: str) -> bool:
    """Whether lowtide ever makes a folder of that name in a result."""
    return f"{name}/" == CHECKS or is_folder(name)


def is_example(name: str) -> bool:
    """Whether a file is there to be changed: the user's from the first change on."""
    part = find_part(name)
    return name == EXAMPLE or (part is not None and part.example)


_LARGEST = 1 << 16


@dataclass(frozen=True)
class Listing:
    """The files of a result by name, each with its SHA-256, and the command that made them.

    `kept` are files of the result before that stay, since this one was made of them: they are the
    user's from now on.
    """

    files: Mapping[str, str]
    made_by: str
    kept: tuple[str, ...] = ()
    figures: Mapping[str, Any] | None = None
    """What the program takes, and what measured it."""

    def to_json(self) -> bytes:
        """The list as it is written; the same for the same files."""
        held = {
            "lowtide": __version__,
            "made_by": self.made_by,
            "files": dict(sorted(self.files.items())),
            **({"kept": sorted(self.kept)} if self.kept else {}),
            **({"figures": dict(self.figures)} if self.figures else {}),
        }
        return (json.dumps(held, indent=1) + "\n").encode()


def list_files(
    files: Mapping[str, bytes],
    made_by: str,
    kept: tuple[str, ...] = (),
    figures: Mapping[str, Any] | None = None,
) -> Listing:
    """The list of these contents."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Listing(digests, made_by, kept, figures)


def read_listing(folder: Path) -> Listing | None:
    """The list in a folder; None where there is none, or none that lowtide wrote as a whole."""
    path = folder / NAME
    if not is_file(folder, NAME) or path.stat().st_size > _LARGEST:
        return None
    try:
        held = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    if not isinstance(held, dict) or "lowtide" not in held:
        return None
    files, kept, made_by = held.get("files"), held.get("kept", []), held.get("made_by")
    if not isinstance(files, dict) or not isinstance(kept, list) or not isinstance(made_by, str):
        return None
    names = [*files, *kept]
    if not all(isinstance(one, str) for one in (*names, *files.values())):
        return None
    if not all(map(is_own, names)):
        return None
    figures = held.get("figures")
    return Listing(files, made_by, tuple(kept), figures if isinstance(figures, dict) else None)


def digest(folder: Path, name: str) -> str | None:
    """The SHA-256 of a file; None of what is absent, a folder, a link or a device."""
    if not is_file(folder, name):
        return None
    with (folder / name).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def above(folder: Path, name: str) -> list[Path]:
    """The folders between a result's own and a file of it, from the top down."""
    return [folder / part for part in reversed(PurePath(name).parents[:-1])]


def behind_link(folder: Path, name: str) -> bool:
    """Whether a folder above a file of a result is a link: what is behind it is not lowtide's."""
    return any(part.is_symlink() for part in above(folder, name))


def is_file(folder: Path, name: str) -> bool:
    """Whether there is a file by this name: no folder, link or device, nothing behind a link."""
    try:
        return not behind_link(folder, name) and stat.S_ISREG((folder / name).lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
