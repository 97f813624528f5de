"""The trade of memory against extra work as a picture; lower left is better.

      KiB
       |  o                  . a recipe that another beats
       |  1---+
       |      2-------+      the front: the least memory for each amount of extra work
       |     .        3----
       +---------------------> extra multiply-adds

Both scales are logarithmic where that spreads the points: work as log(1 + percent).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lowtide.explorer.front import Point, front, staircase
from lowtide.explorer.front_text import code, percent
from lowtide.explorer.recipes import recipe_name
from lowtide.quoting import for_markup
from lowtide.report.labels import Box, place_labels
from lowtide.report.profile_text import kib
from lowtide.report.scale import Scale
from lowtide.report.shapes import HEIGHT, MARGIN, WIDTH, px
from lowtide.report.style import style
from lowtide.sizes import show_bytes

_STYLE = style(
    "lowtide-front",
    """\
.stair{stroke:#0a7d4f;stroke-width:1.6;fill:none}
.better{fill:#0a7d4f;fill-opacity:.06}
.best{fill:#0a7d4f;stroke:#fff;stroke-width:1.2}
.other{fill:#fdfcfa;stroke:#0a7d4f;stroke-width:1.4}
.beaten{fill:#b4b9be}
.lead{stroke:#8b949e;stroke-width:.7}
.label{stroke:#fdfcfa;stroke-width:3;paint-order:stroke}""",
)
_ROOM = Box(76, 76, WIDTH - MARGIN - 8, HEIGHT - 96)
_INSET = 14  # so that dots on the axes are whole
_WIDE_RANGE = 6  # from this ratio of most to least memory on, a logarithmic scale reads better


@dataclass(frozen=True)
class _Chart:
    """Scales of extra work in percent, and of memory in KiB."""

    across: Scale
    up: Scale

    def dot(self, one: Point) -> tuple[float, float]:
        return self.x(100 * one.mac_overhead), self.y(one.arena_bytes / 1024)

    def x(self, share: float) -> float:
        left, right = _ROOM.left + _INSET, _ROOM.right - _INSET
        return left + (right - left) * self.across.at(share)

    def y(self, size: float) -> float:
        return _ROOM.bottom - (_ROOM.bottom - _ROOM.top) * self.up.at(size)


def front_svg(file: str, tried: int, points: Sequence[Point]) -> str:
    """Points as an SVG picture; those of the front are numbered as in the table."""
    best = front(points)
    chart = _chart(points)
    beaten = [one for one in points if one not in best]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" class="lowtide-front" role="img" '
        f'aria-label="memory against extra work of {for_markup(file, 200)}">',
        f"<style>{_STYLE}</style>",
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" '
        'fill="#fdfcfa" stroke="#d8d5cd"/>',
        *_title(file, tried, len(best)),
        *_grid(chart),
        *_stair(chart, staircase(best)),
        *(_dot(chart, one, "beaten", 2.5) for one in beaten),
        *_best(chart, best, beaten),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _chart(points: Sequence[Point]) -> _Chart:
    """Scales that hold all points, with some room above and below."""
    most = max((one.mac_overhead for one in points), default=0.0)
    sizes = [one.arena_bytes / 1024 for one in points] or [1.0]
    low, high = max(min(sizes), 1e-3), max(max(sizes), 1e-3)
    across = Scale("plus", 0, max(100 * most, 10))
    if high > _WIDE_RANGE * low:
        return _Chart(across, Scale("log", low / 1.5, high * 1.25))
    return _Chart(across, Scale("linear", 0, 1.12 * high))


def _title(file: str, tried: int, best: int) -> Iterator[str]:
    text = f"{best} of {tried} recipes on the front"
    name = for_markup(file, int((WIDTH - 2 * MARGIN) / 11.7) - len(text) - 2)
    yield f'<text class="title" x="{MARGIN}" y="38">{name}</text>'
    yield f'<text class="title end" x="{WIDTH - MARGIN}" y="38">{text}</text>'


def _grid(chart: _Chart) -> Iterator[str]:
    """Lines of equal memory and of equal extra work, the axes and their numbers."""
    for size in chart.up.ticks:
        y = px(chart.y(size))
        yield f'<path class="grid" d="M{px(_ROOM.left)} {y}H{px(_ROOM.right)}"/>'
        at = f'x="{px(_ROOM.left - 6)}" y="{y}" dy=".34em"'
        yield f'<text class="grey end" {at}>{size:,.10g}</text>'
    for share in chart.across.ticks:
        x = px(chart.x(share))
        yield f'<path class="grid" d="M{x} {px(_ROOM.top)}V{px(_ROOM.bottom)}"/>'
        yield f'<text class="grey mid" x="{x}" y="{px(_ROOM.bottom + 16)}">{share:g} %</text>'
    yield f'<text class="grey end" x="{px(_ROOM.left - 6)}" y="{px(_ROOM.top - 10)}">KiB</text>'
    yield (
        f'<path class="axis" d="M{px(_ROOM.left)} {px(_ROOM.top)}V{px(_ROOM.bottom)}'
        f'H{px(_ROOM.right)}"/>'
    )
    x = px((_ROOM.left + _ROOM.right) / 2)
    yield f'<text class="grey mid" x="{x}" y="{px(_ROOM.bottom + 33)}">extra multiply-adds</text>'


def _stair(chart: _Chart, steps: Sequence[Point]) -> Iterator[str]:
    """The line below which no recipe was found, and what lies below it."""
    if not steps:
        return
    dots = [chart.dot(one) for one in steps]
    path = f"M{px(dots[0][0])} {px(dots[0][1])}"
    path += "".join(f"H{px(x)}V{px(y)}" for x, y in dots[1:]) + f"H{px(_ROOM.right)}"
    below = f"V{px(_ROOM.bottom)}H{px(dots[0][0])}Z"
    yield f'<path class="better" d="{path}{below}"/><path class="stair" d="{path}"/>'


def _best(chart: _Chart, best: Sequence[Point], beaten: Sequence[Point]) -> Iterator[str]:
    """The front's points, those of the staircase filled, with labels."""
    steps = staircase(best)
    dots = [chart.dot(one) for one in best]
    texts = [_words(k, one) for k, one in enumerate(best, 1)]
    small = [Box(x - 3, y - 3, x + 3, y + 3) for x, y in map(chart.dot, beaten)]
    boxes = place_labels(texts, dots, _ROOM, [*small, *_risers(chart, steps)])
    for (x, y), box in zip(dots, boxes, strict=True):
        if box is not None and abs((box.top + box.bottom) / 2 - y) > 15:
            end = min(max(x, box.left), box.right)
            yield f'<path class="lead" d="M{px(x)} {px(y)}L{px(end)} {px(_edge(box, y))}"/>'
    for one in best:
        yield _dot(chart, one, "best" if one in steps else "other", 4.5)
    for text, box in zip(texts, boxes, strict=True):
        if box is not None:
            at = f'x="{px(box.left)}" y="{px(box.bottom - 3)}"'
            yield f'<text class="label" {at}>{for_markup(text)}</text>'


def _words(number: int, one: Point) -> str:
    extra = f", {percent(one)}" if one.mac_overhead else ""
    return f"{number}: {kib(one.arena_bytes)} KiB{extra}"


def _risers(chart: _Chart, steps: Sequence[Point]) -> Iterator[Box]:
    """The staircase's lines, which labels keep off."""
    dots = [chart.dot(one) for one in steps]
    for (x, y), (end, low) in pairwise([*dots, (_ROOM.right, dots[-1][1])] if dots else []):
        yield Box(x, y - 1, end, y + 1)
        yield Box(end - 1, y, end + 1, low)


def _edge(box: Box, y: float) -> float:
    return box.top if box.top > y else box.bottom


def _dot(chart: _Chart, one: Point, kind: str, radius: float) -> str:
    x, y = chart.dot(one)
    title = (
        f"{recipe_name(one.options)}: {one.arena_bytes:,} bytes, {percent(one)} multiply-adds, "
        f"{show_bytes(one.weight_traffic_bytes)} of weights read, {code(one)} of code"
    )
    where = f'cx="{px(x)}" cy="{px(y)}" r="{radius}"'
    return f'<circle class="{kind}" {where}><title>{for_markup(title, 300)}</title></circle>'


def _legend() -> Iterator[str]:
    y = HEIGHT - 36
    kinds = (
        ("best", 4.5, 56, "least memory for its extra work"),
        ("other", 4.5, 270, "on the front for fewer weights read or less code"),
        ("beaten", 2.5, 566, "beaten by another in everything"),
    )
    for kind, radius, x, text in kinds:
        yield f'<circle class="{kind}" cx="{x - 12}" cy="{y - 4}" r="{radius}"/>'
        yield f'<text x="{x}" y="{y}">{text}</text>'
    note = (
        "Numbers are those of the table. Memory is the arena: input and output as they are held, "
        "without weights, stack and state."
    )
    yield f'<text class="grey" x="44" y="{y + 18}">{note}</text>'
