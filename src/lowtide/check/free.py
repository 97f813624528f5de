"""Bytes that plan.json says are free while an operator works, by other code than found them."""

from __future__ import annotations

from lowtide.errors import CheckError
from lowtide.planner.memory_map import MemoryMap, addresses_of, lifetimes_of


def check_in_use(memory: MemoryMap, file: str) -> None:
    """Raises CheckError where bytes are in use that are said to be free, or more than is said.

    A plan of an earlier version says nothing.
    """
    held = [(one, addresses_of(one), *lifetimes_of(one)) for one in memory.storages]
    tick, windows = 1, dict[int, tuple[int, int]]()
    for run in memory.schedule:
        first, _ = windows.get(run.operator, (tick, tick))
        windows[run.operator] = first, tick + run.moments - 1
        tick += run.moments
    for number, (first, last) in windows.items():
        op = memory.operators[number]
        if not op.in_use_bytes:
            continue
        if (
            min(op.free_from, op.free_bytes) < 0
            or op.free_from + op.free_bytes > memory.arena_bytes
        ):
            raise CheckError(f"{file}: '{op.name}' has free bytes beyond the arena")
        for storage, at, start, stop in held:
            lives = (start <= last) & (first <= stop) & (start <= stop)
            size = storage.cell_bytes
            if (lives & (at < op.free_from + op.free_bytes) & (op.free_from < at + size)).any():
                raise CheckError(
                    f"{file}: '{storage.name}' lies in bytes that are said to be free while "
                    f"'{op.name}' works"
                )
