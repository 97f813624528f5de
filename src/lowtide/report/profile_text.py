"""What a network needs and why, as text: a row for each operator, then the peaks and totals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from lowtide.planner.costs import Cost
from lowtide.planner.plan import Plan
from lowtide.quoting import for_terminal
from lowtide.report.short_names import short_names, what_differs
from lowtide.sizes import show_bytes, show_change

_HEAD = ("operator", "type", "output", "live", "KiB", "MACs", "weights")
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MARK = "▶"
_LEAST_BAR, _MOST_BAR = 8, 40
_LEAST_WORD = 8
_LONG_NAME = 20
_LIVES = {
    "none": "whole storages",
    "row": "rows",
    "group": "what the kernels make at a time",
    "pixel": "pixels, each read before it is written",
}
_CONVENTION = "input and output counted, fused activations not stored"


def profile_text(
    plan: Plan, width: int = 80, others: Mapping[str, Plan] | None = None, eight: str = ""
) -> str:
    """The profile as lines of at most `width` characters (widths under 72 are taken as 72).

    ▶ conv_1   Conv+Relu  1x16x32x32  ██████████▌   76.0   442K   1.8 KiB

    `others` are plans of the same network layer by layer at each overlap, `eight` is what it would
    need at 8 bits.
    """
    width = max(width, 72)
    lines = [*_table(plan, width), "", *_summary(plan, others or {}, width)]
    lines += _wrapped("  at 8 bits      ", eight, width) if eight else []
    return "\n".join(line.rstrip() for line in lines)


def profile_facts(plan: Plan, others: Mapping[str, Plan] | None = None) -> dict[str, object]:
    """The same as plain data for --json: the plan's facts and its operators in schedule order."""
    overlaps = {
        name: {"arena_bytes": one.arena_bytes, "placement_proven": one.placement.proven}
        for name, one in (others or {}).items()
    }
    operators = [
        {
            "name": cost.name,
            "type": cost.type,
            "shape": list(cost.shape),
            "live_bytes": cost.live_bytes,
            "macs": cost.macs,
            "weight_bytes": cost.weight_bytes,
        }
        for cost in plan.profile.costs
    ]
    return {
        **plan.facts(),
        "peak_operator": plan.profile.peak.name,
        "overlaps": overlaps,
        "operators": operators,
    }


def kib(count: int) -> str:
    """4886528 -> 4,772.0 (of KiB)."""
    return f"{count / 1024:,.1f}"


def placement_verdict(plan: Plan) -> str:
    """Whether the placement is the least there is, or how far from it it may be."""
    if plan.placement.proven:
        return "proven least for this order"
    gap = plan.arena_bytes / max(plan.placement.bound, 1) - 1
    return f"at most {100 * gap:.1f} % above the least for this order"


def _table(plan: Plan, width: int) -> Iterator[str]:
    """The operators; the bar takes what the words leave.

    Where too little is left, names and types give way, and shapes after them.
    """
    peak = plan.profile.peak
    costs = plan.profile.costs
    names = [cost.name for cost in costs]
    if max(map(len, names), default=0) > _LONG_NAME:
        names = what_differs(names, [cost.type for cost in costs])
    rows = [(name, *_words(cost)) for name, cost in zip(names, costs, strict=True)]
    wide = [max(len(row[k]) for row in (_words_of_head(), *rows)) for k in range(6)]
    spare = width - 2 - 2 * 6 - sum(wide)
    for words in ((0, 1), (2,)):
        while spare < _LEAST_BAR and max(wide[k] for k in words) > _LEAST_WORD:
            wide[max(words, key=lambda k: wide[k])] -= 1
            spare += 1
    bar = min(max(spare, _LEAST_BAR), _MOST_BAR)
    rows = [(name, *row[1:]) for name, row in zip(short_names(names, wide[0]), rows, strict=True)]
    yield "  " + _line(_words_of_head(), _HEAD[3], wide, bar)
    for cost, row in zip(costs, rows, strict=True):
        mark = _MARK if cost is peak else " "
        yield f"{mark} " + _line(row, _bar(cost.live_bytes, peak.live_bytes, bar), wide, bar)


def _words(cost: Cost) -> tuple[str, ...]:
    shape = "x".join(map(str, cost.shape)) or "scalar"
    weights = show_bytes(cost.weight_bytes) if cost.weight_bytes else "-"
    return cost.type, shape, kib(cost.live_bytes), _count(cost.macs), weights


def _words_of_head() -> tuple[str, ...]:
    return (*_HEAD[:3], *_HEAD[4:])


def _line(row: tuple[str, ...], bar: str, wide: list[int], bar_width: int) -> str:
    left = [for_terminal(row[k], wide[k]).ljust(wide[k]) for k in range(3)]
    right = [row[k].rjust(wide[k]) for k in range(3, 6)]
    return "  ".join([*left, bar.ljust(bar_width), *right])


def _bar(value: int, most: int, width: int) -> str:
    """A bar of eighths of characters; what is not nothing shows."""
    eighths = round(8 * width * value / max(most, 1))
    full, rest = divmod(max(eighths, 1) if value else 0, 8)
    return "█" * full + _EIGHTHS[rest].strip()


def _count(number: int) -> str:
    """442368 -> 442K, three figures; - for none."""
    if not number:
        return "-"
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if number >= size:
            return f"{number / size:.{2 if number < 10 * size else 1}f}{unit}"
    return str(number)


def _summary(plan: Plan, others: Mapping[str, Plan], width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"Peaks of activations; {_CONVENTION}:", width)
    yield ""
    for name, count, why in _peaks(plan):
        yield from _wrapped(f"  {name:<15}{kib(count):>9} KiB  ", why, width)
    yield ""
    for name, one in others.items():
        why = f"{_lives(one)}; {placement_verdict(one)}"
        yield from _wrapped(f"  overlap {name:<7}{kib(one.arena_bytes):>9} KiB  ", why, width)
    if others:
        yield ""
    own = plan.profile
    yield from _wrapped("  RAM            ", _ram(plan), width)
    yield from _wrapped(
        "  flash          ", f"{own.weight_bytes:,} bytes of weights, and the code", width
    )
    yield from _wrapped("  both           ", _both(plan), width)
    weights = f"{own.weight_bytes:,} bytes of weights, shared ones counted once"
    yield from _wrapped("  peak at        ", _peak(plan), width)
    yield from _wrapped("  order          ", _order(plan), width)
    yield from _wrapped("  total          ", f"{own.macs:,} multiply-adds, {weights}", width)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * len(head))


def _peaks(plan: Plan) -> tuple[tuple[str, int, str], ...]:
    """The peak under each convention, and what the convention is."""
    own, options = plan.profile, plan.options
    lives = _lives(plan)
    way = "row by row" if plan.streamed else f"layer by layer, --overlap {options.overlap}"
    how = f"{way}, --place {options.place}, {placement_verdict(plan)}"
    return (
        ("no reuse", own.no_reuse_bytes, "every storage has bytes of its own"),
        ("ping-pong", own.ping_pong_bytes, "an operator's inputs and output, nothing else"),
        ("layer by layer", own.layerwise_bytes, "whole storages, first write to last read"),
        (
            "lower bound",
            own.lower_bound_bytes,
            f"{lives} in use at one step, wherever placed",
        ),
        ("arena planned", plan.arena_bytes, f"{plan.arena_bytes:,} bytes; {how}"),
    )


def _lives(plan: Plan) -> str:
    """What may make way at a time."""
    if plan.options.tile:
        pixels, channels = plan.options.tile
        return f"tiles of {pixels} x {channels}, each read before it is written"
    if plan.streamed:
        return "rows of operators that take turns"
    return _LIVES[plan.options.overlap]


def _ram(plan: Plan) -> str:
    """What lives in RAM: the stack is measured when C is emitted."""
    buffer = f" (with a buffer of {plan.scratch_bytes} bytes)" if plan.scratch_bytes else ""
    return f"{plan.arena_bytes:,} bytes of arena, and stack and state, which fit measures{buffer}"


def _both(plan: Plan) -> str:
    """Activations and weights together, before and after."""
    weights = plan.profile.weight_bytes
    before, after = plan.profile.layerwise_bytes + weights, plan.arena_bytes + weights
    change = show_change(before, after)
    return f"{before:,} -> {after:,} bytes of activations and weights ({change})"


def _peak(plan: Plan) -> str:
    """Which operator sets the layer-by-layer peak, and how many reach it too."""
    peak = plan.profile.peak
    others = sum(cost.live_bytes == peak.live_bytes for cost in plan.profile.costs) - 1
    more = f"; {others} more reach{'es' if others == 1 else ''} it" if others else ""
    name, most = for_terminal(peak.name, 40), kib(peak.live_bytes)
    return f"{name} ({peak.type}), {most} KiB layer by layer{more}"


def _order(plan: Plan) -> str:
    """Whether another order of the operators could need less, layer by layer."""
    if plan.schedule.proven:
        return "proven: none has a smaller peak layer by layer"
    return f"not proven: none has a peak below {kib(plan.schedule.bound)} KiB layer by layer"
