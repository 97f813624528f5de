"""Recipes: the options under which a network is planned to see what each costs."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

from lowtide.planner.options import OVERLAPS, Options
from lowtide.sizes import no_share

OVERHEADS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
"""Shares of extra multiply-adds that are tried, as far as they are allowed."""


def recipes(asked: Options, max_overhead: float) -> tuple[Options, ...]:
    """What is tried, from cheap to dear to plan; each keeps `asked`'s alignment and element size.

    layer by layer at each overlap | streamed | balanced, latency | with 1 %, 2 %, .. extra
    multiply-adds

    Where the image may be handed in row by row it may lie in the arena as well, so both are tried.
    Raises UsageError for a `max_overhead` that is no share.
    """
    if not (isfinite(max_overhead) and max_overhead >= 0):
        raise no_share("--max-overhead", max_overhead)
    held = replace(asked, schedule="layerwise", image="resident", max_overhead=0.0)
    whole = [replace(held, overlap=overlap) for overlap in OVERLAPS if overlap != "pixel"]
    plain = replace(asked, schedule="stream", max_overhead=0.0)
    streamed = [replace(plain, image="resident"), plain]
    fast = [replace(plain, objective=objective) for objective in ("balanced", "latency")]
    more = sorted({share for share in OVERHEADS if share < max_overhead} | {max_overhead} - {0.0})
    dear = [replace(plain, max_overhead=share) for share in more]
    return tuple(dict.fromkeys([*whole, *streamed, *fast, *dear]))


def recipe_name(options: Options) -> str:
    """A recipe in words: streamed, image resident, up to 5 % extra."""
    if options.schedule == "layerwise":
        return f"layer by layer, overlap {options.overlap}"
    aim = "" if options.objective == "memory" else f", {options.objective}"
    extra = f", up to {100 * options.max_overhead:g} % extra" if options.max_overhead else ""
    return f"streamed, image {options.image}{aim}{extra}"
