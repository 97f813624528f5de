"""What is known of a fit with --flash before the weights are compressed, which takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from lowtide.errors import BudgetError, Suggestion
from lowtide.pipeline.ram import Planning, Sized, too_large
from lowtide.pipeline.suggest import Asked, Flash, missed
from lowtide.planner.filter_blocks import heeds_budget
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from lowtide.sizes import show_bytes
from lowtide.weights.candidates import Family
from lowtide.weights.compress import least_bytes
from lowtide.weights.network import Network
from lowtide.weights.stand_in import in_bits, in_fewest

SPARE = 256
"""Bytes of stack or code by which programs differ whose layers have other numbers of bits."""

_SHARE = 64
"""Their arenas differ by less than this part: other kernels, other steps."""

_CLEAR = 4096
"""A network that has so much room as it is has enough when it is stored in plain numbers."""

_QUICK = Options("layerwise", "given", "none", "greedy")
_BITS = 4


@dataclass(frozen=True, eq=False)
class _StandIn:
    """A network as it may be stored: `plain` numbers, or factors."""

    plain: bool
    planning: Planning
    sized: Sized

    @property
    def code_bytes(self) -> int:
        return self.sized.flash_bytes - self.sized.plan.profile.weight_bytes


@dataclass(frozen=True, eq=False)
class Ahead:
    """What is asked for, and what the network takes as it is."""

    network: Network
    families: tuple[Family, ...]
    options: Options
    budget: int | None
    flash: int
    dense: Sized
    planned: Callable[[onnx.ModelProto], Planning]

    def check(self) -> None:
        """Raises BudgetError where no way to store the weights meets RAM and flash.

        Plain numbers nearly leave the arena as it is, whatever their bits: what is planned with
        them, and suggested, holds. Of factors those are tried between which the least lies. What
        is missed by less than what bits may change is no error yet.
        """
        if self._roomy():
            return
        found = []
        for stand_in in self._stand_ins():
            held, fits = self._holds_code(stand_in), self._may_fit(stand_in)
            if held and fits:
                return
            found.append((stand_in, held, fits))
        best = found[0][0]
        if not any(held for _, held, _ in found):
            raise self._flash_missed(best, any(fits for _, _, fits in found))
        raise self._missed(best)

    def _roomy(self) -> bool:
        code = self.dense.flash_bytes - self.dense.plan.profile.weight_bytes
        meets = self.budget is None or self.dense.ram_bytes + _CLEAR <= self.budget
        return meets and least_bytes(self.network, self.families) + code <= self.flash

    def _stand_ins(self) -> Iterator[_StandIn]:
        if "plain" in self.families and least_bytes(self.network, ("plain",)) <= self.flash:
            yield self._stand_in(True, in_bits(self.network, _BITS))
        if "generated" in self.families:
            yield self._stand_in(False, in_fewest(self.network))

    def _stand_in(self, plain: bool, model: onnx.ModelProto) -> _StandIn:
        model.graph.name = Path(self.network.name).name
        planning = self.planned(model)
        name = "plain numbers" if plain else "factors"
        planning.clock.progress(f"planning as it may be stored: {name}")
        return _StandIn(plain, planning, planning.within(self.options, self.budget))

    def _holds_code(self, one: _StandIn) -> bool:
        """Whether the flash may hold the least weights and the code: where factors make weights
        before a run there is much less than where each is a layer."""
        code = one.code_bytes * 3 // 4 if one.plain else one.code_bytes // 4
        return least_bytes(self.network, self.families) + code <= self.flash

    def _may_fit(self, one: _StandIn) -> bool:
        """Whether the budget holds the arena, and so maybe the stack: bits decide about that."""
        if self.budget is None or one.sized.ram_bytes <= self.budget:
            return True
        sized = one.sized
        if heeds_budget(one.planning.graph, self.options):
            sized = replace(one.planning, measuring=False).within(self.options, self.budget)
        arena = min(sized.plan.arena_bytes, self.dense.plan.arena_bytes)
        least = arena + (one.sized.beside.state_bytes or 0)
        # some layers may become factors and others not, which may take less than either
        return (least - least // _SHARE if one.plain else least * 3 // 4) <= self.budget

    def _more(self, one: _StandIn) -> int:
        """By how much the RAM may grow; to what it is now, where the flash holds that."""
        stays = self.dense.flash_bytes <= flash_of(self.network, self.flash).needs(one.sized)
        more = self.dense.ram_bytes - one.sized.ram_bytes if stays else 0
        return spare_of(one.sized) + max(more, 0)

    def _missed(self, one: _StandIn) -> BudgetError:
        assert self.budget is not None
        if not one.plain:
            return too_large(one.sized, self.budget, ())
        return missed(
            one.planning, self.options, self.budget, one.sized, self.network.name,
            spare=self._more(one), flash=flash_of(self.network, self.flash),
        )  # fmt: skip

    def _flash_missed(self, one: _StandIn, fits: bool) -> BudgetError:
        """The flash does not hold the code; where the RAM is missed too, both are suggested."""
        least = least_bytes(self.network, self.families)
        told: Sequence[Suggestion] = ()
        if one.plain and not fits:
            told = self._missed(one).suggestions or ()
        elif one.plain:
            told = more_flash(self.network, self.options, self.budget, self.flash, one.sized)
        return BudgetError(
            f"{self.network.name}: weights take {show_bytes(least)} at least, and code "
            f"about {show_bytes(one.code_bytes)}; {show_bytes(self.flash)} of flash were asked for",
            {"flash_bytes": least + one.code_bytes},
            told,
        )


def more_flash(
    network: Network, options: Options, budget: int | None, flash: int, sized: Sized
) -> list[Suggestion]:
    """The command with the flash that plain numbers need, where `sized` is the network in such."""
    asked = Asked(network.name, options, budget, flash_of(network, flash))
    ram = sized.ram_bytes + spare_of(sized)
    return [asked.suggestion(options, sized, None if budget is None else max(budget, ram), ram)]


def spare_of(sized: Sized) -> int:
    """Bytes of RAM by which a program may differ whose layers have other numbers of bits."""
    return sized.plan.arena_bytes // _SHARE + SPARE


def flash_of(network: Network, given: int) -> Flash:
    """The flash that plain numbers need: as given where they can be so small, or else 4 bits."""
    least = least_bytes(network, ("plain",))

    def needs(sized: Sized) -> int:
        code = sized.flash_bytes - sized.plan.profile.weight_bytes
        if least + code + code // 8 + SPARE <= given:
            return given
        return sized.flash_bytes + code // 8 + SPARE

    return Flash(given, needs)


def weight_bytes(planning: Planning, element_bytes: int | None) -> int:
    """All constants that the operators read."""
    quick = replace(_QUICK, element_bytes=element_bytes)
    plan = make_plan(planning.source, planning.graph, quick, planning.clock)
    return plan.profile.weight_bytes
