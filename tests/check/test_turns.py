"""Networks that take turns: what the placement proves, and what turns in random order find."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lowtide.backends import alignment, emit, emit_together
from lowtide.check.expected import Expected
from lowtide.check.numbers import Sample
from lowtide.check.together import Guest, draw, judge_shared, judge_turns
from lowtide.errors import CheckError
from lowtide.files.several import one_folder
from lowtide.pipeline.keep import read_kept
from lowtide.planner.memory_map import memory_map
from lowtide.planner.plan import Plan
from lowtide.planner.together import Kept, Shared, share
from programs import plan_model
from turns import QUICK, QUICKLY, cases, chain, judged, named


def test_random_networks_take_turns_in_one_arena(tmp_path: Path) -> None:
    """Floats, 8 bits, rows handed over, packed weights: each after each, some of it kept."""
    shared, turns = judged(cases(0, 6, tmp_path), random.Random(1))
    assert shared.kept, "nothing is kept"
    assert turns.count > 36
    assert turns.reads > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("group", range(1, 20))
def test_random_networks_take_turns_sweep(group: int, tmp_path: Path) -> None:
    judged(cases(8 * group, 8, tmp_path), random.Random(group))


def shared_plans() -> tuple[Shared, tuple[Plan, ...], list[Guest]]:
    """Two networks, an input and a result of the first kept."""
    held = cases(0, 1, Path()) + cases(5, 1, Path())
    plans = [named(case.plan, k) for k, case in enumerate(held)]
    first = plans[0]
    kept = [
        Kept("n0", way, port.name, first.layout.places[port.tensor].storage)  # type: ignore[arg-type]
        for way, port in (("input", first.inputs[0]), ("output", first.outputs[0]))
    ]
    shared, placed = share(plans, [(one,) for one in kept], max(map(alignment, plans)))
    guests = [Guest(memory_map(p), [case.sample]) for p, case in zip(placed, held, strict=True)]
    return shared, placed, guests


@pytest.mark.parametrize("kept", [0, 1])
def test_what_is_overwritten_is_proven_and_seen(kept: int) -> None:
    """Kept where the other works: the placement says so, and so do turns where nobody asked it."""
    shared, placed, guests = shared_plans()
    judge_shared(shared, [one.memory for one in guests])
    moved = placed[0].moved(shared.kept[kept].storage, 0)
    lying = [replace(one, offset=0) if k == kept else one for k, one in enumerate(shared.kept)]
    wrong = replace(shared, kept=tuple(lying))
    guests[0] = replace(guests[0], memory=memory_map(moved))
    with pytest.raises(CheckError, match="shared arena is wrong"):
        judge_shared(wrong, [one.memory for one in guests])
    plans = (moved, placed[1])
    files = one_folder({p.options.name: emit(p) for p in plans}, emit_together(plans, wrong))
    with pytest.raises(CheckError, match="must survive, and was overwritten"):
        judge_turns(files, wrong, guests, ways=QUICK[1:])


def test_each_network_follows_each() -> None:
    shared, _, guests = shared_plans()
    order = [turn.network for turn in draw(shared, guests)]
    assert {*zip(order, order[1:], strict=False)} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert any(turn.there for turn in draw(shared, guests)), "an input is there still"


def test_what_is_not_handed_on_is_seen() -> None:
    """Two places where there should be one: the second reads what nobody made."""
    plans = [named(plan_model(model, QUICKLY), k) for k, model in enumerate(chain("Exp", "Tanh"))]
    groups = read_kept(["n0:y=n1:x"], plans)
    apart = [(one,) for one in groups[0]]
    wrong, placed = share(plans, apart, 64)
    files = one_folder({p.options.name: emit(p) for p in placed}, emit_together(placed, wrong))
    memories = [memory_map(plan) for plan in placed]
    told = tuple(replace(one, offset=wrong.kept[0].offset) for one in wrong.kept)
    rng = np.random.default_rng(0)
    guests = [
        Guest(m, [Sample("s", {"x": rng.normal(size=(1, 2, 6, 5)).astype("f")}, Expected(()))])
        for m in memories
    ]
    with pytest.raises(CheckError, match="is not what n0 made"):
        judge_turns(files, replace(wrong, kept=told), guests, ways=QUICK[1:])
