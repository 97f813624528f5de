"""Plans with stretches of operators made in parts: routes are looked for, and their rows placed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from lowtide.clock import Clock
from lowtide.ir.graph import Graph
from lowtide.layout.lay_out import Layout
from lowtide.planner.options import Options
from lowtide.planner.routes import Route
from lowtide.planner.steps import grown
from lowtide.planner.streamed import Segmented, Streamed, cut_at, live_in_parts, plan_streamed
from lowtide.planner.stretches import StretchSearch
from lowtide.rewrites.stretch import Stretch, put_in_place
from lowtide.rows.task import Task, make_tasks

PLACED = 3
"""Of the routes that need least so many are placed."""

LOWERED = 6
"""How often the limit is lowered when rows find no place within a budget."""


@dataclass(frozen=True, eq=False)
class Parting:
    """Searches plans in which stretches of operators are made in parts.

    `graph` has its operators in the order of the tasks of `without`, which is the best way to cut
    it without parts. At most `most_macs` multiply-adds may be done twice.
    """

    graph: Graph
    without: Segmented
    most_macs: int
    options: Options
    laid_out: Callable[[Graph], Layout]
    clock: Clock

    def within(self, budget: int) -> Iterator[Streamed]:
        """Yields plans that aim at a budget in bytes, least work first, until one meets it."""
        search, limit = self._search(), budget
        for _ in range(LOWERED):
            with self.clock("looking for parts"):
                route = search.route(limit)
            if route is None:
                return
            segmented = self._segmented(route)
            placed = self._placed(segmented, self.options)
            yield grown(segmented, placed, self.options, self.clock)
            if placed.placement.arena_bytes <= budget:
                return
            limit = min(limit - 1, route.peak - (placed.placement.arena_bytes - budget))

    def least(self) -> Iterator[Streamed]:
        """Yields the plan of least memory, if there is one that needs less than without parts."""
        with self.clock("looking for parts"):
            routes = list(self._search().routes(self.without.live_bytes))[-PLACED:]
        cheap = replace(self.options, place="greedy")
        found = [self._segmented(route) for route in routes]
        placed = [(self._placed(one, cheap), k) for k, one in enumerate(found)]
        if placed:
            best, k = min(placed, key=lambda one: (one[0].placement.arena_bytes, one[1]))
            exact = self.options.place == "exact" and not best.placement.proven
            best = self._placed(found[k], self.options) if exact else best
            yield grown(found[k], best, self.options, self.clock)

    def _search(self) -> StretchSearch:
        crops = self.options.image == "streamed"
        return StretchSearch(
            self.graph,
            self.without.graph,
            self.most_macs,
            crops,
            self._measured,
            self.clock.progress,
        )

    def _measured(
        self, graph: Graph, stretch: Stretch, elsewhere: Collection[str]
    ) -> tuple[int, int]:
        streamed = set(stretch.crops) or (
            self.options.image == "streamed" and set(graph.inputs) <= set(self.graph.inputs)
        )
        taken = set(graph.outputs) <= set(self.graph.outputs)
        options = replace(
            self.options,
            image="streamed" if streamed else "resident",
            result=self.options.result if taken else "resident",
        )
        return live_in_parts(*self._laid_out(graph), options, stretch.parts, elsewhere)

    def _laid_out(self, graph: Graph) -> tuple[Layout, tuple[Task, ...]]:
        layout = self.laid_out(graph)
        return layout, make_tasks(layout, self.without.graph.tasks)

    def _segmented(self, route: Route) -> Segmented:
        with self.clock("cutting into segments"):
            layout, tasks = self._laid_out(put_in_place(self.graph, route.stretches))
            numbers = route.segments(self.graph, self.without.graph)
            return cut_at(layout, tasks, self.options, numbers)

    def _placed(self, found: Segmented, options: Options) -> Streamed:
        return plan_streamed(found, options, self.clock)
