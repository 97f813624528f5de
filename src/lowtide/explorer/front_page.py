"""front.html: the points to be looked into, with the front, figures and commands of each.

The page's own HTML, CSS and JavaScript are the report's (`report/html/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lowtide.explorer.chips import not_measured
from lowtide.explorer.front import Point, compared, front, unmeasured
from lowtide.explorer.recipes import recipe_name
from lowtide.planner.options import Options
from lowtide.quoting import for_terminal
from lowtide.report.assemble import page_of

if TYPE_CHECKING:
    from lowtide.explorer.explored import Explored

_MAPS = 500
"""Of more points only the front's have their maps: each takes some KiB."""


def front_page(
    file: str, state: str, points: Sequence[Point], command: Callable[[Point], str]
) -> str:
    """The page of an exploration of `file`; `state` says how far it is."""
    best = len(front(points))
    said = f"{state}; {best} of {len(points)} different points are on the front."
    title, differ = for_terminal(file, 200), _options(points)
    given = _points(points, differ, command)
    return _page(f"{file} explored", title, said, differ, given, points)


def fronts_page(state: str, found: Sequence[Explored]) -> str:
    """The page of several networks: a filter says whose front is looked at."""
    every = [point for one in found for point in one.points]
    names = [for_terminal(one.source.file, 200) for one in found]
    differ = _options(every)
    points = [
        {**point, "options": {"network": name, **point["options"]}}
        for name, one in zip(names, found, strict=True)
        for point in _points(one.points, differ, one.command, len(every))
    ]
    said = f"{state}; each network has a front of its own."
    options = {"network": list(dict.fromkeys(names)), **differ}
    return _page("Networks explored", ", ".join(names), said, options, points, every)


def _page(
    title: str,
    network: str,
    state: str,
    options: Mapping[str, list[str]],
    given: list[Any],
    points: Sequence[Point],
) -> str:
    chips = points[0].chips if points else ()
    data = {
        "network": f"{network}: memory against what it costs",
        "state": state,
        "compared": compared(points),
        "unmeasured": " ".join(filter(None, (unmeasured(points), *not_measured(chips)))),
        "options": options,
        "chips": [one.chip.name for one in chips],
        "points": given,
    }
    return page_of("front", ("scale.js", "chart.js"), title, data)


def _points(
    points: Sequence[Point],
    differ: Iterable[str],
    command: Callable[[Point], str],
    on_page: int = 0,
) -> list[dict[str, Any]]:
    """A network's points; its front's have numbers."""
    number = {one: k for k, one in enumerate(front(points), 1)}
    few = max(on_page, len(points)) <= _MAPS
    return [
        {
            "name": recipe_name(one.options),
            "arena": one.arena_bytes,
            "ram": one.ram_bytes,
            "macs": one.macs,
            "overhead": one.mac_overhead,
            "traffic": one.weight_traffic_bytes,
            "code": one.code_bytes,
            "seconds": one.seconds,
            "front": number.get(one, 0),
            "chips": [[chip.fits, chip.short, str(chip)] for chip in one.chips],
            "options": {name: _said(one.options, name) for name in differ},
            "map": one.map if few or one in number else "",
            "command": command(one),
        }
        for one in points
    ]


def _options(points: Sequence[Point]) -> dict[str, list[str]]:
    """The options that differ, each with the values that it takes, in the order of the points."""
    found = {
        field.name: list(dict.fromkeys(_said(one.options, field.name) for one in points))
        for field in fields(Options)
    }
    return {name: values for name, values in found.items() if len(values) > 1}


def _said(options: Options, name: str) -> str:
    value = getattr(options, name)
    return "-" if value is None else for_terminal(str(value))
