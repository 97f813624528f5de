"""report.html: the memory map over time, to be looked into, and the operators beside it.

One file that needs nothing else: the page's own HTML, CSS and JavaScript (`html/`), and the plan as
JSON in it. Lifetimes stay runs of cells, as in plan.json, so that the file is small and the page
draws what is seen of them only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from lowtide.ops import ENTRIES
from lowtide.planner.costs import label, weights_of
from lowtide.planner.memory_map import life_runs
from lowtide.planner.plan import Plan
from lowtide.planner.together import Kept
from lowtide.quoting import for_markup, for_terminal
from lowtide.report.advice import advice
from lowtide.report.assemble import filled, for_script, page_of
from lowtide.report.colours import storage_colours
from lowtide.report.peaks import kinds, made_by, names, owners, peak_words, read_by
from lowtide.report.short_names import short_names
from lowtide.report.sides import Side

_TABLE = 22
"""Characters of a name in the table."""

_SCRIPTS = ("timeline.js", "storages.js", "map.js", "table.js")


def report_html(plan: Plan, sides: tuple[Side, Side]) -> str:
    """The page of a plan; `with_figures` writes its head, once they are known."""
    before, after = sides
    both = {"This plan": after, "Layer by layer": before}
    return sides_html(plan.source.named, both, advice=advice(plan).words)


def sides_html(
    named: str, sides: Mapping[str, Side], kept: Sequence[Kept] = (), advice: str = ""
) -> str:
    """The page of several sides, each with its button; what is `kept` lies in all of them.

    `advice` is on the peak of the first.
    """
    colours = storage_colours({n: life for one in sides.values() for n, life in one.lives.items()})
    data = {
        "network": for_terminal(named, 200),
        "sides": [{"button": name, **_side(one, colours)} for name, one in sides.items()],
        "advice": advice,
        "kept": _kept(kept),
        "types": _types(sides.values()),
    }
    return page_of("fit", _SCRIPTS, f"{named} in memory", data)


def with_measured(page: str, measured: Mapping[str, Any]) -> str:
    """The page of a plan with what was measured of its operators.

    `head` stands above the column, `each` in it (None: of the caller), in `unit` (seconds, or
    none), and `words` say what measured it.
    """
    return filled(page, "measured", for_script(measured))


def _kept(kept: Sequence[Kept]) -> list[dict[str, Any]]:
    """Bytes that are kept, once each, by all the names that they have."""
    names = dict[tuple[int, int], list[str]]()
    for one in kept:
        names.setdefault((one.offset, one.bytes), []).append(f"{one.network}:{one.port}")
    return [
        {"name": for_terminal(" = ".join(dict.fromkeys(named))), "from": at, "bytes": size}
        for (at, size), named in names.items()
    ]


def with_figures(page: str, figures: Iterable[tuple[str, str]]) -> str:
    """The page with `figures` (words and value) at its head."""
    lines = (
        f"<div><dt>{for_markup(name)}</dt><dd>{for_markup(value, 400)}</dd></div>"
        for name, value in figures
    )
    return filled(page, "figures", "".join(lines))


def _side(side: Side, colours: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    number = {name: k for k, name in enumerate(side.lives)}
    named, kind, shapes = names(side), kinds(side), _shapes(side)
    brief = _brief([(t.output, named[t.output]) for t in side.tasks])
    known = owners(side, named)
    return {
        "head": side.head,
        "note": side.note,
        "peak": peak_words(side),
        "arena": side.arena_bytes,
        "storages": [
            {
                "name": for_terminal(name),
                "owner": known[name],
                "kind": kind[name],
                "type": side.layout.storages[name].dtype.name,
                "shape": shapes.get(name, []),
                "colour": colours[name],
                "cell": life.cell_bytes,
                "rows": _straight(side.addresses[name], life.bytes),
                "live": life_runs(life),
            }
            for name, life in side.lives.items()
        ],
        "operators": [
            {
                "name": named[task.output],
                "brief": brief[task.output],
                "full": for_terminal(task.operator.name, 200),
                "type": label(task),
                "shape": list(side.layout.graph.shape(task.output)),
                "rows": task.rows,
                "macs": task.nest.macs,
                "weights": weights_of(task, side.layout),
                "reads": sorted(number[name] for name in read_by(side, task)),
                "makes": number[made_by(side, task)],
            }
            for task in side.tasks
        ],
        "runs": [
            [r.task, r.first, r.rows, r.ticks, int(r.backward), r.together]
            for r in side.schedule.runs
        ],
    }


def _brief(named: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Names as long as the table has room for, cut where they are alike."""
    short = short_names([name for _, name in named], _TABLE)
    return {output: one for (output, _), one in zip(named, short, strict=True)}


def _types(sides: Iterable[Side]) -> dict[str, str]:
    """What each type of operator computes, in its entry's words."""
    labels = sorted({label(task) for side in sides for task in side.tasks if not task.port})
    parts = dict.fromkeys(part for one in labels for part in one.split("+"))
    return {part: ENTRIES[part].says for part in parts}


def _straight(rows: np.typing.NDArray[np.int64], size: int) -> list[int]:
    """The first byte of each row; of rows one after the other that of the first alone."""
    straight = len(rows) == 1 or bool((np.diff(rows) * len(rows) == size).all())
    return [int(rows[0])] if straight else [int(one) for one in rows]


def _shapes(side: Side) -> dict[str, list[int]]:
    """Of each storage that of the largest tensor in it."""
    found: dict[str, list[int]] = {}
    for tensor, place in side.layout.places.items():
        shape = list(side.layout.graph.shape(tensor))
        if prod(shape) > prod(found.get(place.storage, (0,))):
            found[place.storage] = shape
    return found
