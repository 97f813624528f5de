"""Bytes of weights against accuracy as a picture: docs/weights.svg.

accuracy
  |- - - - - - - - - - - - - - - teacher
  |            o resnet56-2bit   * resnet18-generated
  |   o resnet20-4bit
  +--------------------------------- KiB (logarithmic)
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
_STYLE = style("lowtide-weights", ".way{fill:#8b949e}\n.ours{fill:#0a7d4f}\n.goal{stroke:#8b949e;"
               "stroke-dasharray:4 3}")  # fmt: skip


def weights_svg(teacher: float, rows: Sequence[dict[str, Any]]) -> str:
    """Rows with `name`, `paper_bytes` and `accuracy`, and the teacher's accuracy (both 0 to 1)."""
    kib = [row["paper_bytes"] / 1024 for row in rows]
    found = [100 * teacher, *(100 * row["accuracy"] for row in rows)]
    bytes_ = Scale("log", 0.8 * min(kib), 1.35 * max(kib))
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
        *(line for row in rows for line in _point(row, bytes_, levels)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(scale: Scale, value: float) -> str:
    return px(_LEFT + (_RIGHT - _LEFT) * scale.at(value))


def _y(scale: Scale, value: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * scale.at(value)


def _axes(bytes_: Scale, levels: Scale) -> Iterator[str]:
    for value in levels.ticks:
        y = _y(levels, value)
        yield f'<path class="grid" d="M{_LEFT} {px(y)}H{_RIGHT}"/>'
        yield f'<text class="grey end" x="{_LEFT - 8}" y="{px(y + 4)}">{value:g}</text>'
    for value in bytes_.ticks:
        x = _x(bytes_, value)
        yield f'<path class="grid" d="M{x} {_TOP}V{_BOTTOM}"/>'
        yield f'<text class="grey mid" x="{x}" y="{_BOTTOM + 18}">{value:g}</text>'
    words = "KiB by the paper's count; accuracy in % on all 10,000 test pictures"
    yield f'<text class="grey" x="{_LEFT}" y="{_BOTTOM + 42}">{words}</text>'


def _teacher(level: float, levels: Scale) -> Iterator[str]:
    y = _y(levels, level)
    yield f'<path class="goal" d="M{_LEFT} {px(y)}H{_RIGHT}"/>'
    yield f'<text class="grey" x="{_LEFT + 6}" y="{px(y - 5)}">teacher, {level:.2f}</text>'


def _point(row: dict[str, Any], bytes_: Scale, levels: Scale) -> Iterator[str]:
    level, kib = 100 * row["accuracy"], row["paper_bytes"] / 1024
    x, y = _x(bytes_, kib), _y(levels, level)
    kind = "ours" if "generated" in row["name"] else "way"
    yield f'<circle class="{kind}" cx="{x}" cy="{px(y)}" r="5"/>'
    words = f"{escape(row['name'])} {level:.2f}"
    yield f'<text class="mid" x="{x}" y="{px(y + 18)}">{words}</text>'
