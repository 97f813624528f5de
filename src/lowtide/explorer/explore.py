"""explore(): many recipes for one network, each planned and checked; stopped and resumed at will.

    recipes -> make_plan -> Point -> points.jsonl, front.svg, front.html

A point is in the folder as soon as it is known; the next run goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from lowtide.backends import emit
from lowtide.check.code_size import Footprint, footprint
from lowtide.check.judge import judge_placement
from lowtide.check.meter import find_meter
from lowtide.clock import Clock, Part, Progress, quiet
from lowtide.errors import UsageError
from lowtide.explorer.cluster import on_cluster
from lowtide.explorer.front import Point, distinct, front
from lowtide.explorer.front_page import front_page
from lowtide.explorer.front_svg import front_svg
from lowtide.explorer.front_text import code as code_words
from lowtide.explorer.front_text import front_text, percent
from lowtide.explorer.journal import Journal, check_journal
from lowtide.explorer.recipes import recipe_name
from lowtide.files import check_folder, put
from lowtide.ir.graph import Graph, Shape
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.markup import picture, section, table
from lowtide.pipeline.read import Model, read
from lowtide.planner.make_plan import make_plan
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options, Source
from lowtide.planner.plan import Plan
from lowtide.planner.weight_traffic import weight_traffic
from lowtide.quoting import for_terminal
from lowtide.report.small_map import small_map
from lowtide.room import MAX_ELEMENTS
from lowtide.sizes import show_bytes
from lowtide.version import __version__

_DRAWN = ("front.svg", "front.html")
_EVERY = 2.0
"""Seconds from one drawing to the next: of thousands of points each takes a while."""


@dataclass(frozen=True, repr=False)
class Explored:
    """A network's points so far: `tried` recipes gave `points`, which all differ.

    `front` has those that no other beats, `command(point)` what makes one. Printed it is what the
    command says, in a notebook the front as a picture. `model` is the network as it was named,
    `shapes` are those that it was given: for commands.
    """

    source: Source
    model: str
    tried: int
    points: tuple[Point, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)

    def command(self, one: Point) -> str:
        """The command that makes a point."""
        return fit_command(self.model, one.options, shapes=self.shapes)

    @property
    def front(self) -> tuple[Point, ...]:
        """The points that no other beats, least extra work first."""
        return front(self.points)

    def __str__(self) -> str:
        return front_text(self)

    def __repr__(self) -> str:
        sizes = [one.arena_bytes for one in self.points] or [0]
        arena = f"{show_bytes(min(sizes))} to {show_bytes(max(sizes))} of arena"
        counts = f"{len(self.points)} points, {len(self.front)} on the front"
        return f"<Explored {for_terminal(self.source.file)}: {counts}, {arena}>"

    def _repr_html_(self) -> str:
        rows = (
            (
                recipe_name(one.options), show_bytes(one.arena_bytes), percent(one),
                show_bytes(one.weight_traffic_bytes), code_words(one),
            )
            for one in self.front
        )  # fmt: skip
        head = ("front", "arena", "extra work", "weights read", "code")
        drawn = front_svg(self.source.file, self.tried, self.points)
        return section(f"{self.source.file}: the front", picture(drawn), table(rows, head))

    def facts(self) -> dict[str, Any]:
        """Everything `explore --json` prints."""
        best = self.front
        return {
            "lowtide": __version__,
            "file": self.source.file,
            "sha256": self.source.sha256,
            "recipes": self.tried,
            "points": [
                {
                    **one.facts(),
                    "front": one in best,
                    "command": self.command(one),
                }
                for one in self.points
            ],
        }


def explore(
    model: Model,
    tried: Sequence[Options],
    *,
    folder: Path | None = None,
    code: bool = False,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
    cluster: str | None = None,
    progress: Progress = quiet,
) -> Explored:
    """Plans a network by each recipe; with `folder`, what is found there is not planned again.

    Each point is written to `folder` as soon as it is known, and the picture and the page are drawn
    anew every few seconds, and at the end, also where it is stopped. `code`
    measures the emitted program as well; `shapes` and `max_elements` as for `fit`. `cluster` is the
    address of a Dask scheduler whose workers plan; without it that is done here. Raises
    ModelError, CheckError for a plan that does not hold, and UsageError for a folder that is not
    an exploration's of this network.
    """
    given = [Path(model)] if isinstance(model, str | Path) else []
    _check(tried, code, folder, given)
    source, graph = read(model, Clock(progress), shapes, max_elements)
    start = Explored(source, _named(model, source), 0, (), shapes or {})
    journal = None if folder is None else Journal(folder, source, start.shapes)
    found = {} if journal is None else journal.read()
    done = {recipe: one for recipe in tried if (one := found.get(recipe)) and _enough(one, code)}
    if done:
        progress(f"{len(done)} of {len(tried)} found before")
    drawn = monotonic()
    try:
        work = partial(_measure, code=code)
        for one in _made(work, (source, graph), tried, done, cluster, progress):
            done[one.options] = one
            if journal is not None:
                journal.append(one)
                if monotonic() > drawn + _EVERY:
                    so_far = f"{len(done)} of {len(tried)} recipes so far"
                    _draw(journal.folder, _explored(start, tried, done), given, so_far)
                    drawn = monotonic()
    except BaseException as error:
        if journal is not None and done:
            stopped = f"stopped after {len(done)} of {len(tried)} recipes"
            error.add_note(
                f"{stopped}, kept in {journal.path}; the same command goes on from there"
            )
            with suppress(UsageError):  # the folder is at fault, and the error says so
                _draw(journal.folder, _explored(start, tried, done), given, stopped)
        raise
    explored = _explored(start, tried, done)
    if journal is not None:
        _draw(journal.folder, explored, given, f"{len(done)} recipes")
    return explored


def _check(
    tried: Sequence[Options], code: bool, folder: Path | None, given: Sequence[Path]
) -> None:
    """Raises UsageError for what cannot be done, before any work is."""
    for recipe in tried:
        if recipe.element_bytes is not None and code:
            raise UsageError("--code measures the C, which is float32: leave out --element-bytes")
        if recipe.cc is not None and not code:
            raise UsageError("--cc measures the C and needs --code")
        absent = find_meter(recipe).absent if code else ""
        if absent:
            raise UsageError(f"--code needs a C compiler: {absent}")
    if folder is not None:
        check_journal(folder)
        check_folder(folder, _DRAWN, given, "explore", mixed=True)


def _enough(one: Point, code: bool) -> bool:
    """Whether a point that was found before says all that is asked for."""
    return not code or one.code_bytes is not None


Network = tuple[Source, Graph]


def _made(
    work: Callable[[Network, Options], Point],
    network: Network,
    tried: Sequence[Options],
    done: Mapping[Options, Point],
    cluster: str | None,
    progress: Progress,
) -> Iterator[Point]:
    """What each recipe that is not done gives, here one after the other."""
    if cluster is not None:
        left = [recipe for recipe in tried if recipe not in done]
        points = on_cluster(cluster, work, network, left) if left else iter(())
        for k, one in enumerate(points, len(tried) - len(left) + 1):
            progress(Part("plan", k, len(tried), f": {recipe_name(one.options)}"))
            yield one
        return
    for k, recipe in enumerate(tried, 1):
        if recipe not in done:
            progress(Part("plan", k, len(tried), f": {recipe_name(recipe)}"))
            yield work(network, recipe)


def _measure(network: Network, recipe: Options, code: bool) -> Point:
    """Plans by a recipe, checks the placement, and measures."""
    source, graph = network
    clock = Clock(quiet)
    plan = make_plan(source, graph, recipe, clock)
    judge_placement(memory_map(plan))
    own = _footprint(plan) if code else Footprint()
    beside, size = own.ram_bytes, own.code_bytes
    return Point(
        recipe,
        plan.arena_bytes,
        sum(task.nest.macs for task in plan.tasks),
        plan.mac_overhead,
        weight_traffic(plan),
        size,
        round(sum(clock.seconds.values()), 3),
        None if beside is None else plan.arena_bytes + beside,
        small_map(plan),
    )


def _footprint(plan: Plan) -> Footprint:
    """What the emitted program takes beside arena and weights."""
    weights, name = plan.profile.weight_bytes, plan.options.name
    own = footprint(emit(plan), find_meter(plan.options), plan.arena_bytes, weights, name)
    if own.code_bytes is None:
        raise UsageError(f"--code: {own.unknown}")
    return own


def _named(model: Model, source: Source) -> str:
    return str(model) if isinstance(model, str | Path) else source.file


def _explored(start: Explored, tried: Sequence[Options], done: dict[Options, Point]) -> Explored:
    """What is known so far; of recipes that cost the same the first is shown."""
    points = [done[recipe] for recipe in tried if recipe in done]
    return replace(start, tried=len(points), points=distinct(points))


def _draw(folder: Path, explored: Explored, given: Sequence[Path], state: str) -> None:
    file, points = explored.source.file, explored.points
    page = front_page(file, state[0].upper() + state[1:], points, explored.command)
    drawn = {"front.svg": front_svg(file, explored.tried, points), "front.html": page}
    put(folder, {name: text.encode() for name, text in drawn.items()}, given, "explore")
