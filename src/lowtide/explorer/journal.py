"""points.jsonl: what an exploration has found so far, a line a point, the network's line first.

    {"lowtide": "0.1.0", "file": "net.onnx", "sha256": "..", "shapes": {"x": [1, 3, 32, 32]}}
    {"recipe": {..}, "arena_bytes": 153600, ..}

A later line for the same recipe stands for an earlier one, and keeps what that alone knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lowtide.errors import UsageError, system_says
from lowtide.explorer.front import Point, point
from lowtide.files import write_file
from lowtide.files.listing import is_file
from lowtide.ir.graph import Shape
from lowtide.planner.options import Options, Source
from lowtide.version import __version__

NAME = "points.jsonl"


@dataclass(frozen=True)
class Journal:
    """The points of one network, of the shapes that its inputs were given, kept in a folder."""

    folder: Path
    source: Source
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / NAME

    def read(self) -> dict[Options, Point]:
        """What was found before, by recipe; of one recipe the latest.

        Raises UsageError where the points are another network's or version's: they took time, and
        only who owns them may throw them away. A last line that was cut off is dropped.
        """
        if not self.path.exists():
            return {}
        content = _bytes(self.path)
        *lines, cut = content.split(b"\n")
        if lines:
            self._same(_header(lines[0]))
        points = [self._point(k, line) for k, line in enumerate(lines[1:], 2)]
        if cut:
            self._shorten(len(content) - len(cut))
        found: dict[Options, Point] = {}
        for one in points:
            found[one.options] = _joined(found.get(one.options), one)
        return found

    def append(self, one: Point) -> None:
        """Adds a line; it is on disk when this returns. Raises UsageError where that fails."""
        if not self.path.exists():
            write_file(self.path, _line(self._head()) + _line(_kept(one)))
            return
        try:
            with self.path.open("ab") as file:
                file.write(_line(_kept(one)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {system_says(error)}") from error

    def _shorten(self, length: int) -> None:
        """Cuts off the rest of a line; the file itself stays, whoever holds it open or linked."""
        try:
            os.truncate(self.path, length)
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {system_says(error)}") from error

    def _head(self) -> dict[str, Any]:
        return {
            "lowtide": __version__,
            "file": self.source.file,
            "sha256": self.source.sha256,
            "shapes": {name: [*shape] for name, shape in self.shapes.items()},
        }

    def _same(self, head: dict[str, Any]) -> None:
        if head.get("sha256") != self.source.sha256:
            other = f"of another network, {head.get('file')}"
            raise UsageError(f"{self.path} holds points {other}; choose another folder with -o")
        if head.get("shapes", {}) != self._head()["shapes"]:
            raise UsageError(
                f"{self.path} holds points for another --shape; choose another folder with -o"
            )
        if head.get("lowtide") != __version__:
            raise UsageError(
                f"{self.path} was written by lowtide {head.get('lowtide')}, whose plans differ from"
                f" those of {__version__}; choose another folder with -o, or delete it"
            )

    def _point(self, number: int, line: bytes) -> Point:
        try:
            return point(json.loads(line))
        except (KeyError, TypeError, ValueError, UsageError) as error:
            raise UsageError(
                f"{self.path}, line {number}: not as explore wrote it ({type(error).__name__}); "
                "delete the line"
            ) from error


def check_journal(folder: Path) -> None:
    """Raises UsageError unless `folder` is absent, empty, or one that an exploration wrote."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; choose another with -o")
    path = folder / NAME
    if os.path.lexists(path) and not is_file(folder, NAME):
        raise UsageError(f"{path} is a link or no file; choose another folder with -o")
    if path.exists():
        if "lowtide" not in _header(_bytes(path).split(b"\n")[0]):
            raise UsageError(
                f"{path}, line 1: not as explore wrote it, so nobody knows whose the points are; "
                "choose another folder with -o, or delete it"
            )
    elif any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty and holds no {NAME}; choose another with -o")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {system_says(error)}") from error


def _header(line: bytes) -> dict[str, Any]:
    """The line as an object; an empty one if it is none."""
    try:
        held = json.loads(line)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _joined(earlier: Point | None, one: Point) -> Point:
    """A point with the code and the chips that only an earlier line has."""
    if earlier is None:
        return one
    if one.code_bytes is None:
        one = replace(one, code_bytes=earlier.code_bytes, ram_bytes=earlier.ram_bytes)
    named = {chip.chip for chip in one.chips}
    return replace(one, chips=(*one.chips, *(c for c in earlier.chips if c.chip not in named)))


def _kept(one: Point) -> dict[str, Any]:
    """A point with its map, which --json has not."""
    return {**one.facts(), "map": one.map}


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"
