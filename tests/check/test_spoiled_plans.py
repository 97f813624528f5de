"""Spoiled plans: who notices what, and that nothing goes by unseen.

    lives of elements         placement checker   reference.c, CHECKED    numpy
    no place shared           may reject (*)      silent                  silent
    shared in one step        rejects             either: the order       either
                                                  within the step decides
    shared in more steps      rejects             faults                  faults

(*) it looks at rows, and a row may be read or written in part only. Whoever stays silent has the
right outputs.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from lowtide.backends import emit
from lowtide.check.compile import Verdict
from lowtide.check.judge import judge_program
from lowtide.errors import CheckError
from lowtide.planner.memory_map import memory_map
from lowtide.planner.plan import Plan
from programs import QUICK
from spoiled import (
    COUNT,
    ROWS,
    Case,
    Movable,
    cases,
    element_lives,
    faults_in_numpy,
    moves,
    readers_before_makers,
    rejected,
    shared_steps,
    sliding_convolution,
)

MOST_MOVES = 40


@pytest.mark.parametrize("overlap", ["row", "group", "pixel"])
def test_who_catches_what(overlap: Literal["row", "group", "pixel"], tmp_path: Path) -> None:
    """Every kind in the table above occurs, or the assertions on it were void."""
    seen: Counter[str] = Counter()
    for number, case in enumerate(cases(replace(ROWS, overlap=overlap))):
        programs = [Movable(case, s, tmp_path / f"{number}-{s}") for s in ("reference.c", "net.c")]
        for program in programs:
            verdict, right = program.run(case.plan)
            assert right
            assert verdict.faults == 0
        assert not rejected(case.plan)
        assert not faults_in_numpy(case.plan, case)
        scratch = {*case.plan.layout.scratch.values()}  # of kernels, which reference.c has none of
        lives = {n: one for n, one in element_lives(case.plan).items() if n not in scratch}
        moved = [one for one in moves(case.plan) if one[0] not in scratch]
        random.Random(number).shuffle(moved)
        for storage, offset in moved[:MOST_MOVES]:
            plan = case.plan.moved(storage, offset)
            verdicts = [program.run(plan) for program in programs]
            _judge(case, plan, shared_steps(plan, lives, storage), verdicts, seen)
    print(dict(seen))
    assert seen["spoiled"] > 30 * COUNT
    for judge in ("checker", "element", "call", "numpy"):
        assert seen[judge] > seen["spoiled"] // 2, judge
    assert seen["checker"] >= seen["numpy"] >= seen["element"]
    for kind in ("one step", "one step, seen by elements") if overlap == "row" else ():
        assert seen[kind] > 0, kind
    for kind in ("only rows clash", "sound", "caught though the output is right"):
        assert seen[kind] > 0, kind


def _judge(
    case: Case,
    plan: Plan,
    shared: int,
    verdicts: list[tuple[Verdict, bool]],
    counts: Counter[str],
) -> None:
    (element, right), (call, call_right) = verdicts
    numpy, reject = faults_in_numpy(plan, case), rejected(plan)
    # Nothing is wrong and unseen, whoever looks.
    assert right or element.faults
    assert call_right or call.faults
    # What the checker accepts is sound.
    assert reject or not (shared or element.faults or call.faults or numpy)
    # What is certainly lost is missed by nobody.
    if shared > 1:
        assert element.faults
        assert call.faults
        assert numpy
    # What is certainly there is found by everybody who looks at elements.
    if not shared:
        assert not element.faults
        assert not numpy
    counts["spoiled"] += 1
    counts["checker"] += reject
    counts["element"] += element.faults > 0
    counts["call"] += call.faults > 0
    counts["numpy"] += numpy
    counts["only rows clash"] += reject and not shared
    counts["one step"] += shared == 1
    counts["one step, seen by elements"] += shared == 1 and element.faults > 0
    counts["one step, seen by calls alone"] += call.faults > 0 and not element.faults
    counts["caught though the output is right"] += bool(element.faults) and right
    counts["sound"] += not reject


@pytest.mark.parametrize(("apart", "sound"), [(2, True), (1, False)])
def test_a_kernel_must_not_overwrite_what_it_reads(apart: int, sound: bool, tmp_path: Path) -> None:
    """Not even in the last step that reads it: the call level looks before the kernel runs."""
    case = sliding_convolution(apart)
    assert b"conv_row(&shape" in emit(case.plan)["net.c"]
    assert rejected(case.plan) is not sound
    for source in ("reference.c", "net.c"):
        verdict, right = Movable(case, source, tmp_path / source).run(case.plan)
        assert (verdict.faults == 0) is sound, source
        assert right or not sound, source


def test_reading_before_making() -> None:
    """Two neighbours swapped in the schedule. Of this the placement checker can know nothing."""
    count = 0
    for case in cases()[:3]:
        for plan in readers_before_makers(case.plan):
            count += 1
            assert not rejected(plan)
            assert faults_in_numpy(plan, case)
            for way in QUICK[:2]:
                with pytest.raises(CheckError, match=r"expected .* found "):
                    judge_program(emit(plan), memory_map(plan), [case.sample], ways=[way])
    assert count >= 6


def test_the_judge_agrees_with_the_program_that_is_moved_without_compiling() -> None:
    """`Movable` stands in for emit: the same verdict on a few plans of each network."""
    found = Counter[bool]()
    for number, case in enumerate(cases()):
        moved = list(moves(case.plan))
        storage, offset = random.Random(-number).choice(moved)
        plan = case.plan.moved(storage, offset)
        lives = element_lives(plan)
        shared = shared_steps(plan, lives, storage)
        if shared == 1:
            continue
        found[shared > 1] += 1
        for way in QUICK[:2]:
            if shared:
                with pytest.raises(CheckError, match=r"expected .* found "):
                    judge_program(emit(plan), memory_map(plan), [case.sample], ways=[way])
            else:
                judge_program(emit(plan), memory_map(plan), [case.sample], ways=[way])
    assert found[True] >= 5


@pytest.mark.parametrize("by", ["below", "above", "partly above"])
def test_outside_the_arena(by: str) -> None:
    for case in cases()[:4]:
        plan = case.plan
        storage = max(plan.lives, key=lambda name: plan.lives[name].bytes)
        last = plan.arena_bytes - plan.lives[storage].bytes // 8 * 4
        offset = {"below": -8, "above": plan.arena_bytes + 64, "partly above": last}[by]
        spoiled = plan.moved(storage, offset)
        assert rejected(spoiled)
        assert faults_in_numpy(spoiled, case)
        with pytest.raises(CheckError):  # the compiler may notice before the judge does
            judge_program(emit(spoiled), memory_map(spoiled), [case.sample], ways=QUICK[:1])


def test_out_of_line() -> None:
    """An offset that is no multiple of the alignment is for the placement checker to find."""
    plan = cases()[0].plan
    for storage in plan.lives:
        assert rejected(plan.moved(storage, plan.offset[storage] + 2))
