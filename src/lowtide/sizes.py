"""Byte sizes as people write them."""

from __future__ import annotations

import re

from lowtide.errors import UsageError

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "KIB": 1024,
    "K": 1024,
    "MB": 10**6,
    "MIB": 1 << 20,
    "M": 1 << 20,
    "GB": 10**9,
    "GIB": 1 << 30,
    "G": 1 << 30,
}


def parse_bytes(text: str | int, option: str) -> int:
    """256KiB, 256k, 1.5MiB, 65536 -> bytes; raises UsageError, which names the option."""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(text))
    if not found or found.group(2).upper() not in _UNITS:
        raise UsageError(f"{option}: '{text}' is no size; write 256KiB, 1MiB or a number of bytes")
    size = float(found.group(1)) * _UNITS[found.group(2).upper()]
    if _UNITS[found.group(2).upper()] == 1 and not size.is_integer():
        raise UsageError(f"{option}: '{text}': a number of bytes is whole")
    return int(size)


def no_share(option: str, given: float | str) -> UsageError:
    """The error of a share that is negative, too large or no number."""
    return UsageError(f"{option} {given}: a share from 0 up is needed; 0.05 is 5 %")


def show_bytes(count: int) -> str:
    """153600 -> 150.0 KiB"""
    if count < 1024:
        return f"{count} B"
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.2f} MiB"


def show_both(used: int, limit: int) -> tuple[str, str]:
    """Both sizes, to the byte where nothing else tells them apart."""
    shown = show_bytes(used), show_bytes(limit)
    return shown if shown[0] != shown[1] or used == limit else (f"{used:,} B", f"{limit:,} B")


def show_change(before: int, after: int) -> str:
    """-84.0 %; in bytes where that rounds to nothing."""
    percent = f"{100 * (after - before) / before:+.1f}" if before else ""
    if after == before:
        return "no change"
    return f"{after - before:+,} B" if percent in ("", "+0.0", "-0.0") else f"{percent} %"
