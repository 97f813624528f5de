"""The chips as `lowtide chips` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lowtide.kernels.chips import CHIPS, KIB, Chip

_NOTE = (
    "RAM is the most in one piece: arena, stack and state are planned for it.",
    "Each fact's document, number and page: lowtide chips --json, docs/chips.md.",
)


def chips_text() -> str:
    """A line a chip, and a line for what is particular about it."""
    head = ("chip", "--cpu", "core", "MHz", "RAM", "in one piece", "flash")
    rows = [head, *map(_row, CHIPS)]
    wide = [max(len(row[k]) for row in rows) for k in range(len(head))]
    lines = [_line(rows[0], wide)]
    for chip, row in zip(CHIPS, rows[1:], strict=True):
        lines += [_line(row, wide), *([f"{'':13}{chip.note}"] if chip.note else [])]
    return "\n".join([*lines, "", *_NOTE])


def chip_facts() -> dict[str, Any]:
    """Everything `chips --json` prints."""
    return {"chips": [_facts(one) for one in CHIPS]}


def _facts(chip: Chip) -> dict[str, Any]:
    return {
        "name": chip.name, "cpu": chip.cpu, "core": chip.core, "clock_mhz": chip.clock_mhz,
        "ram_bytes": chip.ram_bytes, "ram_memory": chip.ram_name,
        "flash_bytes": chip.flash_bytes, "code_measured": chip.measured,
        "memories": [asdict(one) for one in chip.memories],
        "note": chip.note, "sources": [asdict(one) for one in chip.sources],
    }  # fmt: skip


def _row(chip: Chip) -> tuple[str, ...]:
    flash = "outside" if chip.flash_bytes is None else f"{chip.flash_bytes // KIB:,} KiB"
    all_of = sum(one.bytes for one in chip.memories)
    more = f", of {kib(all_of)}" if all_of > chip.ram_bytes else ""
    return (
        chip.name, chip.cpu, chip.core, str(chip.clock_mhz), f"{kib(chip.ram_bytes)} KiB",
        chip.ram_name + more, flash,
    )  # fmt: skip


def kib(count: int) -> str:
    """341760 -> 333.75"""
    return f"{count / KIB:,.7g}"


def _line(row: Sequence[str], wide: Sequence[int]) -> str:
    right = (3, 4, 6)
    cells = (
        word.rjust(width) if k in right else word.ljust(width)
        for k, (word, width) in enumerate(zip(row, wide, strict=True))
    )
    return ("  " + "  ".join(cells)).rstrip()
