"""chips() of Python: the chips that there are."""

from __future__ import annotations

from typing import Any

from lowtide.kernels.chips import CHIPS, KIB, Chip
from lowtide.pipeline.markup import section, table
from lowtide.report.chips import chip_facts, chips_text


class Chips(tuple[Chip, ...]):
    """Chips, each with its memories, flash and processor, and where that is written.

    Printed it is what `lowtide chips` says.
    """

    __slots__ = ()

    def facts(self) -> dict[str, Any]:
        """Everything `chips --json` prints."""
        return chip_facts()

    def __str__(self) -> str:
        return chips_text()

    def __repr__(self) -> str:
        return f"<Chips {', '.join(one.name for one in self)}>"

    def _repr_html_(self) -> str:
        rows = (
            (
                one.name, one.core, f"{one.clock_mhz} MHz", f"{one.ram_bytes / KIB:,.7g} KiB",
                "outside" if one.flash_bytes is None else f"{one.flash_bytes // KIB:,} KiB",
            )
            for one in self
        )  # fmt: skip
        return section("Chips", table(rows, ("chip", "core", "clock", "RAM", "flash"), left=2))


def chips() -> Chips:
    """The chips of `lowtide.fit(model, chip="stm32l4r5")`: name, processor, memories, flash."""
    return Chips(CHIPS)
