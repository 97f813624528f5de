"""Where memory goes, operator by operator, from a memory map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowtide.planner.memory_map import MemoryMap, StoredAt, lifetimes_of


@dataclass(frozen=True)
class Held:
    """Bytes that an operator's output takes at most at one time, and all that live beside it.

    An output that lies in a joined storage, or is a view, is as large as what it lies in.
    """

    own_bytes: int
    live_bytes: int


def held_by_operator(memory: MemoryMap) -> list[Held]:
    """For each operator of the memory map, over the moments at which it runs."""
    moments = sum(run.moments for run in memory.schedule) + 2
    each = {stored.name: _live(stored, moments) for stored in memory.storages}
    together = np.sum([*each.values(), np.zeros(moments, np.int64)], axis=0)
    live, at = [0] * len(memory.operators), 1
    for run in memory.schedule:
        end = at + run.moments
        live[run.operator] = max(live[run.operator], int(together[at:end].max(initial=0)))
        at = end
    storage = {tensor.name: tensor.storage for tensor in memory.tensors}
    own = [int(each[storage[operator.output]].max()) for operator in memory.operators]
    return [Held(*pair) for pair in zip(own, live, strict=True)]


def _live(stored: StoredAt, moments: int) -> NDArray[np.int64]:
    """Bytes of a storage that live at each moment."""
    start, stop = lifetimes_of(stored)
    alive = start <= stop
    change = np.zeros(moments + 1, np.int64)
    np.add.at(change, start[alive], stored.cell_bytes)
    np.add.at(change, stop[alive] + 1, -stored.cell_bytes)
    return np.asarray(np.cumsum(change)[:moments], np.int64)
