"""When each process fires, if FIFOs never fill: as early as it can, or as late as it may.

A pixel written in cycle t can be read from t + 1 on. All arrays have a number a firing, or a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.backends.fifo.machine import Machine
from lowtide.ir.index import IntArray

_NEVER = 1 << 60


@dataclass(frozen=True, eq=False)
class Frames:
    """A machine that makes several frames one after the other: its firings, unrolled."""

    machine: Machine
    frames: int

    def firings(self, process: int) -> int:
        return self.machine.processes[process].firings * self.frames

    def writes(self, process: int) -> IntArray:
        one = self.machine.processes[process]
        return self._unrolled(one.writes, one.firings)

    def reads(self, edge: int) -> IntArray:
        one = self.machine.edges[edge]
        return self._unrolled(one.reads, self.machine.processes[one.consumer].firings)

    def _unrolled(self, once: IntArray, firings: int) -> IntArray:
        starts = np.arange(self.frames, dtype=np.int64) * firings
        return (starts[:, None] + once[None, :]).reshape(-1)


def earliest(run: Frames, release: dict[int, IntArray]) -> list[IntArray]:
    """The cycle of each firing of each process, none of which ever waits for room.

    An input hands over its pixels at `release`, or one a cycle.
    """
    machine, times = run.machine, list[IntArray]()
    for number in range(len(machine.processes)):
        ready = np.zeros(run.firings(number), np.int64)
        if number in release:
            ready = np.maximum(ready, release[number])
        for edge in machine.inputs[number]:
            producer = machine.edges[edge].producer
            arrives = times[producer][run.writes(producer)] + 1
            at = run.reads(edge)
            ready[at] = np.maximum(ready[at], arrives)
        counted = np.arange(len(ready))
        times.append(np.maximum.accumulate(ready - counted) + counted)
    return times


def latest(run: Frames, ends: list[IntArray]) -> list[IntArray]:
    """The last cycle in which each firing may be, so that each output ends as in `ends`."""
    machine, last = run.machine, max(int(one[-1]) for one in ends)
    times: dict[int, IntArray] = {}
    for number in reversed(range(len(machine.processes))):
        due = np.full(run.firings(number), _NEVER, np.int64)
        at = run.writes(number) if machine.outputs[number] else None
        for edge in machine.outputs[number]:
            read = times[machine.edges[edge].consumer][run.reads(edge)]
            due[at] = np.minimum(due[at], read - 1)
        if due[-1] == _NEVER:
            due[-1] = last if machine.outputs[number] else ends[number][-1]
        counted = np.arange(len(due))
        times[number] = np.minimum.accumulate((due - counted)[::-1])[::-1] + counted
    return [times[k] for k in range(len(machine.processes))]


def held(written: IntArray, read: IntArray) -> int:
    """The most pixels in an edge, that being written included, before a read of its cycle."""
    gone = np.searchsorted(read, written, side="left")
    return int((np.arange(1, len(written) + 1) - gone).max())
