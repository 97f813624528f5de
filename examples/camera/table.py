"""What a run is told as: what each picture shows, and what each board took for it."""

from __future__ import annotations

from collections.abc import Sequence

from firmware import STACK, Found, OnBoard
from settings import UNITS

HEAD = (
    "board", "RAM", "arena", "other data", "stack", "of it used", "flash", "instructions a frame",
    "pixels", "network", "result",
)  # fmt: skip


def found_text(names: Sequence[str], found: Sequence[Found]) -> str:
    """A line a picture."""
    wide = max(map(len, names))
    return "\n".join(
        f"  {name:{wide}}  {_what(one)}" for name, one in zip(names, found, strict=True)
    )


def _what(one: Found) -> str:
    if one.label:
        return one.label
    faces = f"{len(one.faces)} face{'s' if len(one.faces) != 1 else ''}"
    best = (str(tuple(round(c / UNITS) for c in face[1:])) for face in one.faces[:3])
    return " ".join([faces, *best, *(["..."] if len(one.faces) > 3 else [])])


def rows(runs: Sequence[OnBoard], arena: int, frames: int) -> list[list[str]]:
    """A row a board, under HEAD; bytes, and instructions of a frame."""
    found = []
    for run in runs:
        memory = (run.ram, arena, run.data - arena, STACK, run.stack, run.flash)
        work = (run.instructions, run.pixels, run.network, run.result)
        numbers = [*memory, *(count // frames for count in work)]
        found.append([run.board, *(f"{number:,}" for number in numbers)])
    return found


def boards_text(runs: Sequence[OnBoard], arena: int, frames: int) -> str:
    """The table of rows(), aligned."""
    lines = [HEAD, *rows(runs, arena, frames)]
    wide = [max(len(line[k]) for line in lines) for k in range(len(HEAD))]
    return "\n".join(
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, wide, strict=True))
        for line in lines
    )
