"""Points: what plans cost, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from math import isfinite
from typing import Any

from lowtide.kernels.chips import find_chip
from lowtide.pipeline.on_chip import Limits, OnChip
from lowtide.planner.options import Options


@dataclass(frozen=True)
class Point:
    """One planned recipe and what it costs.

    `weight_traffic_bytes` are read in one run. `code_bytes` are the program's instructions and
    tables, `ram_bytes` its arena, stack and state; None where they were not measured. `seconds` is
    what planning took.
    """

    options: Options
    arena_bytes: int
    macs: int
    mac_overhead: float
    weight_traffic_bytes: int
    code_bytes: int | None
    seconds: float
    ram_bytes: int | None = None
    chips: tuple[OnChip, ...] = ()
    """What it takes of each chip that was asked about."""
    map: str = field(default="", compare=False)
    """Where what lies, in small (`report/small_map.py`); older points have none."""

    def facts(self) -> dict[str, Any]:
        """Plain data, for files and scripts."""
        return {"recipe": asdict(self.options), **_measured(self)}


def point(facts: dict[str, Any]) -> Point:
    """The point of `facts`; raises KeyError, TypeError or ValueError where they are not one's."""
    recipe = dict(facts["recipe"])
    recipe |= {name: tuple(held) for name, held in recipe.items() if isinstance(held, list)}
    code, ram = facts["code_bytes"], facts.get("ram_bytes")
    return Point(
        Options(**recipe),
        _size(facts["arena_bytes"]),
        _size(facts["macs"]),
        _share(facts["mac_overhead"]),
        _size(facts["weight_traffic_bytes"]),
        None if code is None else _size(code),
        _share(facts["seconds"]),
        None if ram is None else _size(ram),
        tuple(map(_on_chip, facts.get("chips", ()))),
        str(facts.get("map", "")),
    )


def _on_chip(facts: dict[str, Any]) -> OnChip:
    """As `OnChip.facts` says it; the limits are the chip's."""
    limits = Limits.of(None, facts["name"])
    sizes, known = ("ram_bytes", "flash_bytes"), ("code_measured", "stack_measured")
    ram, flash, code, stack = (facts[name] for name in (*sizes, *known))
    return OnChip(find_chip(facts["name"]), limits, _size(ram), _size(flash), code, stack)


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _share(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError(value)
    return float(value)


def distinct(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points without those that cost the same as an earlier one."""
    first: dict[tuple[int, ...], Point] = {}
    for one, cost in zip(points, _costs(points), strict=True):
        first.setdefault(cost, one)
    return tuple(first.values())


def front(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that no other beats: none costs less of anything and no more of the rest.

    Least extra work first, and of equally much the most memory.
    """
    costs = _costs(points)
    kept = [
        one
        for one, cost in zip(points, costs, strict=True)
        if not any(other != cost and _covers(other, cost) for other in costs)
    ]
    return tuple(sorted(kept, key=lambda one: (one.mac_overhead, -one.arena_bytes)))


def compared(points: Sequence[Point]) -> str:
    """What counts on the front of these points, in words."""
    code = ", code" if points and not unmeasured(points) else ""
    chips = ", memory that a chip lacks" if points and points[0].chips else ""
    return f"arena, multiply-adds, weights read{code}{chips}"


def unmeasured(points: Sequence[Point]) -> str:
    """Why RAM and code are not known of all points, and the way to them; "" where they are."""
    if all(one.code_bytes is not None for one in points):
        return ""
    if any(one.options.element_bytes is not None for one in points):
        return "RAM and code are not known: --element-bytes makes no program to compile."
    if any(one.chips for one in points):
        return "RAM and flash stand with each chip; explore with --code gives RAM and code as well."
    return "RAM and code are not known: explore with --code compiles each program for them."


def staircase(points: Sequence[Point]) -> tuple[Point, ...]:
    """Of a front's points those that count where only memory and extra work matter.

    The least memory for each amount of extra work: memory falls from one to the next.
    """
    found: list[Point] = []
    for one in sorted(points, key=lambda one: (one.mac_overhead, one.arena_bytes)):
        if not found or one.arena_bytes < found[-1].arena_bytes:
            found.append(one)
    return tuple(found)


def _costs(points: Sequence[Point]) -> list[tuple[int, ...]]:
    """What is compared, also what is missing of a chip: what fits is not beaten by what does not.

    Code counts where it is known of all: what is unknown beats nothing.
    """
    known = [one.code_bytes for one in points if one.code_bytes is not None]
    codes = known if len(known) == len(points) else [0] * len(points)
    return [
        (one.arena_bytes, one.macs, one.weight_traffic_bytes, code, *_missing(one))
        for one, code in zip(points, codes, strict=True)
    ]


def _missing(one: Point) -> Iterator[int]:
    """RAM and flash that each chip has too little of."""
    return chain.from_iterable(chip.over for chip in one.chips)


def _covers(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))


def _measured(one: Point) -> dict[str, Any]:
    return {
        "arena_bytes": one.arena_bytes,
        "ram_bytes": one.ram_bytes,
        "macs": one.macs,
        "mac_overhead": one.mac_overhead,
        "weight_traffic_bytes": one.weight_traffic_bytes,
        "code_bytes": one.code_bytes,
        "seconds": round(one.seconds, 3),
        "chips": [chip.facts() for chip in one.chips],
    }
