"""How deep the stack of a compiled program gets: the deepest path of its call graph.

    net.su  what the compiler says of each function's frame
    net.s   who calls whom, and what functions of assembler push, of which the compiler says 0

    net_run 16 -> conv_rows 440 -> conv_wide_2 64 -> memcpy 24 (library)

A call by pointer may lead to each function whose address is taken. What has no bound is refused. A
function that calls no other may use some bytes below its frame (`Machine.red_zone`). What the
caller's own functions take that the program calls is not in it, and no interrupt is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from lowtide.check.assembler import Function, read_assembler
from lowtide.check.library import assumed
from lowtide.errors import CheckError

Source = Literal["compiler", "assembler", "library", "assumed"]
Library = Callable[[frozenset[str]], Mapping[str, int]]
"""What functions that the program does not have take, as far as it is known."""


@dataclass(frozen=True)
class Step:
    """A function on a path, its bytes of stack, and who says so."""

    function: str
    stack_bytes: int
    source: Source


@dataclass(frozen=True)
class Stack:
    """The deepest path from each public function of a program, by the function's name."""

    paths: Mapping[str, tuple[Step, ...]]

    @cached_property
    def path(self) -> tuple[Step, ...]:
        """The deepest of all."""
        return max(self.paths.values(), key=_bytes)

    @property
    def stack_bytes(self) -> int:
        return _bytes(self.path)

    def facts(self) -> dict[str, Any]:
        """For --json."""
        return {
            "stack_path": [asdict(step) for step in self.path],
            "stack_of": {name: _bytes(path) for name, path in self.paths.items()},
        }

    def __str__(self) -> str:
        """net_run 16 -> conv_rows 440 -> memcpy 24 (library)"""
        said = {"library": " (library)", "assumed": " (assumed)"}
        return " -> ".join(
            f"{one.function} {one.stack_bytes}{said.get(one.source, '')}" for one in self.path
        )


@dataclass(frozen=True)
class Machine:
    """What calls take by themselves: bytes of a return address, and below a last function."""

    return_bytes: int = 0
    red_zone: int = 0


def deepest(frames: str, assembler: str, machine: Machine, library: Library) -> Stack | None:
    """The stack of a program, from the two texts; None where they do not have it.

    Raises CheckError where it has no bound: recursion, and frames of unknown size.
    """
    held = read_assembler(assembler, machine.return_bytes)
    public = sorted(set(_PUBLIC.findall(assembler)) & held.functions.keys())
    said = _frames(frames)
    if not public or not said:
        return None
    others = frozenset().union(*(one.calls for one in held.functions.values()))
    theirs = library(frozenset(others - held.functions.keys()))
    graph = _Graph(held.functions, held.pointed, said, machine, theirs)
    return Stack({name: graph.deepest(name, ()) for name in public})


_PUBLIC = re.compile(r"^\s*\.glob[a]?l\s+([\w.$]+)", re.MULTILINE)
_FRAME = re.compile(r"(?:^|:)([A-Za-z_][\w.$]*)\t(\d+)\t(\S+)$", re.MULTILINE)
_NUMBER = re.compile(r"\.\d+$")


def _frames(text: str) -> dict[str, int]:
    """The largest frame of each name: the compiler leaves the numbers of copies out of it."""
    frames: dict[str, int] = {}
    for name, size, kind in _FRAME.findall(text):
        if kind == "dynamic":
            raise CheckError(
                f"the stack has no bound: {name} takes a number of bytes that is known only when "
                "it runs"
            )
        key = _NUMBER.sub("", name)
        frames[key] = max(int(size), frames.get(key, 0))
    return frames


@dataclass(frozen=True, eq=False)
class _Graph:
    functions: Mapping[str, Function]
    pointed: Set[str]
    frames: Mapping[str, int]
    machine: Machine
    library: Mapping[str, int]
    done: dict[str, tuple[Step, ...]] = field(default_factory=dict)

    def deepest(self, name: str, above: tuple[str, ...]) -> tuple[Step, ...]:
        """The deepest path from a function; `above` are those that are being called."""
        if name in above:
            way = " calls ".join((*above[above.index(name) :], name))
            raise CheckError(f"the stack has no bound: {way}")
        if name not in self.done:
            self.done[name] = self._path(name, above)
        return self.done[name]

    def _path(self, name: str, above: tuple[str, ...]) -> tuple[Step, ...]:
        one = self.functions.get(name)
        if one is None:
            known = self.library.get(name)
            if known is None:
                return (Step(name, assumed(name), "assumed"),)
            return (Step(name, known, "library"),)
        called = one.calls | (self.pointed if one.pointer else frozenset())
        deeper = [self.deepest(other, (*above, name)) for other in sorted(called)]
        return (self._own(one, not called), *max(deeper, key=_bytes, default=()))

    def _own(self, one: Function, last: bool) -> Step:
        """A function's own bytes: the more of what the compiler says and what it is seen to push;
        both, where it also moves the stack by a register."""
        told = self.frames.get(_NUMBER.sub("", one.name))
        if told is None and not one.known:
            raise CheckError(f"the stack has no bound: {one.name} moves it by a register")
        most = max(told or 0, one.pushed) if one.known else (told or 0) + one.pushed
        zone = self.machine.red_zone if last and not one.pointer else 0
        return Step(one.name, most + zone, "compiler" if told == most else "assembler")


def _bytes(path: tuple[Step, ...]) -> int:
    return sum(step.stack_bytes for step in path)
