"""The network that one stored small or at 8 bits stands for, and how far the two are apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

KEY = "lowtide.original"
"""Of the metadata of an ONNX file."""

LAYERS = "lowtide.weights"
"""Where the metadata describe layers that were stored small."""

RANDOM = "a random input"

_NOISE = "noise, unlike any picture: much is normal"

SMALL, EIGHT = WAYS = ("stored small", "at 8 bits")
"""How a network became an approximation of another one."""


@dataclass(frozen=True)
class Apart:
    """The largest difference of an output on one set of inputs, and the same as a share of the
    largest value of that output."""

    on: str
    max_abs: float
    max_rel: float


@dataclass(frozen=True)
class Original:
    """A network's file name, the digest of its bytes, and how far the one made of it is.

    `again`: that network was an approximation of another one already. `way` is one of `WAYS`.
    """

    file: str
    sha256: str
    apart: tuple[Apart, ...]
    again: bool = False
    way: str = SMALL

    @property
    def known(self) -> tuple[Apart, ...]:
        """On what the network was made for, if that is known; noise may be far from it."""
        return tuple(one for one in self.apart if one.on != RANDOM) or self.apart

    @property
    def max_abs_diff(self) -> float:
        return max((one.max_abs for one in self.known), default=0.0)

    @property
    def max_rel_diff(self) -> float:
        return max((one.max_rel for one in self.known), default=0.0)

    @property
    def words(self) -> str:
        """up to 4.2e-02 of the largest value from net.onnx on 99 pictures and 1 sample; .."""
        if not self.apart:
            return "an approximation of a network that the file does not name"
        on = " and ".join(one.on for one in self.known)
        size = f"up to {self.max_rel_diff:.1e} of the largest value from {self.file} on {on}"
        others = [one for one in self.apart if one not in self.known]
        more = [f"{one.max_rel:.1e} on {one.on} ({_NOISE})" for one in others]
        more += ["that is an approximation itself"] if self.again else []
        return "; ".join([f"an approximation: {size}", *more])

    def facts(self) -> dict[str, Any]:
        """For --json and plan.json."""
        known = bool(self.apart)
        return {
            "original_max_rel_diff": self.max_rel_diff if known else None,
            "original_max_abs_diff": self.max_abs_diff if known else None,
            "original_file": self.file if known else None,
            "original_sha256": self.sha256 if known else None,
            "original_apart": [asdict(one) for one in self.apart],
        }

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def original(text: str) -> Original | None:
    """The original that `to_json` wrote down; None where a file holds something else there."""
    try:
        held = json.loads(text)
        apart = tuple(Apart(str(a["on"]), _size(a["max_abs"]), _size(a["max_rel"]))
                      for a in held["apart"])  # fmt: skip
        way = held.get("way", SMALL)
        if not re.fullmatch(r"[0-9a-f]{64}", held["sha256"]) or not apart or way not in WAYS:
            return None
        return Original(str(held["file"]), held["sha256"], apart, bool(held["again"]), way)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _size(value: Any) -> float:
    """A finite number from 0 up; raises ValueError."""
    if isinstance(value, int | float) and isfinite(value) and value >= 0:
        return float(value)
    raise ValueError(value)


def held_in(properties: Mapping[str, str]) -> Original | None:
    """The original that a file's metadata name; one without a name of a file whose layers were
    stored small before such names were kept."""
    found = original(properties[KEY]) if KEY in properties else None
    return found or (Original("", "", ()) if LAYERS in properties else None)
