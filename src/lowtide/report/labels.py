"""Where the labels of points go, so that none covers another or a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDE, _TALL = 6.1, 13.0
"""A character and a line of 11 px text, pixels; wider than most."""
_AWAY = (9.0, 22.0, 36.0, 52.0, 70.0, 92.0, 120.0)
_SIDES = ((1, -1), (1, 0), (1, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (0, 1))


@dataclass(frozen=True)
class Box:
    """A rectangle, pixels; y goes down."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def inside(self, other: Box) -> bool:
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


def place_labels(
    texts: Sequence[str], dots: Sequence[tuple[float, float]], room: Box, taken: Sequence[Box] = ()
) -> list[Box | None]:
    """A box inside `room` for each text, near its dot; None where there is none free.

    Upper right first: nothing of a front that falls to the right lies there.
    """
    held = [*taken, *(Box(x - 5, y - 5, x + 5, y + 5) for x, y in dots)]
    found: list[Box | None] = []
    for text, (x, y) in zip(texts, dots, strict=True):
        wide = _WIDE * len(text)
        boxes = (_beside(x, y, wide, away, *side) for away in _AWAY for side in _SIDES)
        free = (b for b in boxes if b.inside(room) and not any(b.meets(other) for other in held))
        box = next(free, None)
        found.append(box)
        if box is not None:
            held.append(box)
    return found


def _beside(x: float, y: float, wide: float, away: float, right: int, down: int) -> Box:
    """The box `away` from a dot, to its right (1), left (-1) or neither; below, above or beside."""
    left = {1: x + min(away, 14), 0: x - wide / 2, -1: x - min(away, 14) - wide}[right]
    middle = y + down * (away if away > 9 else (_TALL / 2 + 1 if right else away + 4))
    return Box(left, middle - _TALL / 2, left + wide, middle + _TALL / 2)
