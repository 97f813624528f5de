"""Is what a call leaves still there when the next one reads it?

moment      0 1 2 3 4 5 6 7 8 | 0 1 2 3          8: the end of a call
old         #####             | #####            found where the new one was left ..
new               ###########                    .. and no byte is ever anybody else's: in 3 to 5
old, longer ###########       | ###########      the old one lives on
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lowtide.planner.memory_map import MemoryMap, StateAt, addresses_of, lifetimes_of


def check_states(memory: MemoryMap) -> list[str]:
    """What is wrong with the states of a plan, one line a fault."""
    return [f"state '{one.input}': {why}" for one in memory.states for why in _faults(one, memory)]


def _faults(state: StateAt, memory: MemoryMap) -> Iterator[str]:
    held = {storage.name: storage for storage in memory.storages}
    if not {state.read, state.written} <= held.keys():
        yield "it lies in no storage"
        return
    old, new = held[state.read], held[state.written]
    at, there = addresses_of(old), addresses_of(new)
    if (old.cell_bytes, len(at)) != (new.cell_bytes, len(there)) or old.dtype != new.dtype:
        yield "what is written is not as large as what is read"
        return
    if not np.array_equal(at, there):
        yield f"it is written at byte {there[0]} and read at byte {at[0]}"
    if not np.array_equal(at, state.offset + old.cell_bytes * np.arange(len(at))):
        yield f"it does not lie from byte {state.offset} on"
    if len(at) * old.cell_bytes != state.bytes:
        yield f"it has {len(at) * old.cell_bytes} bytes, not {state.bytes}"
    (begins, until), (made, ends) = lifetimes_of(old), lifetimes_of(new)
    last = sum(run.moments for run in memory.schedule) + 1
    if begins.any() or (until < made - 1).any() or (ends != last).any():
        yield "it does not live always"
