"""The memory map of a plan as a picture: address over time, before and after on one scale.

      KiB   layer by layer            KiB   this plan
       |  - - - - - - - -  192         |
       |  +----+                       |  - - - - - - -  136
       |  |    +----+                  |  \\---\\___
       |  +----+----+                  |   \\___\\---\\      rows make way as they die
       +--------------> operators      +---------------> operators

Every storage is one closed line around its live rows, in one colour on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lowtide.ir.dtype import F32
from lowtide.planner.costs import contains
from lowtide.planner.plan import Plan
from lowtide.quoting import for_markup
from lowtide.report.colours import storage_colours
from lowtide.report.profile_text import kib
from lowtide.report.scale import nice
from lowtide.report.shapes import (
    BOTTOM,
    GAP,
    HEIGHT,
    LEFT,
    MARGIN,
    PANEL,
    TOP,
    WIDTH,
    Frame,
    StorageShape,
    make_frame,
    make_shape,
    outline,
    px,
)
from lowtide.report.short_names import short_names
from lowtide.report.sides import Side, before_and_after
from lowtide.report.style import style

# A storage of more rows is drawn with neighbours taken together, each band as long as the longest
# of its rows lives: it may seem to touch another by a fraction of an operator, but never shrinks.
# The second limit keeps the file of a network with very many storages below 300 KiB.
_BANDS, _ALL_BANDS = 64, 5000

_STYLE = style(
    "lowtide-map",
    """\
.big{font-size:25px;font-weight:600;fill:#0a7d4f}
.alarm{fill:#c2410c}
.mono{font:9.5px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#17202a}
.name{stroke:#fff;stroke-width:2;stroke-opacity:.45;paint-order:stroke}
.storage{stroke-width:.6;stroke-linejoin:round}
.arena{stroke:#24292f;stroke-width:1.6}
.was{stroke:#8b949e;stroke-dasharray:2 4}
.freed{fill:#0a7d4f;fill-opacity:.07}
.halo{stroke:#fff;stroke-width:2.4;stroke-opacity:.6;fill:none}
.live{stroke:#111;stroke-width:1;fill:none}
.band{fill:#c2410c;fill-opacity:.12}
.bar{fill:#c2410c}""",
)
_CONVENTIONS = (
    "Up: address in the arena. Across: operators in the order they run, each equally wide,"
    " its rows (steps) spread inside it.",
    "Input and output are counted; fused activations are not stored; weights are not in the arena.",
)
_CHARACTER = 5.75  # width of one in the font of names, pixels


def memory_svg(plan: Plan, sides: tuple[Side, Side] | None = None) -> str:
    """The memory map of a plan, with that of whole tensors layer by layer beside it."""
    before, after = sides or before_and_after(plan)
    was, now = plan.profile.layerwise_bytes, after.arena_bytes
    saved = 100 * (1 - now / max(was, 1))
    left, right = (
        make_frame(side.schedule, LEFT + k * (PANEL + GAP), max(before.arena_bytes, now, 1))
        for k, side in enumerate((before, after))
    )
    colours = storage_colours({**before.lives, **plan.lives})
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" class="lowtide-map" role="img" '
        f'aria-label="memory map of {for_markup(plan.source.file, 200)}">',
        f"<style>{_STYLE}</style>",
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="10" '
        'fill="#fdfcfa" stroke="#d8d5cd"/>',
        *_title(plan, saved),
        *_half(plan, before, left, colours),
        *_half(plan, after, right, colours),
        *_freed(saved, was, now, right),
        *_legend(list(colours.values())),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _half(
    plan: Plan, side: Side, frame: Frame, colours: Mapping[str, tuple[str, str]]
) -> Iterator[str]:
    yield f'<text class="head" x="{px(frame.left)}" y="74">{side.head}</text>'
    yield f'<text class="grey" x="{px(frame.left)}" y="90">{for_markup(side.note, 200)}</text>'
    yield from _peak(plan, side, frame)
    yield from _grid(side, frame)
    most = max(min(_BANDS, _ALL_BANDS // max(len(side.lives), 1)), 1)
    shapes = []
    for name, life in side.lives.items():
        shape = make_shape(name, life, side.addresses[name], frame, most)
        if shape is not None:
            shapes.append(shape)
            yield _storage(side, name, shape, colours[name])
    yield from _curve(side, frame)
    for shape in shapes:
        yield from _label(shape)
    y = px(frame.y(side.arena_bytes))
    yield f'<path class="arena" d="M{px(frame.left)} {y}H{px(frame.right)}"/>'
    yield (
        f'<text class="bold end" x="{px(frame.right)}" y="{px(float(y) - 6)}">'
        f"arena {kib(side.arena_bytes)} KiB</text>"
    )


def _storage(side: Side, name: str, shape: StorageShape, colour: tuple[str, str]) -> str:
    (fill, line), dtype = colour, side.layout.storages[name].dtype
    size = f"{side.lives[name].bytes:,} bytes{'' if dtype == F32 else f' of {dtype}'}"
    title = f"{for_markup(shape.name, 200)}: {size} at {int(side.addresses[name][0]):,}"
    return (
        f'<path class="storage" fill="{fill}" stroke="{line}" d="{outline(shape)}">'
        f"<title>{title}</title></path>"
    )


def _label(shape: StorageShape) -> Iterator[str]:
    """The storage's name in the largest rectangle inside its shape, upright if that is higher."""
    best, found = 0.0, (0.0, 0.0, 0.0, 0.0)
    for k in range(len(shape.low)):
        left = np.maximum.accumulate(shape.left[k:])
        wide = np.minimum.accumulate(shape.right[k:]) - left
        tall = shape.low[k] - shape.high[k:]
        room = np.where((wide > 0) & (np.minimum(wide, tall) >= 11), wide * tall, 0)
        at = int(room.argmax())
        if room[at] > best:
            best, found = float(room[at]), (left[at], wide[at], shape.low[k], tall[at])
    x, wide_, y, tall_ = (float(v) for v in found)
    full = len(shape.name) * _CHARACTER + 4
    upright = full > wide_ < tall_
    letters = int(((tall_ if upright else wide_) - 4) / _CHARACTER)
    if best and letters >= min(len(shape.name), 4):
        x, y = x + wide_ / 2, y - tall_ / 2
        turn = f' transform="rotate(-90 {px(x)} {px(y)})"' if upright else ""
        where = f'x="{px(x)}" y="{px(y)}" dy=".34em"{turn}'
        yield f'<text class="mono name mid" {where}>{for_markup(shape.name, letters)}</text>'


def _curve(side: Side, frame: Frame) -> Iterator[str]:
    """The live bytes; of the steps that fall on one half pixel the most."""
    left = frame.edge[:-1]
    at = np.flatnonzero(np.diff(np.floor(left * 2), prepend=-1.0))
    live = np.maximum.reduceat(side.live[: len(left)], at)
    at, live = at[np.diff(live, prepend=-1) != 0], live[np.diff(live, prepend=-1) != 0]
    path = "".join(
        f"{'H' if k else 'M'}{px(left[a])}{'V' if k else ' '}{px(frame.y(int(b)))}"
        for k, (a, b) in enumerate(zip(at, live, strict=True))
    )
    path += f"H{px(frame.right)}"
    yield f'<path class="halo" d="{path}"/><path class="live" d="{path}"/>'


def _grid(side: Side, frame: Frame) -> Iterator[str]:
    """Lines of equal address, and the axes."""
    step = nice(frame.top_bytes / 1024 / 6)
    for k in range(int(frame.top_bytes / 1024 / step) + 1):
        y = px(frame.y(k * step * 1024))
        yield f'<path class="grid" d="M{px(frame.left)} {y}H{px(frame.right)}"/>'
        at = f'x="{px(frame.left - 6)}" y="{y}" dy=".34em"'
        yield f'<text class="grey end" {at}>{k * step:,.10g}</text>'
    yield f'<text class="grey end" x="{px(frame.left - 6)}" y="{TOP - 14}">KiB</text>'
    yield f'<path class="axis" d="M{px(frame.left)} {TOP}V{BOTTOM}H{px(frame.right)}"/>'
    yield from _operators(side, frame)


def _operators(side: Side, frame: Frame) -> Iterator[str]:
    """The operators along the axis: named where there is room, else every so many numbered."""
    names = [side.tasks[run.task].operator.name for run in side.schedule.runs]
    room = int(PANEL / (len(names) + 1) / _CHARACTER) - 1
    every = int(max(nice(len(names) / 12), 1))
    for k, name in enumerate(short_names(names, room) if room >= 8 else names, 1):
        x = px((frame.slot[k] + frame.slot[k + 1]) / 2)
        yield f'<path class="axis" d="M{px(frame.slot[k])} {BOTTOM}v3"/>'
        if room >= 8:
            text = for_markup(name, room)
            yield f'<text class="mono mid" x="{x}" y="{BOTTOM + 15}">{text}</text>'
        elif k == 1 or k % every == 0:
            yield f'<text class="grey mid" x="{x}" y="{BOTTOM + 15}">{k}</text>'


def _peak(plan: Plan, side: Side, frame: Frame) -> Iterator[str]:
    """The operator that sets the layer-by-layer peak: its slot, a bar below it and its name."""
    peak = plan.profile.peak.name
    operators = [side.tasks[run.task].operator for run in side.schedule.runs]
    at = next((k for k, op in enumerate(operators) if contains(op, peak)), 0)
    x, wide = px(frame.slot[at + 1]), px(frame.slot[at + 2] - frame.slot[at + 1])
    y = frame.y(side.arena_bytes)
    yield f'<rect class="band" x="{x}" y="{px(y)}" width="{wide}" height="{px(BOTTOM - y)}"/>'
    yield f'<rect class="bar" x="{x}" y="{BOTTOM}" width="{wide}" height="3"/>'
    head, most = "peak layer by layer: ", 30
    half = 2.8 * (len(head) + min(len(peak), most))
    middle = float(frame.slot[at + 1 : at + 3].mean())
    middle = min(max(middle, frame.left + half), frame.right - half)
    text = head + for_markup(peak, most)
    yield f'<text class="alarm mid" x="{px(middle)}" y="{BOTTOM + 30}">{text}</text>'


def _title(plan: Plan, saved: float) -> Iterator[str]:
    sizes = f"{kib(plan.profile.layerwise_bytes)} → {kib(plan.arena_bytes)} KiB of arena"
    text = f"{sizes}, {abs(saved):.1f} % {'more' if saved < 0 else 'saved'}"
    name = for_markup(plan.source.file, int((WIDTH - 2 * MARGIN) / 11.7) - len(text) - 2)
    yield f'<text class="title" x="{MARGIN}" y="38">{name}</text>'
    yield f'<text class="title end" x="{WIDTH - MARGIN}" y="38">{text}</text>'
    original = plan.source.original
    if original and original.file:
        made = for_markup(f"made of {original.file}, {original.way}", 120)
        yield f'<text class="grey" x="{MARGIN}" y="55">{made}</text>'


def _freed(saved: float, was_bytes: int, now_bytes: int, frame: Frame) -> Iterator[str]:
    """Above "after": the height of "before", and what is free of it."""
    was, now = frame.y(was_bytes), frame.y(now_bytes)
    size = f'width="{px(PANEL)}" height="{px(max(now - was, 0))}"'
    yield f'<rect class="freed" x="{px(frame.left)}" y="{px(was)}" {size}/>'
    yield f'<path class="was" d="M{px(frame.left)} {px(was)}H{px(frame.right)}"/>'
    if now - was >= 50:
        at = f'x="{px(frame.left + PANEL / 2)}" y="{px((now + was) / 2)}" dy=".34em"'
        yield f'<text class="big mid" {at}>\N{MINUS SIGN}{saved:.1f} %</text>'


def _legend(colours: Sequence[tuple[str, str]]) -> Iterator[str]:
    y = HEIGHT - 46
    for k, (fill, line) in enumerate(colours[:: max(len(colours) // 3, 1)][:3]):
        at = f'x="{MARGIN + 9 * k}" y="{y - 9}" width="9" height="10"'
        yield f'<rect class="swatch" {at} fill="{fill}" stroke="{line}" stroke-width=".6"/>'
    yield f'<text x="56" y="{y}">a storage, one colour on both sides</text>'
    yield f'<path class="live" d="M268 {y - 1}h8v-6h8v3h8"/><text x="298" y="{y}">live bytes</text>'
    yield f'<path class="arena" d="M372 {y - 4}h24"/><text x="402" y="{y}">arena</text>'
    for k, text in enumerate(_CONVENTIONS, 1):
        yield f'<text class="grey" x="{MARGIN}" y="{y + 2 + 15 * k}">{text}</text>'
