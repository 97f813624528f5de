"""Ecosystems whose builds take a folder of lowtide's: one entry each, and its files beside it.

    CMAKE        packages/cmake/CMakeLists.txt      ->   OUT/CMakeLists.txt

NAME in a path stands for what the program is called, NETWORK for each of its networks, SOURCE for
each of its C files. What stands for them in a file, `fill.py` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from lowtide.errors import UsageError, perhaps
from lowtide.quoting import is_network_name

_MAIN = "selftest.c"
_TARGETS = (
    "all clean depend edit_cache help install package package_source preinstall rebuild_cache test "
    "uninstall"
)
"""Of CMake's generators, those whose names a network may have."""
_FIELD = re.compile("NAME|NETWORK|SOURCE")


@dataclass(frozen=True)
class Part:
    """A file of a package. An `example` is there to be changed, and the user's from then on.

    `text` is the file here that it is made of, if that is none of the ecosystem's own.
    """

    path: str
    example: bool = True
    text: str = ""

    def called(self, name: str, network: str, source: str) -> str:
        """Where it lies in the package of a program of this name, for one network, one C file."""
        given = {"NAME": name, "NETWORK": network, "SOURCE": source}
        return _FIELD.sub(lambda field: given[field[0]], self.path)


@dataclass(frozen=True)
class Ecosystem:
    """What `--package` names: its files, and in words what takes them."""

    name: str
    takes: str
    parts: tuple[Part, ...]
    taken: frozenset[str] = frozenset()
    """What a program may not be called there: its build has targets of these names."""

    def files(self, name: str) -> frozenset[str]:
        """The names of all that it adds to a program of one network."""
        tests = {f"{name}_selftest.{end}" for end in "ch"}
        return frozenset(tests | {part.called(name, name, name) for part in self.parts})

    def text_of(self, part: Part) -> str:
        """The file that a part is made of, from this room's folder."""
        return part.text or f"{self.name}/{part.path}"


ECOSYSTEMS = (
    Ecosystem(
        "cmake",
        "add_subdirectory() or FetchContent",
        (Part("CMakeLists.txt"), Part("selftest/main.c", text=_MAIN)),
        frozenset(_TARGETS.split()),
    ),
    Ecosystem(
        "zephyr",
        "a manifest of west, or EXTRA_ZEPHYR_MODULES",
        (
            Part("zephyr/module.yml"),
            Part("zephyr/CMakeLists.txt"),
            Part("zephyr/Kconfig"),
            Part("samples/selftest/CMakeLists.txt"),
            Part("samples/selftest/prj.conf"),
            Part("samples/selftest/sample.yaml"),
            Part("samples/selftest/src/main.c", text=_MAIN),
        ),
    ),
    Ecosystem(
        "esp-idf",
        "components/ of a project, or EXTRA_COMPONENT_DIRS",
        (
            Part("CMakeLists.txt"),
            Part("idf_component.yml"),
            Part("examples/selftest/CMakeLists.txt"),
            Part("examples/selftest/sdkconfig.defaults"),
            Part("examples/selftest/main/CMakeLists.txt"),
            Part("examples/selftest/main/main.c", text=_MAIN),
        ),
    ),
    Ecosystem(
        "arduino",
        "the folder libraries/ of Arduino",
        (
            Part("library.properties"),
            Part("keywords.txt"),
            Part("src/SOURCE.h", example=False),
            Part("src/SOURCE.c", example=False),
            Part("src/NETWORK_selftest.h", example=False),
            Part("src/NETWORK_selftest.c", example=False),
            Part("examples/NAME/NAME.ino", text="arduino/examples/sketch.ino"),
        ),
    ),
)  # fmt: skip


def ecosystem(name: str) -> Ecosystem:
    """The ecosystem of a name; raises UsageError where there is none."""
    for one in ECOSYSTEMS:
        if one.name == name:
            return one
    known = [one.name for one in ECOSYSTEMS]
    there = ", ".join(known) + perhaps(name, known)
    raise UsageError(f"there is no package '{name}'; there are {there}")


@cache
def find_part(path: str) -> Part | None:
    """What a file of a package is, by its path in a folder; None of any other file."""
    parts = (part for one in ECOSYSTEMS for part in one.parts)
    return next((part for part in parts if _is_called(part.path, path)), None)


@cache
def is_folder(path: str) -> bool:
    """Whether files of a package lie in a folder of that path."""
    parts = (PurePath(part.path) for one in ECOSYSTEMS for part in one.parts)
    return any(_is_called(str(above), path) for part in parts for above in part.parents[:-1])


def _is_called(pattern: str, path: str) -> bool:
    """Whether a path is one with a name for NAME and the others, everywhere the same."""
    first, *more = _FIELD.split(pattern)
    named = re.escape(first) + "".join(
        (r"(?P=name)" if k else r"(?P<name>[a-z0-9_]+)") + re.escape(part)
        for k, part in enumerate(more)
    )
    found = re.fullmatch(named, path)
    return found is not None and all(map(is_network_name, found.groups()))
