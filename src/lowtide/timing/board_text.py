"""Counts on a board as text: whose instructions, those of most first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lowtide.quoting import for_terminal
from lowtide.report.short_names import short_names
from lowtide.sizes import show_bytes
from lowtide.timing.bench_text import bar, made_for, table

if TYPE_CHECKING:
    from lowtide.timing.board_result import BoardCount, OperatorCount

_MOST = 6


def board_text(counted: BoardCount) -> str:
    """Lines: the whole, the operators, memory, and how the numbers came about."""
    lines = [
        *_head(counted),
        "",
        *_operators(counted),
        "",
        *_where(counted),
        "",
        *_memory(counted),
        "",
        *_notes(counted),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _head(counted: BoardCount) -> Iterator[str]:
    per = counted.instructions_per_mac
    each = f", {per:.3f} a multiply-add" if per is not None else ""
    yield (
        f"{for_terminal(counted.memory.file)} on {counted.core}: "
        f"{counted.instructions:,} instructions{each}"
    )


def _operators(counted: BoardCount) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [
        ("operator", "type", "", "instructions", "share", "multiply-adds", "i/MAC", "calls")
    ]
    order = sorted(counted.operators, key=lambda one: -one.instructions)
    most = max((one.instructions for one in order), default=0) or 1
    order = [one for one in order if one.instructions]
    names = short_names([one.name for one in order], 20, [one.type for one in order])
    rows += [
        _operator(name, one, most, counted.instructions)
        for name, one in zip(names, order, strict=True)
    ]
    yield from table(rows, left=2, bars=(2,))


def _operator(name: str, one: OperatorCount, most: int, whole: int) -> tuple[str, ...]:
    per = one.instructions_per_mac
    return (
        name, for_terminal(one.type, 14), bar(one.instructions / most),
        f"{one.instructions:,}", f"{100 * one.instructions / whole:.1f} %",
        f"{one.macs:,}" if one.macs else "-", "-" if per is None else f"{per:.2f}",
        f"{one.calls:,}",
    )  # fmt: skip


def _where(counted: BoardCount) -> Iterator[str]:
    """The largest shares."""
    for name, held in (("kinds", counted.where.kinds), ("functions", counted.where.functions)):
        most = list(held.items())[:_MOST]
        shown = [f"{for_terminal(k, 24)} {100 * n / counted.instructions:.1f} %" for k, n in most]
        yield f"  {name:9}  {', '.join(shown)}"


def _memory(counted: BoardCount) -> Iterator[str]:
    sizes, arena = counted.sizes, counted.memory.arena_bytes
    library = "" if sizes.library is None else f", C library {sizes.library:,}"
    yield (
        f"  RAM    {counted.ram_bytes:>9,} B ({show_bytes(counted.ram_bytes)}): arena {arena:,}, "
        f"stack {counted.stack_bytes:,}, state {sizes.state:,}"
    )
    yield (
        f"  flash  {sizes.flash:>9,} B ({show_bytes(sizes.flash)}): weights {sizes.weights:,}, "
        f"tables {sizes.tables:,}, code {sizes.code:,}{library}"
    )


def _notes(counted: BoardCount) -> Iterator[str]:
    found, same = counted.difference, "equal to this PC's build in every bit"
    if found.unequal:
        same = (
            f"{found.unequal} differ from this PC's build, by {found.max_rel:.1e} of the largest "
            "at most: floats round differently"
        )
    yield f"  result     {found.compared} values, {same}"
    yield f"  counted    the first run, on {counted.machine}; instructions are not time"
    yield from made_for(counted.memory, counted.cpu)
    yield f"  built      {counted.built}"
