"""The tables of docs/chips.md, from the chips.

python -m bench.chips
"""

from __future__ import annotations

from pathlib import Path

from bench.tables import markdown, put
from lowtide.kernels.chips import CHIPS, KIB, Chip, Memory
from lowtide.report.chips import kib

DOCUMENT = Path(__file__).parents[1] / "docs" / "chips.md"


def chips() -> str:
    """A row a chip: what it has."""
    head = ("chip", "`--cpu`", "core", "MHz", "RAM, KiB", "memories, KiB", "flash, KiB", "")
    rows = [
        (
            f"`{one.name}`", one.cpu, one.core, str(one.clock_mhz), kib(one.ram_bytes),
            "; ".join(" + ".join(map(_memory, piece)) for piece in one.pieces),
            "outside" if one.flash_bytes is None else f"{one.flash_bytes // KIB:,}", one.note,
        )
        for one in CHIPS
    ]  # fmt: skip
    return markdown(head, rows)


def sources() -> str:
    """A row for each document of each chip."""
    head = ("chip", "says", "document", "number", "page")
    return markdown(head, [row for one in CHIPS for row in _sources(one)])


def _sources(chip: Chip) -> list[tuple[str, ...]]:
    return [
        (f"`{chip.name}`", ", ".join(one.says), one.document, one.number, one.where)
        for one in chip.sources
    ]


def _memory(one: Memory) -> str:
    coupled = ", tightly coupled" if one.coupled else ""
    return f"{one.name} {kib(one.bytes)} at {one.address:#x}{coupled}"


def main() -> None:
    """Writes both."""
    put(DOCUMENT, "chips", chips())
    put(DOCUMENT, "sources", sources())


if __name__ == "__main__":
    main()
