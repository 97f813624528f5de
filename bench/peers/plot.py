"""Time and memory beside onnxruntime as a picture: docs/speed.svg.

                  time, lowtide / onnxruntime      activation memory
    ResNet18          o---|                        o-----------------|
    VGG16                 |--o                    o------------------|
                    0.5   1    2                 5 %      20 %     100 %

Both scales are logarithmic; a dot is the plan of least memory, a ring that of least time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.peers.measured import Row, geometric_mean
from bench.peers.networks import NETWORKS
from lowtide.report.scale import Scale
from lowtide.report.shapes import MARGIN, WIDTH, px
from lowtide.report.style import style

_STYLE = style(
    "lowtide-speed",
    """\
.good{fill:#0a7d4f;stroke:#0a7d4f}
.bad{fill:#c2571a;stroke:#c2571a}
.ring{fill:#fdfcfa;stroke-width:1.6}
.way{stroke-width:2;stroke-opacity:.35}
.goal{stroke:#8b949e;stroke-dasharray:4 3}
.strip{fill:#f3f1ea}""",
)
_TOP, _STEP, _NAMES = 104, 27, 166


@dataclass(frozen=True)
class _Panel:
    """One of the two charts: a goal that is met to its left, and where the stems begin."""

    title: str
    left: float
    right: float
    scale: Scale
    goal: float
    percent: bool

    def x(self, value: float) -> float:
        held = min(max(value, self.scale.low), self.scale.high)
        return self.left + (self.right - self.left) * self.scale.at(held)

    def words(self, value: float) -> str:
        return f"{100 * value:.{1 if value < 0.1 else 0}f} %" if self.percent else f"{value:.2f}"


def speed_svg(rows: Sequence[Row]) -> str:
    """The rows of docs/speed.csv as an SVG picture."""
    names = [name for name in NETWORKS if any(one.network == name for one in rows)]
    height = _TOP + _STEP * (len(names) + 1) + 76
    panels = _panels(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" class="lowtide-speed" role="img" '
        'aria-label="time and activation memory of lowtide against onnxruntime">',
        f"<style>{_STYLE}</style>",
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="10" fill="#fdfcfa" '
        'stroke="#d8d5cd"/>',
        f'<text class="title" x="{MARGIN}" y="38">lowtide beside onnxruntime, one thread</text>',
        *(line for panel in panels for line in _grid(panel, len(names))),
    ]
    for number, name in enumerate(names):
        parts += _network(number, NETWORKS[name], [r for r in rows if r.network == name], panels)
    parts += _means(len(names), rows, panels)
    parts += [*_legend(height, rows), "</svg>"]
    return "\n".join(parts) + "\n"


def _panels(rows: Sequence[Row]) -> tuple[_Panel, _Panel]:
    ratios = [one.ratio for one in rows]
    shares = [one.share for one in rows]
    middle = (WIDTH + _NAMES) / 2
    low, high = min(0.5, 0.9 * min(ratios)), max(2.0, 1.15 * max(ratios))
    times = Scale("log", low, high)
    memory = Scale("log", min(0.02, 0.9 * min(shares)), max(1.0, 1.1 * max(shares)))
    return (
        _Panel("time, lowtide / onnxruntime", _NAMES, middle - 92, times, 1.0, False),
        _Panel("activation memory, of onnxruntime's", middle + 8, WIDTH - 118, memory, 0.2, True),
    )


def _y(number: int) -> float:
    return _TOP + _STEP * (number + 0.5)


def _grid(panel: _Panel, count: int) -> Iterator[str]:
    top, bottom = _TOP - 4, _TOP + _STEP * (count + 1) + 4
    yield f'<text class="head" x="{px(panel.left)}" y="72">{escape(panel.title)}</text>'
    for value in panel.scale.ticks:
        x = px(panel.x(value))
        yield f'<path class="grid" d="M{x} {top}V{bottom}"/>'
        words = f"{100 * value:g} %" if panel.percent else f"{value:g}"
        yield f'<text class="grey mid" x="{x}" y="{top - 6}">{words}</text>'
    yield f'<path class="goal" d="M{px(panel.x(panel.goal))} {top}V{bottom}"/>'


def _network(
    number: int, title: str, rows: Sequence[Row], panels: Sequence[_Panel], bold: str = ""
) -> Iterator[str]:
    y = _y(number)
    if number % 2 == 0:
        yield f'<rect class="strip" x="{MARGIN / 2}" y="{px(y - _STEP / 2)}" height="{_STEP}" ' + (
            f'width="{WIDTH - MARGIN}" fill-opacity=".5"/>'
        )
    yield f'<text class="{bold}" x="{MARGIN}" y="{px(y + 4)}">{escape(title)}</text>'
    for panel, values in zip(
        panels, ([r.ratio for r in rows], [r.share for r in rows]), strict=True
    ):
        plans = [r.plan for r in rows]
        yield from _dots(panel, y, dict(zip(plans, values, strict=True)), bold)


def _dots(panel: _Panel, y: float, values: dict[str, float], bold: str) -> Iterator[str]:
    """A stem from the goal, a ring and a dot, the number of the dot at the right."""
    for plan, value in reversed(values.items()):
        kind = "good" if value <= panel.goal else "bad"
        x = px(panel.x(value))
        if plan == "memory":
            yield f'<path class="{kind} way" d="M{px(panel.x(panel.goal))} {px(y)}H{x}"/>'
        ring = "" if plan == "memory" else " ring"
        words = f"<title>{plan}: {panel.words(value)}</title>"
        yield f'<circle class="{kind}{ring}" cx="{x}" cy="{px(y)}" r="4.5">{words}</circle>'
    text = " / ".join(panel.words(value) for value in values.values())
    yield f'<text class="{bold}" x="{px(panel.right + 9)}" y="{px(y + 4)}">{text}</text>'


def _means(number: int, rows: Sequence[Row], panels: Sequence[_Panel]) -> Iterator[str]:
    """The last row: geometric means."""
    y = _y(number)
    yield f'<path class="grid" d="M{MARGIN} {px(y - _STEP / 2)}H{WIDTH - MARGIN}"/>'
    yield f'<text class="bold" x="{MARGIN}" y="{px(y + 4)}">geometric mean</text>'
    every = len({one.network for one in rows})
    found = [one.plan for one in rows]
    plans = [plan for plan in dict.fromkeys(found) if found.count(plan) == every]
    for panel, field in zip(panels, ("ratio", "share"), strict=True):
        means = {
            plan: geometric_mean([getattr(one, field) for one in rows if one.plan == plan])
            for plan in plans
        }
        yield from _dots(panel, y, means, "bold")


def _legend(height: float, rows: Sequence[Row]) -> Iterator[str]:
    y = height - 40
    kinds = [("good", "plan of least memory, no extra multiply-adds", MARGIN + 8)]
    if any(one.plan == "latency" for one in rows):
        kinds.append(("good ring", "plan of least time (--objective latency)", MARGIN + 330))
    for kind, words, x in kinds:
        yield f'<circle class="{kind}" cx="{x}" cy="{y - 4}" r="4.5"/>'
        yield f'<text x="{x + 12}" y="{y}">{words}</text>'
    note = (
        "Left of the dashed lines: as fast as onnxruntime, in a fifth of its memory (its input "
        "counted). Written by python -m bench.peers."
    )
    yield f'<text class="grey" x="{MARGIN}" y="{y + 20}">{note}</text>'
