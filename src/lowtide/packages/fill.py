"""A package's files with a program's names in them.

target_link_libraries(app @name@)       ->   target_link_libraries(app face)
    @source@.c                          ->       face.c        a line each, of what there are
                                                 wake.c        several of

A file with NETWORK or SOURCE in its path is made for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files

from lowtide.packages.ecosystems import Ecosystem, Part

_HERE = files("lowtide.packages")
_FIELD = re.compile(r"@(\w+)@")


@dataclass(frozen=True)
class Contents:
    """What the program is called, its networks, its C files without .c, and what it was made of."""

    name: str
    networks: tuple[str, ...]
    sources: tuple[str, ...]
    model: str

    def each(self, part: Part) -> Iterator[tuple[str, Contents]]:
        """Where a part lies, as often as it is made, and what it is filled with there."""
        if "NETWORK" in part.path:
            all_of_them = [replace(self, networks=(one,)) for one in self.networks]
        elif "SOURCE" in part.path:
            all_of_them = [replace(self, sources=(one,)) for one in self.sources]
        else:
            all_of_them = [self]
        for one in all_of_them:
            yield part.called(one.name, one.networks[0], one.sources[0]), one

    def fill(self, text: str) -> str:
        """A text with these names; a line of what there are several of stands there for each."""
        return "\n".join(made for line in text.split("\n") for made in self._filled(line))

    @property
    def _several(self) -> Mapping[str, tuple[str, ...]]:
        return {"network": self.networks, "source": self.sources}

    @property
    def _whole(self) -> Mapping[str, str]:
        library = (_HERE / "cmake" / "lowtideLibrary.cmake").read_text().rstrip("\n")
        called = {"name": self.name, "NAME": self.name.upper()}
        return {**called, "model": self.model, "library": library}

    def _filled(self, line: str) -> Iterator[str]:
        field = next((one for one in self._several if f"@{one}@" in line.lower()), "")
        for value in self._several[field] if field else ("",):
            known = {**self._whole, field: value, field.upper(): value.upper()}
            yield _FIELD.sub(partial(_named, known), line)


def _named(known: Mapping[str, str], found: re.Match[str]) -> str:
    return known[found[1]]


def fill(one: Ecosystem, contents: Contents) -> dict[str, bytes]:
    """The files of a package, by where they lie in the folder."""
    return {
        path: each.fill((_HERE / one.text_of(part)).read_text()).encode()
        for part in one.parts
        for path, each in contents.each(part)
    }
