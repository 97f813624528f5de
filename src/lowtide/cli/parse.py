"""What the words of options mean."""

from __future__ import annotations

from math import inf

from lowtide.errors import UsageError
from lowtide.sizes import no_share


def parse_tile(text: str | None) -> tuple[int, int] | None:
    """--tile 1x16 as (1, 16); raises UsageError."""
    if text is None:
        return None
    words = text.lower().split("x")
    if len(words) != 2 or not all(word.isdecimal() and int(word) for word in words):
        raise UsageError(f"--tile {text}: pixels x channels, two numbers from 1 up, such as 1x16")
    return int(words[0]), int(words[1])


def parse_share(text: str | float) -> float:
    """--max-overhead 5% or 0.05 as 0.05; raises UsageError."""
    word = str(text).strip()
    try:
        share = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < inf:
        raise no_share("--max-overhead", word)
    return share


def numbers_or_none(text: str | None) -> tuple[float, ...] | None:
    """The numbers of an option that may not be given."""
    return None if text is None else parse_numbers(text)


def parse_numbers(text: str) -> tuple[float, ...]:
    """--mean 1,2,3 as (1.0, 2.0, 3.0); raises UsageError."""
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            f"'{text}' is no number; --mean and --std take one, or one a channel: 124,116,104"
        ) from None


def known_chips(given: str | list[str] | None) -> str | list[str] | None:
    """The value of --chip, if there are such: said before any work."""
    from lowtide.kernels.chips import find_chip

    for name in [given] if isinstance(given, str) else given or ():
        find_chip(name)
    return given
