"""Spoiled plans of networks whose storages have elements of one byte and of four: each byte counts.

The table at the head of `test_spoiled_plans.py` holds for them as well.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from eight import Eight, evaluated, planned
from lowtide.check.expected import Expected
from lowtide.check.numbers import Sample
from lowtide.ir.dtype import F32, I8
from lowtide.ir.graph import Graph, Tensor
from lowtide.planner.options import Options
from spoiled import Case, Movable, element_lives, faults_in_numpy, moves, rejected, shared_steps

MOST_MOVES = 60


def bytes_alone() -> tuple[Eight, Graph]:
    """All of it int8, at any address."""
    net = Eight(1, x=(1, 3, 7, 5))
    a = net.conv("x", 5)
    return net, net.graph(net.sum(a, net.conv(a, 5, kernel=1, pad=0)))


def floats_at_both_ends() -> tuple[Eight, Graph]:
    """int8 between float32."""
    net = Eight(2, x=(1, 2, 6, 4))
    net.tensors["x"] = Tensor("x", (1, 2, 6, 4), F32)
    a = net.conv(net.quantised("x"), 6)
    return net, net.graph(net.real(net.conv(a, 3)))


@pytest.mark.parametrize(("made", "align"), [(bytes_alone, 1), (floats_at_both_ends, 4)])
@pytest.mark.parametrize("overlap", ["row", "pixel"])
def test_who_catches_what(made: object, align: int, overlap: object, tmp_path: Path) -> None:
    net, graph = made()  # type: ignore[operator]
    feed = net.feed()
    options = Options(schedule="layerwise", place="greedy", align=align, overlap=overlap)  # type: ignore[arg-type]
    plan = planned(graph, options)
    scratch = {*plan.layout.scratch.values()}  # of kernels, which reference.c has none of
    types = {s.dtype for name, s in plan.layout.storages.items() if name not in scratch}
    assert types == ({I8} if align == 1 else {I8, F32})
    case = Case(None, plan, Sample("given", feed, Expected(tuple(evaluated(graph, feed)))))
    program = Movable(case, "reference.c", tmp_path)
    verdict, right = program.run(plan)
    assert right
    assert not verdict.faults
    assert not rejected(plan)
    seen: Counter[str] = Counter()
    lives = {name: one for name, one in element_lives(plan).items() if name not in scratch}
    moved = [one for one in moves(plan) if one[0] not in scratch]
    random.Random(0).shuffle(moved)
    for storage, offset in moved[:MOST_MOVES]:
        spoiled = plan.moved(storage, offset)
        verdict, right = program.run(spoiled)
        shared = shared_steps(spoiled, lives, storage)
        found = verdict.faults > 0, faults_in_numpy(spoiled, case), rejected(spoiled)
        assert right or verdict.faults
        assert found[2] or not (shared or any(found))
        if shared > 1:
            assert all(found)
        if not shared:
            assert not any(found[:2])
        seen["spoiled"] += shared > 1
        seen["sound"] += not found[2]
        seen["off by less than 4 bytes"] += shared > 1 and bool(offset % 4)
    assert seen["spoiled"] > MOST_MOVES // 4
    assert seen["sound"] > 0
    assert align == 4 or seen["off by less than 4 bytes"] > 0
