"""Bytes of weights against accuracy as a picture: docs/weights.svg.

accuracy
  |- - - - - - - - - - - - - - - teacher
  |            o resnet56-2bit   * resnet18-generated
  |   o resnet20-4bit
  +--------------------------------- KiB

A name stands below its point, or above, right or left of it where it covers nothing else there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from lowtide.report.scale import Scale
from lowtide.report.shapes import px
from lowtide.report.style import style

WIDTH, HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 690, 78, 340
_WIDE = 6.6
"""Pixels of a letter, at most nearly: names differ little."""
_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_STYLE = style("lowtide-weights", ".way{fill:#8b949e}\n.ours{fill:#0a7d4f}\n.goal{stroke:#8b949e;"
               "stroke-dasharray:4 3}")  # fmt: skip


def weights_svg(teacher: float, rows: Sequence[dict[str, Any]]) -> str:
    """Rows with `name`, `paper_bytes` and `accuracy`, and the teacher's accuracy (both 0 to 1)."""
    kib = [row["paper_bytes"] / 1024 for row in rows]
    found = [100 * teacher, *(100 * row["accuracy"] for row in rows)]
    bytes_ = Scale("linear", 0.6 * min(kib), 1.2 * max(kib))
    levels = Scale("linear", min(found) - 0.5, max(found) + 0.5)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" class="lowtide-weights" role="img" '
        'aria-label="bytes of weights against accuracy">',
        f"<style>{_STYLE}</style>",
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" fill="#fdfcfa" '
        'stroke="#d8d5cd"/>',
        f'<text class="title" x="{_LEFT}" y="38">CIFAR-10 (JPEG): bytes and accuracy</text>',
        *_axes(bytes_, levels),
        *_teacher(100 * teacher, levels),
        *_points(rows, bytes_, levels, _y(levels, 100 * teacher)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(scale: Scale, value: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * scale.at(value)


def _y(scale: Scale, value: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * scale.at(value)


def _axes(bytes_: Scale, levels: Scale) -> Iterator[str]:
    for value in levels.ticks:
        y = _y(levels, value)
        yield f'<path class="grid" d="M{_LEFT} {px(y)}H{_RIGHT}"/>'
        yield f'<text class="grey end" x="{_LEFT - 8}" y="{px(y + 4)}">{value:g}</text>'
    for value in bytes_.ticks:
        x = px(_x(bytes_, value))
        yield f'<path class="grid" d="M{x} {_TOP}V{_BOTTOM}"/>'
        yield f'<text class="grey mid" x="{x}" y="{_BOTTOM + 18}">{value:g}</text>'
    words = "KiB by the paper's count; accuracy in % on all 10,000 test pictures"
    yield f'<text class="grey" x="{_LEFT}" y="{_BOTTOM + 42}">{words}</text>'


def _teacher(level: float, levels: Scale) -> Iterator[str]:
    y = _y(levels, level)
    yield f'<path class="goal" d="M{_LEFT} {px(y)}H{_RIGHT}"/>'
    yield f'<text class="grey" x="{_LEFT + 6}" y="{px(y - 5)}">teacher, {level:.2f}</text>'


def _points(
    rows: Sequence[dict[str, Any]], bytes_: Scale, levels: Scale, goal: float
) -> Iterator[str]:
    """A circle for each row, and its name where it covers no circle, name or the teacher's line."""
    places = [
        (_x(bytes_, row["paper_bytes"] / 1024), _y(levels, 100 * row["accuracy"])) for row in rows
    ]
    taken: list[_Box] = [(_LEFT, goal - 16, _RIGHT, goal + 1)]
    taken += [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    for row, (x, y) in zip(rows, places, strict=True):
        kind = "ours" if "generated" in row["name"] else "way"
        yield f'<circle class="{kind}" cx="{px(x)}" cy="{px(y)}" r="5"/>'
        words = f"{row['name']} {100 * row['accuracy']:.2f}"
        box = _free(x, y, _WIDE * len(words), taken)
        taken.append(box)
        middle, base = (box[0] + box[2]) / 2, box[3] - 3
        yield f'<text class="mid" x="{px(middle)}" y="{px(base)}">{escape(words)}</text>'


def _free(x: float, y: float, wide: float, taken: Sequence[_Box]) -> _Box:
    """Where a name of this width fits beside a point; below it, should it fit nowhere."""
    left, right = (x - 10 - wide, x - 10), (x + 10, x + 10 + wide)
    middle = (x - wide / 2, x + wide / 2)
    sides = [(middle, 15), (middle, -15), (right, 0), (left, 0), (right, 12), (left, 12),
             (right, -12), (left, -12)]  # fmt: skip
    boxes = [(a, y + down - 7, b, y + down + 7) for (a, b), down in sides]
    inside = [box for box in boxes if box[0] >= _LEFT and box[2] <= _RIGHT]
    return next((box for box in inside if not any(_meet(box, one) for one in taken)), boxes[0])


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
