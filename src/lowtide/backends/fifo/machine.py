"""The machine: processes that fire once a cycle at most, and FIFOs between them.

    image --> conv.pad --> conv --> clone --+--> conv2.pad --> conv2 --> add --> result
                                            +--------------------------> add

In a firing a process reads at most one pixel of each of its inputs and writes at most one pixel, to
all its outputs at once. What it does in which firing never depends on the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lowtide.ir.index import IntArray

Kind = Literal["input", "pad", "layer", "clone", "output"]


@dataclass(frozen=True, eq=False)
class Process:
    """A layer or what stands between layers; `writes[k]` is the firing that writes pixel k."""

    name: str
    kind: Kind
    firings: int
    writes: IntArray


@dataclass(frozen=True, eq=False)
class Edge:
    """A FIFO; `reads[k]` is the firing of its consumer that reads pixel k. `bits` are a pixel's."""

    producer: int
    consumer: int
    tensor: str
    bits: int
    reads: IntArray

    @property
    def pixels(self) -> int:
        """How many pixels pass in a frame."""
        return len(self.reads)


@dataclass(frozen=True, eq=False)
class Machine:
    """Processes, each after those that it reads from, and the edges between them by number."""

    processes: tuple[Process, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def inputs(self) -> tuple[tuple[int, ...], ...]:
        """The edges that each process reads."""
        return self._by("consumer")

    @cached_property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """The edges that each process writes."""
        return self._by("producer")

    @property
    def interval(self) -> int:
        """Cycles a frame at the best rate: the firings of the slowest process."""
        return max(one.firings for one in self.processes)

    def _by(self, end: str) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in self.processes]
        for number, edge in enumerate(self.edges):
            found[getattr(edge, end)].append(number)
        return tuple(map(tuple, found))
