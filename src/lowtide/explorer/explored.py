"""What was explored of a network, and of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lowtide.explorer.front import Point, front
from lowtide.explorer.front_svg import front_svg
from lowtide.explorer.front_text import code as code_words
from lowtide.explorer.front_text import front_text, percent
from lowtide.explorer.recipes import recipe_name
from lowtide.ir.graph import Shape
from lowtide.pipeline.command import fit_command
from lowtide.pipeline.markup import picture, section, table
from lowtide.planner.options import Source
from lowtide.quoting import for_terminal
from lowtide.sizes import show_bytes
from lowtide.version import __version__


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
        chips = self.points[0].chips if self.points else ()
        rows = (
            (
                recipe_name(one.options), show_bytes(one.arena_bytes), percent(one),
                show_bytes(one.weight_traffic_bytes), code_words(one),
                *(chip.short for chip in one.chips),
            )
            for one in self.front
        )  # fmt: skip
        names = (one.chip.name for one in chips)
        head = ("front", "arena", "extra work", "weights read", "code", *names)
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


class Explorations(tuple[Explored, ...]):
    """Several networks' points: each has a front of its own, as no plan of one beats another's.

    Printed it is what the command says of each, in a notebook a picture of each.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "\n\n".join(map(str, self))

    def __repr__(self) -> str:
        return f"<Explorations of {', '.join(for_terminal(one.source.file) for one in self)}>"

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self)

    def facts(self) -> dict[str, Any]:
        """Everything `explore --json` prints of several: what it prints of one, for each."""
        return {"lowtide": __version__, "networks": [one.facts() for one in self]}
