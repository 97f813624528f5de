"""How long each stage takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[str], None]
"""Is told each stage, in a few words, as it begins."""


class Part(str):
    """A stage that is number `at` of so many `of` one kind: how long the rest takes can be told."""

    kind: str
    at: int
    of: int

    def __new__(cls, kind: str, at: int, of: int, what: str = "") -> Part:
        """Part("fitting layer", 17, 42) is "fitting layer 17 of 42"."""
        part = super().__new__(cls, f"{kind} {at} of {of}{what}")
        part.kind, part.at, part.of = kind, at, of
        return part


def quiet(_: str) -> None:
    """Progress for nobody: does nothing."""


class Clock:
    """Times stages and announces them; a stage that comes again adds up."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str) -> _Stage:
        return _Stage(self, stage)


@dataclass
class _Stage:
    clock: Clock
    name: str
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = time.perf_counter()
        self.clock.progress(self.name)

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self.began
        self.clock.seconds[self.name] = self.clock.seconds.get(self.name, 0.0) + spent
