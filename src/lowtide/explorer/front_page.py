"""front.html: the points to be looked into, with the front, figures and commands of each.

The page's own HTML, CSS and JavaScript are the report's (`report/html/`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

from lowtide.explorer.front import Point, front
from lowtide.explorer.recipes import recipe_name
from lowtide.planner.options import Options
from lowtide.quoting import for_terminal
from lowtide.report.assemble import page_of

_MAPS = 500
"""Of more points only the front's have their maps: each takes some KiB."""


def front_page(
    file: str, state: str, points: Sequence[Point], command: Callable[[Point], str]
) -> str:
    """The page of an exploration of `file`; `state` says how far it is."""
    best, differ = front(points), _options(points)
    number = {one: k for k, one in enumerate(best, 1)}
    data = {
        "network": f"{for_terminal(file, 200)}: memory against what it costs",
        "state": f"{state}; {len(best)} of {len(points)} different points are on the front.",
        "options": differ,
        "points": [
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
                "options": {name: _said(one.options, name) for name in differ},
                "map": one.map if one in number or len(points) <= _MAPS else "",
                "command": command(one),
            }
            for one in points
        ],
    }
    return page_of("front", ("scale.js", "chart.js"), f"{file} explored", data)


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
