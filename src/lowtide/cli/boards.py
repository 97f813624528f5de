"""`lowtide boards`."""

from __future__ import annotations

from lowtide.cli.options import Json
from lowtide.cli.output import show


def boards(as_json: Json = False) -> None:
    """List the boards that `bench --board` emulates, and which of their tools are here."""
    from lowtide.timing.board_list import board_facts, boards_text

    show(board_facts() if as_json else boards_text())
