"""Weights stored in what the code leaves of the flash, to run in the fewest multiply-adds that meet
the RAM.

    compress to a part of the flash -> plan -> weigh the code -> compress to what that leaves

No course depends on the budget, which only chooses: so what one fit printed, another may ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import onnx

from lowtide.clock import Progress
from lowtide.errors import BudgetError
from lowtide.pipeline.look_ahead import flash_of, more_flash, spare_of
from lowtide.pipeline.ram import Planning, Sized, too_large
from lowtide.pipeline.suggest import Asked, missed
from lowtide.planner.filter_blocks import heeds_budget
from lowtide.planner.options import Options
from lowtide.sizes import show_both
from lowtide.weights.account import Form
from lowtide.weights.candidates import Family
from lowtide.weights.compress import Search
from lowtide.weights.compressed import Compressed

FILE = "compressed.onnx"
"""What the program was made of, beside it."""

_CODE = 8192
"""Bytes of the flash that are left for code at first; then it is known what it takes."""

_ROUNDS = 4
_FORMS: tuple[Form, ...] = ("factored", "materialised")


@dataclass(frozen=True, eq=False)
class Stored:
    """A network stored small, its program, and the budget with which `fit` makes that again."""

    compressed: Compressed
    planning: Planning
    sized: Sized
    budget: int | None


@dataclass(frozen=True, eq=False)
class Storing:
    """Looks for the most bytes of weights that leave room for the code.

    `prepared` takes in the network for some families, `planned` plans one that was stored.
    """

    name: str
    limit: int
    budget: int | None
    options: Options
    families: tuple[Family, ...]
    prepared: Callable[[tuple[Family, ...]], Search]
    planned: Callable[[onnx.ModelProto], Planning]
    progress: Progress

    def run(self) -> Stored:
        """Of the first course in which something fits, what is nearest to the network."""
        seen: list[Stored] = []
        for course in self._courses():
            found = list(course)
            met = [one for one in found if self._fits(one)]
            if met:
                return min(met, key=lambda one: one.compressed.loss)
            seen += found
        raise self._missed(seen)

    def _courses(self) -> Iterator[Iterator[Stored]]:
        """Each form in which layers may run; at last plain numbers alone, which take less RAM."""
        search = self.prepared(self.families)
        yield from self._forms(search)
        if "plain" in self.families and len(self.families) > 1:
            self.progress("factors take too much: plain numbers alone")
            try:
                search = self.prepared(("plain",))
            except BudgetError:
                return
            yield from self._forms(search)

    def _forms(self, search: Search) -> Iterator[Iterator[Stored]]:
        within = cache(lambda limit: search.within(limit, None, self.progress))
        for number in range(1 + len(_FORMS)):
            yield self._course(search.least_bytes, within, number)

    def _course(
        self, least: int, within: Callable[[int], Compressed], number: int
    ) -> Iterator[Stored]:
        # without a compiler there is no code to leave room for
        spare, fitted = min(_CODE, self.limit // 4), False
        for _ in range(_ROUNDS):
            ways = list(_ways(within(max(self.limit - spare, least))))
            if number >= len(ways):
                return
            compressed = ways[number]
            compressed.model.graph.name = FILE
            planning = self.planned(compressed.model)
            if self.budget is not None and heeds_budget(planning.graph, self.options):
                met = planning.within(self.options, self.budget)
                yield Stored(compressed, planning, met, self.budget)
            sized = planning.plan(self.options)
            yield Stored(compressed, planning, sized, None)
            used = sized.flash_bytes
            # The rest is code, and constants that are too small to pack.
            spare, before = used - compressed.bytes, spare
            fits, near = used <= self.limit, self.limit - used <= self.limit // 50
            if (fits and near) or (fitted and not fits) or spare == before:
                return
            fitted = fitted or fits

    def _fits(self, one: Stored) -> bool:
        meets = self.budget is None or one.sized.ram_bytes <= self.budget
        return meets and one.sized.flash_bytes <= self.limit

    def _missed(self, seen: list[Stored]) -> BudgetError:
        """What is missing, and what would do: as it was seen, or in plain numbers in other ways."""
        small = [one for one in seen if one.sized.flash_bytes <= self.limit]
        last, plain = (small or seen)[-1], "plain" in self.families
        network = last.compressed.network
        if not small or self.budget is None:
            used = min(one.sized.flash_bytes for one in seen)
            taken, given = show_both(used, self.limit)
            told = more_flash(network, self.options, self.budget, self.limit, last.sized)
            return BudgetError(
                f"{self.name}: weights and code take {taken}; {given} of flash were asked for",
                {"flash_bytes": used},
                told if plain else (),
            )
        best = min(small, key=lambda one: one.sized.ram_bytes)
        if not plain:
            ram, asked = best.sized.ram_bytes, Asked(self.name, self.options, self.budget)
            told = [asked.suggestion(self.options, best.sized, ram, ram)]
            return too_large(best.sized, self.budget, told)
        return missed(
            last.planning, self.options, self.budget, best.sized, self.name,
            spare=spare_of(last.sized), flash=flash_of(network, self.limit), settled=True,
        )  # fmt: skip


def _ways(compressed: Compressed) -> Iterator[Compressed]:
    """The forms in which the layers may run, the fewest multiply-adds first."""
    yield compressed
    seen = {tuple(row.form for row in compressed.rows)}
    for way in sorted(map(compressed.executed, _FORMS), key=lambda one: one.macs):
        forms = tuple(row.form for row in way.rows)
        if forms not in seen:
            seen.add(forms)
            yield way
