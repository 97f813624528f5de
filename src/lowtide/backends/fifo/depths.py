"""The two depths of each edge.

no stall      the fastest frame with FIFOs that never fill; each input hands over a pixel when it is
              needed, and no sooner. The most pixels that then lie in the edge
no deadlock   no FIFO can be one pixel shorter, the others as they are, or the machine locks
"""

from __future__ import annotations

from dataclasses import dataclass

from lowtide.backends.fifo.deadlock import shortest
from lowtide.backends.fifo.machine import Machine
from lowtide.backends.fifo.times import Frames, earliest, held, latest
from lowtide.ir.index import IntArray

FRAMES = 2
"""Frames that follow one another at once: the second begins while the first ends."""


@dataclass(frozen=True, eq=False)
class Depths:
    """Depths in pixels by edge. `floor` is what no vector without deadlock goes below.

    `free` is what a run finds whose inputs hand over a pixel a cycle; `release` when each input
    hands over its pixels, `cycles` when the last pixel of the last frame is out.
    """

    machine: Machine
    no_stall: tuple[int, ...]
    no_deadlock: tuple[int, ...]
    floor: tuple[int, ...]
    free: tuple[int, ...]
    release: dict[int, IntArray]
    cycles: int

    @property
    def least_of_all(self) -> bool:
        """Whether no choice of depths without deadlock takes fewer bits, which floors prove."""
        return self.no_deadlock == self.floor

    def bits(self, depths: tuple[int, ...]) -> int:
        """What all FIFOs together hold."""
        return sum(d * e.bits for d, e in zip(depths, self.machine.edges, strict=True))


def find_depths(machine: Machine) -> Depths:
    """The depths of a machine's edges."""
    run = Frames(machine, FRAMES)
    soonest = earliest(run, {})
    due = latest(run, soonest)
    inputs = [k for k, one in enumerate(machine.processes) if one.kind == "input"]
    release = {k: due[k] for k in inputs}
    paced = earliest(run, release)
    no_stall, free = _held(run, paced), _held(run, soonest)
    floor, no_deadlock = shortest(run, (no_stall, _held(run, due)))
    cycles = max(int(one[-1]) for one in paced) + 1
    return Depths(machine, no_stall, no_deadlock, floor, free, release, cycles)


def _held(run: Frames, times: list[IntArray]) -> tuple[int, ...]:
    return tuple(
        held(times[edge.producer][run.writes(edge.producer)], times[edge.consumer][run.reads(k)])
        for k, edge in enumerate(run.machine.edges)
    )
