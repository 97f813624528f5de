"""What is known so far of a network that is explored, and its folder, if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from lowtide.clock import Clock, Progress
from lowtide.errors import UsageError
from lowtide.explorer.chips import Asked, found_before
from lowtide.explorer.explored import Explored
from lowtide.explorer.front import Point, distinct
from lowtide.explorer.front_page import front_page
from lowtide.explorer.front_svg import front_svg
from lowtide.explorer.journal import Journal, check_journal
from lowtide.files import check_folder, put
from lowtide.ir.graph import Graph, Shape
from lowtide.pipeline.read import Model, read
from lowtide.planner.options import Options, Source

Network = tuple[Source, Graph]

_DRAWN = ("front.svg", "front.html")
_EVERY = 2.0
"""Seconds from one drawing to the next: of thousands of points each takes a while."""


def files_of(models: Sequence[Model]) -> list[Path]:
    """The files that are read: they are never replaced."""
    return [Path(model) for model in models if isinstance(model, str | Path)]


def check_folder_of(folder: Path | None, given: Sequence[Path]) -> None:
    """Raises UsageError for a folder that cannot hold a network's points."""
    if folder is not None:
        check_journal(folder)
        check_folder(folder, _DRAWN, given, "explore", mixed=True)


@dataclass
class Kept:
    """A network, and which of the recipes `tried` are `done`, each with its point."""

    network: Network
    start: Explored
    tried: Sequence[Options]
    journal: Journal | None
    given: Sequence[Path]
    done: dict[Options, Point] = field(default_factory=dict)
    drawn: float = field(default_factory=monotonic)

    @classmethod
    def of(
        cls,
        model: Model,
        tried: Sequence[Options],
        folder: Path | None,
        given: Sequence[Path],
        shapes: Mapping[str, Shape],
        max_elements: int,
        progress: Progress,
    ) -> Kept:
        """A network that is read, of which nothing is done."""
        source, graph = read(model, Clock(progress), shapes, max_elements)
        word = str(model) if isinstance(model, str | Path) else source.file
        journal = None if folder is None else Journal(folder, source, shapes)
        return cls((source, graph), Explored(source, word, 0, (), shapes), tried, journal, given)

    def resume(self, code: bool, chips: Asked = ()) -> None:
        """Takes what an earlier run has found, where it says all that is asked for."""
        found = {} if self.journal is None else self.journal.read()
        for recipe in self.tried:
            one = found.get(recipe)
            if one is not None and (not code or one.code_bytes is not None):
                held = found_before(one.chips, recipe, chips)
                if held is not None:
                    self.done[recipe] = replace(one, chips=held)

    @property
    def left(self) -> list[Options]:
        """The recipes that are not done."""
        return [recipe for recipe in self.tried if recipe not in self.done]

    @property
    def explored(self) -> Explored:
        """What is known so far; of recipes that cost the same the first is shown."""
        points = [self.done[recipe] for recipe in self.tried if recipe in self.done]
        return replace(self.start, tried=len(points), points=distinct(points))

    def add(self, one: Point) -> None:
        """Keeps a point: it is on disk when this returns."""
        self.done[one.options] = one
        if self.journal is not None:
            self.journal.append(one)
            if monotonic() > self.drawn + _EVERY:
                self.draw(f"{len(self.done)} of {len(self.tried)} recipes so far")
                self.drawn = monotonic()

    def stop(self) -> None:
        """Draws what there is."""
        if self.done:
            with suppress(UsageError):  # the folder is at fault, and the error says so
                self.draw(f"stopped after {len(self.done)} of {len(self.tried)} recipes")

    def draw(self, state: str) -> None:
        """The picture and the page, anew."""
        if self.journal is None:
            return
        found = self.explored
        file, points = found.source.file, found.points
        page = front_page(file, state[0].upper() + state[1:], points, found.command)
        drawn = {"front.svg": front_svg(file, found.tried, points), "front.html": page}
        files = {name: text.encode() for name, text in drawn.items()}
        put(self.journal.folder, files, self.given, "explore")
