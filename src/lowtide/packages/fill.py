"""A package's files with a program's names in them.

target_link_libraries(app @name@)       ->   target_link_libraries(app face)
    @source@                            ->       face.c        a line each, of what there are
                                                 wake.c        several of
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

from lowtide.packages.ecosystems import Ecosystem

_HERE = files("lowtide.packages")
_FIELD = re.compile(r"@(\w+)@")


@dataclass(frozen=True)
class Contents:
    """What the program is called, its networks, its C files, and what it was made of."""

    name: str
    networks: tuple[str, ...]
    sources: tuple[str, ...]
    model: str

    @property
    def _each(self) -> Mapping[str, tuple[str, ...]]:
        return {"network": self.networks, "source": self.sources}

    @property
    def _whole(self) -> Mapping[str, str]:
        library = (_HERE / "cmake" / "lowtideLibrary.cmake").read_text()
        return {
            "name": self.name,
            "NAME": self.name.upper(),
            "model": self.model,
            "library": library.rstrip("\n"),
        }

    def fill(self, text: str) -> str:
        """A text with these names; a line of what there are several of stands there for each."""
        return "\n".join(made for line in text.split("\n") for made in self._filled(line))

    def _filled(self, line: str) -> Iterator[str]:
        field = next((one for one in self._each if f"@{one}@" in line), None)
        for value in self._each[field] if field else ("",):
            known = {**self._whole, **({field: value} if field else {})}
            yield _FIELD.sub(partial(_named, known), line)


def _named(known: Mapping[str, str], found: re.Match[str]) -> str:
    return known[found[1]]


def fill(one: Ecosystem, contents: Contents) -> dict[str, bytes]:
    """The files of a package, by where they lie in the folder."""
    return {
        part.called(contents.name): contents.fill((_HERE / one.text_of(part)).read_text()).encode()
        for part in one.parts
    }
