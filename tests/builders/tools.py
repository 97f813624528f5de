"""Tools that a test cannot do without: it skips where one is absent; in CI, which installs them all
(the README's line), that is a failure."""

from __future__ import annotations

import os

import pytest

from lowtide.timing.boards import BOARDS, apt_line, board, list_tools

EVERY_BOARD = [one.name for one in BOARDS]


def need(absent: str) -> None:
    """Skips, or fails, if something is absent, in words."""
    if absent and os.environ.get("LOWTIDE_ALL_TOOLS"):
        pytest.fail(f"{absent}, which CI installs: {apt_line(list_tools())}")
    if absent:
        pytest.skip(absent)


def need_board(name: str) -> None:
    """What a board needs."""
    missing = [tool.absent for tool in board(name).missing]
    need(f"there is no {', '.join(missing)}" if missing else "")
