"""What plan.json states is what follows from its storages, and is in the program as it says."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lowtide.check.free import check_in_use
from lowtide.check.judge import judge_placement
from lowtide.errors import CheckError
from lowtide.planner.memory_map import MemoryMap, lifetimes_of


def check_plan(memory: MemoryMap, file: str) -> dict[str, int]:
    """The facts that follow from a plan by itself; raises CheckError where it is wrong."""
    judge_placement(memory)
    found = _same_facts(memory, file)
    check_in_use(memory, file)
    return found


def _same_facts(memory: MemoryMap, file: str) -> dict[str, int]:
    """The facts that follow from the storages, which must be those that plan.json states."""
    found = {
        "arena_bytes": memory.arena_bytes,
        "lower_bound_bytes": _most_live(memory),
    }
    for run in memory.schedule:
        made = memory.operators[run.operator] if run.operator < len(memory.operators) else None
        if made is None or run.ticks != made.steps * (2 if made.atomic else 1):
            raise CheckError(f"{file}: its schedule and its operators do not agree")
    for name, value in found.items():
        if memory.facts.get(name) != value:
            raise CheckError(
                f"{file}: {name} is {memory.facts.get(name)}, its storages give {value}"
            )
    return found


def _most_live(memory: MemoryMap) -> int:
    """The most bytes that live at one moment."""
    moments, change = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    for storage in memory.storages:
        start, stop = lifetimes_of(storage)
        alive = start <= stop
        for at, cell in ((start, storage.cell_bytes), (stop + 1, -storage.cell_bytes)):
            moments.append(at[alive])
            change.append(np.full(int(alive.sum()), cell, np.int64))
    at, change_at = np.concatenate(moments), np.concatenate(change)
    order = np.lexsort((change_at, at))  # what dies at a moment goes before what is born
    return int(np.cumsum(change_at[order]).max())


def same_map(source: str, memory: MemoryMap, file: str) -> None:
    """The program must place every storage where plan.json says, in the arena net.h declares."""
    size = f"{memory.called.upper()}_ARENA_BYTES"
    if source.count(f"unsigned char {memory.called}_arena[{size}]") != 1:
        raise CheckError(f"{file}: the arena is not declared as {size}")
    found = re.findall(r"^#define S(\d+)\(r, i\).*?\(arena \+ (\d+)\)", source, re.MULTILINE)
    placed: Mapping[int, int] = {int(number): int(offset) for number, offset in found}
    tables = {int(n): (int(unit), rows) for n, rows, unit in _TABLE.findall(source)}
    holding = {tensor.storage for tensor in memory.tensors}
    for number, storage in enumerate(memory.storages):
        if not {number} & (placed.keys() | tables.keys()) and storage.name not in holding:
            continue  # what a kernel of net.c works in; nothing of reference.c can name it
        if storage.row_offsets:
            unit, rows = tables.get(number, (0, ""))
            at = tuple(unit * int(row) for row in re.findall(r"\d+", rows))
            if at != storage.row_offsets:
                raise CheckError(f"{file}: the rows of '{storage.name}' lie elsewhere in plan.json")
        elif placed.get(number) != storage.offset:
            raise CheckError(
                f"{file}: storage '{storage.name}' is at {placed.get(number)}, "
                f"plan.json says {storage.offset}"
            )


_TABLE = re.compile(
    r"^static const \w+ S(\d+)_at\[\d+\] = \{([\d,\s]*)\};\n"
    r"#define S\1\(r, i\).*?arena \+ \(size_t\)S\1_at\[r\] \* (\d+)\)",
    re.MULTILINE,
)
