"""Pictures that commands are given, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.cli.output import say


def warnings(said: Sequence[str]) -> dict[str, list[str]]:
    """Says on stderr what does not match, and gives it for --json."""
    for one in said:
        say(f"warning: {one}")
    return {"warnings": list(said)}
