"""What each key of lowtide.toml takes: the types of the options, of which a file's are as strict.

budget = 6000.5     a.toml: 'budget' takes a size, 65536 or "64KiB", not 6000.5
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from lowtide.errors import UsageError
from lowtide.sizes import parse_bytes

_SIZES = {"budget", "flash"}
_OF_CHANNELS = {"mean", "std"}


def checked(file: Path, key: str, name: str, hint: Any, value: Any) -> list[Any]:
    """The values of a key, one unless its option may be repeated; raises UsageError."""
    inner = next((one for one in get_args(hint) if one is not type(None)), hint)
    inner = hint if get_origin(hint) in (list, Literal) else inner
    several = get_origin(inner) is list
    if several:
        (inner,) = get_args(inner)
    types, words = _takes(name, inner)
    values = value if several and isinstance(value, list) else [value]
    if not all(_is(one, types) for one in values):
        also = ", or a list of such" if several else ""
        raise UsageError(
            f"{file}: '{key}' takes {words}{also}, not {json.dumps(value, default=str)}"
        )
    if name in _SIZES:
        parse_bytes(values[0], f"{file}: '{key}'")
    return values


def _takes(name: str, hint: Any) -> tuple[tuple[Any, ...], str]:
    """Types, or values that there are, and words for them."""
    if name in _SIZES:
        return (int, str), 'a size, 65536 or "64KiB"'
    if name == "max_overhead":
        return (int, float, str), 'a share, 0.05 or "5%"'
    if name in _OF_CHANNELS:
        return (int, float, str), 'a number, or "124,116,104" for each channel'
    if get_origin(hint) is Literal:
        return get_args(hint), " or ".join(_quoted(get_args(hint)))
    kinds: dict[Any, tuple[tuple[Any, ...], str]] = {
        bool: ((bool,), "true or false"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
        Path: ((str,), "a path in quotes"),
    }
    return kinds.get(hint, ((str,), "words in quotes"))


def _quoted(words: tuple[str, ...]) -> Iterator[str]:
    return (f'"{word}"' for word in words)


def _is(value: Any, types: tuple[Any, ...]) -> bool:
    if isinstance(types[0], str):
        return value in types
    return type(value) in types and value != ""
