"""Bytes that plan.json says are free while an operator works, by other code than found them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowtide.check.placement import Rows
from lowtide.errors import CheckError
from lowtide.planner.memory_map import MemoryMap, OperatorAt, addresses_of, lifetimes_of


def check_in_use(memory: MemoryMap, file: str) -> None:
    """Raises CheckError where bytes are in use that are said to be free, or more than is said.

    A plan of an earlier version says nothing.
    """
    held = [
        Rows(one.name, one.cell_bytes, addresses_of(one), *lifetimes_of(one))
        for one in memory.storages
    ]
    for number, (first, last) in _windows(memory).items():
        op = memory.operators[number]
        if not (op.in_use_bytes or op.free_bytes):
            continue
        if min(op.free_from, op.free_bytes) < 0 or _free_end(op) > memory.arena_bytes:
            raise CheckError(f"{file}: '{op.name}' has free bytes beyond the arena")
        living = [_living(rows, first, last) for rows in held]
        for one in living:
            if ((one.address < _free_end(op)) & (op.free_from < one.address + one.row_bytes)).any():
                raise CheckError(
                    f"{file}: '{one.name}' lies in bytes that are said to be free while "
                    f"'{op.name}' works"
                )
        most = _most(living, first, last)
        if most > op.in_use_bytes:
            raise CheckError(
                f"{file}: {most} bytes are in use while '{op.name}' works, it says "
                f"{op.in_use_bytes}"
            )


def _free_end(op: OperatorAt) -> int:
    return op.free_from + op.free_bytes


def _living(rows: Rows, first: int, last: int) -> Rows:
    """The cells that live between two moments, both included."""
    lives = (rows.start <= last) & (first <= rows.stop) & (rows.start <= rows.stop)
    at, start, stop = rows.address[lives], rows.start[lives], rows.stop[lives]
    return Rows(rows.name, rows.row_bytes, at, start, stop)


def _most(living: Sequence[Rows], first: int, last: int) -> int:
    """The most bytes that live at one of these moments."""
    change = np.zeros(last - first + 2, np.int64)
    for one in living:
        np.add.at(change, np.maximum(one.start, first) - first, one.row_bytes)
        np.add.at(change, np.minimum(one.stop, last) - first + 1, -one.row_bytes)
    return int(change.cumsum().max())


def _windows(memory: MemoryMap) -> Mapping[int, tuple[int, int]]:
    """From which moment to which each operator works, by its number."""
    tick, windows = 1, dict[int, tuple[int, int]]()
    for run in memory.schedule:
        first, _ = windows.get(run.operator, (tick, tick))
        windows[run.operator] = first, tick + run.moments - 1
        tick += run.moments
    return windows
