"""What was explored, as a table, and the commands that make the points of the front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lowtide.explorer.chips import not_measured
from lowtide.explorer.front import Point, compared, unmeasured
from lowtide.explorer.recipes import recipe_name
from lowtide.quoting import for_terminal
from lowtide.report.profile_text import kib
from lowtide.sizes import show_bytes

if TYPE_CHECKING:
    from lowtide.explorer.explored import Explored

_HEAD = ("", "arena KiB", "RAM KiB", "extra MACs", "weights read", "code", "seconds")


def front_text(found: Explored) -> str:
    """The points, most memory first; those of the front are numbered and have commands below.

    1   144.0   145.4   +0.0 %   2.3 MiB   12.3 KiB   0.2   layer by layer, overlap row

    RAM, the arena with stack and state, is known where the code was measured. Each chip that was
    asked about has a column.
    """
    best, points, tried = found.front, found.points, found.tried
    alike = f", {len(points)} different points" if len(points) < tried else ""
    lines = [
        f"{for_terminal(found.source.file)}: {tried} recipes{alike}, "
        f"{len(best)} on the front ({compared(points)})",
        "",
        *_table(points, best),
        *(["", f"  {why}"] if (why := unmeasured(points)) else []),
        *(f"  {line}" for line in not_measured(points[0].chips if points else ())),
        "",
        *(f"  {k}  {found.command(one)}" for k, one in enumerate(best, 1)),
    ]
    return "\n".join(line.rstrip() for line in lines)


def percent(one: Point) -> str:
    """Extra multiply-adds: +4.7 %."""
    return f"{100 * one.mac_overhead:+.1f} %"


def code(one: Point) -> str:
    """The size of the code; - where it was not measured."""
    return "-" if one.code_bytes is None else show_bytes(one.code_bytes)


def _table(points: Sequence[Point], best: Sequence[Point]) -> Iterator[str]:
    ordered = sorted(points, key=lambda one: (-one.arena_bytes, one.mac_overhead))
    chips = [one.chip.name for one in ordered[0].chips] if ordered else []
    rows = [(*_HEAD, *chips, "recipe"), *(_row(one, best) for one in ordered)]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *cells, recipe in rows:
        yield "  ".join([*map(str.rjust, cells, wide), recipe])


def _row(one: Point, best: Sequence[Point]) -> tuple[str, ...]:
    return (
        f"  {best.index(one) + 1}" if one in best else "",
        kib(one.arena_bytes),
        "-" if one.ram_bytes is None else kib(one.ram_bytes),
        percent(one),
        show_bytes(one.weight_traffic_bytes),
        code(one),
        f"{one.seconds:.1f}",
        *(chip.short for chip in one.chips),
        recipe_name(one.options),
    )
