"""`lowtide chips`."""

from __future__ import annotations

from lowtide.cli.options import Json
from lowtide.cli.output import show


def chips(as_json: Json = False) -> None:
    """List the chips of `--chip`: processor, memories, flash, and where each fact is written."""
    from lowtide.report.chips import chip_facts, chips_text

    show(chip_facts() if as_json else chips_text())
