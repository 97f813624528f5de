"""Networks that take turns in one arena: what must survive another's turn lies above all turns.

    face    [ its turn ........... ]            [image]
    wake    [ its turn .. ]                                [state]
    arena   [ the larger turn      ] [ what survives: nobody else's ]

A turn is from the writing of a network's inputs to the reading of its results. Nothing survives a
turn of another but what is kept by name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import lcm
from typing import Literal

import numpy as np

from lowtide.ir.index import IntArray
from lowtide.placers import place
from lowtide.placers.problem import Placement, Problem
from lowtide.planner.plan import Plan, straight_rows
from lowtide.planner.row_problem import Addresses, row_bars
from lowtide.rows.liveness import Life, Lives, live_bytes


@dataclass(frozen=True)
class Kept:
    """An input or output of a network that survives the turns of others, and where it lies."""

    network: str
    way: Literal["input", "output"]
    port: str
    storage: str
    offset: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Shared:
    """One arena of several networks; from `turn_bytes` on lies what is kept, and nothing else."""

    networks: tuple[str, ...]
    arena_bytes: int
    arena_align: int
    turn_bytes: int
    kept: tuple[Kept, ...]


def share(
    plans: Sequence[Plan], groups: Sequence[Sequence[Kept]], align: int
) -> tuple[Shared, tuple[Plan, ...]]:
    """The arena in which all take turns, at multiples of `align`, and the plans in it.

    What is kept lies apart but for that of a group, which is the same bytes.
    """
    kept = [one for group in groups for one in group]
    lives = [_always(plan, kept) for plan in plans]
    states = [group for plan in plans for group in states_of(plan)]
    for plan, held in zip(plans, lives, strict=True):
        own = [one.storage for group in states_of(plan) for one in group]
        held |= {name: plan.lives[name] for name in own}
    turn, lying, placed = above(plans, [*groups, *states], lives)
    networks = tuple(plan.options.name for plan in plans)
    end = max((one.offset + one.bytes for one in lying), default=turn)
    shared = tuple(replace(plan, shared=True) for plan in placed)
    return Shared(networks, end, align, turn, lying), shared


def above(
    plans: Sequence[Plan], groups: Sequence[Sequence[Kept]], lives: Sequence[Lives]
) -> tuple[int, tuple[Kept, ...], tuple[Plan, ...]]:
    """What is kept, above all else of all plans: where that ends, where it lies, and the plans.

    `lives` has, for each plan, when its storages that are kept live.
    """
    own = {plan.options.name: plan for plan in plans}
    apart = [_apart(plan, kept) for plan, kept in zip(plans, lives, strict=True)]
    turn = end = max(plan.arena_bytes for plan in apart)
    lying = list[Kept]()
    for group in groups:
        held = [own[one.network].layout.storages[one.storage] for one in group]
        unit = lcm(*(own[one.network].options.align for one in group), held[0].dtype.bytes)
        at = -(-end // unit) * unit
        lying += [replace(one, offset=at, bytes=held[0].bytes) for one in group]
        end = at + held[0].bytes
    return turn, tuple(lying), tuple(_lifted(plan, lying) for plan in apart)


def states_of(plan: Plan) -> list[tuple[Kept, Kept]]:
    """What a network keeps for itself: where each state is read, and where it is left."""
    name, places = plan.options.name, plan.layout.places
    return [
        (
            Kept(name, "input", one.input.name, places[one.input.tensor].storage),
            Kept(name, "output", one.output.name, places[one.output.tensor].storage),
        )
        for one in plan.states
    ]


def _always(plan: Plan, kept: Sequence[Kept]) -> dict[str, Life]:
    """The storages of a network that are kept, which live always."""
    names = dict.fromkeys(one.storage for one in kept if one.network == plan.options.name)
    last = plan.schedule.ticks + 1
    return {
        name: replace(life, start=np.zeros_like(life.start), stop=np.full_like(life.stop, last))
        for name in names
        for life in (plan.lives[name],)
    }


def _apart(plan: Plan, kept: Lives) -> Plan:
    """The plan with all but what is kept placed anew; that lies nowhere yet."""
    if not kept:
        return plan
    lives = {name: life for name, life in plan.lives.items() if name not in kept}
    problem = None if plan.problem is None else _fewer(plan.problem, kept)
    arena, addresses = _as_it_was(plan, lives)
    if lives:
        anew, found = _anew(replace(plan, problem=problem, lives=lives))
        arena, addresses = (anew, found) if anew < arena else (arena, addresses)
    return _placed(replace(plan, problem=problem, lives={**lives, **kept}), arena, addresses)


def _fewer(problem: Problem, kept: Collection[str]) -> Problem:
    """The problem without some of its blocks."""
    stays = [k for k, block in enumerate(problem.blocks) if block.name not in kept]
    new = {k: number for number, k in enumerate(stays)}
    forbidden = {
        (new[i], new[j]): gaps
        for (i, j), gaps in problem.forbidden.items()
        if i in new and j in new
    }
    return Problem(tuple(problem.blocks[k] for k in stays), problem.align, forbidden, 0)


def _as_it_was(plan: Plan, rest: Lives) -> tuple[int, Addresses]:
    """Where the rest lies already, and where it ends."""
    ends = (
        int(plan.addresses[name].max()) + plan.layout.storages[name].row_bytes
        for name, life in rest.items()
        if (life.start <= life.stop).any()
    )
    return max(ends, default=0), {name: plan.addresses[name] for name in rest}


def _anew(plan: Plan) -> tuple[int, Addresses]:
    """The plan's storages, placed as its options say."""
    live = int(live_bytes(plan.lives, plan.schedule.ticks).max())
    if plan.problem is None:
        bars = row_bars(plan.layout, plan.lives, live, plan.options)
        return bars.place(plan.options.place)[:2]
    problem = replace(plan.problem, lower_bound=live)
    placement = place(problem, plan.options.place)
    return placement.arena_bytes, straight_rows(plan.layout, problem, placement)


def _lifted(plan: Plan, kept: Sequence[Kept]) -> Plan:
    """The plan with what it keeps where that lies."""
    own = {one.storage: one for one in kept if one.network == plan.options.name}
    if not own:
        return plan
    rows = {name: _rows(plan, one) for name, one in own.items()}
    arena = max(one.offset + one.bytes for one in own.values())
    return _placed(plan, arena, {**plan.addresses, **rows})


def _rows(plan: Plan, kept: Kept) -> IntArray:
    """The first byte of each of its rows."""
    storage = plan.layout.storages[kept.storage]
    return kept.offset + storage.row_bytes * np.arange(storage.rows, dtype=np.int64)


def _placed(plan: Plan, arena: int, addresses: Addresses) -> Plan:
    """The plan with its storages at these addresses."""
    live = int(live_bytes(plan.lives, plan.schedule.ticks).max())
    blocks = plan.problem.blocks if plan.problem else ()
    at = tuple(int(addresses[block.name][0]) for block in blocks)
    return replace(
        plan,
        placement=Placement(at, arena, arena == live, live),
        addresses=addresses,
        profile=replace(plan.profile, lower_bound_bytes=live),
    )
