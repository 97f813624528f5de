"""Stretches of operators made in parts: any of them computes the same, and a search finds which.

    conv -> dw -> conv      becomes      conv -> [dw.0 -> conv.0, dw.1 -> conv.1 -> Concat]

Random networks get random stretches in column bands, put in place by the same rewrite that the
search uses, and are judged like all others.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from batches import Case, judge_batch, make_case
from lowtide.clock import Clock
from lowtide.graph import Graph
from lowtide.pipeline import read
from lowtide.planner import make_plan, stream
from lowtide.reach import Reach
from lowtide.rewrites.bands import in_bands
from lowtide.rewrites.stretch import Stretch, put_in_place
from networks import random_network
from programs import STREAM

HERE, ALL, A_BATCH = 50, 500, 25


def random_stretches(graph: Graph, dice: random.Random, windows: bool) -> list[Stretch]:
    """Up to two stretches in two to four bands each; of many networks there is none."""
    reach, found, at = Reach(graph), list[Stretch](), 0
    for _ in range(30):
        if len(found) == 2 or at >= len(graph.operators):
            break
        first = dice.randrange(at, len(graph.operators))
        end = min(first + dice.randint(1, 5), len(graph.operators))
        read_here = {name for op in graph.operators[first:end] for name in op.read}
        given = windows and first == 0 and not found and bool(read_here & set(graph.inputs))
        one = in_bands(reach, first, end, dice.randint(2, 4), given)
        if one:
            found.append(one)
            at = end
    return found


def stretch_case(seed: int) -> tuple[Case, int]:
    """A random network with random stretches, and how many."""
    dice = random.Random(f"stretches {seed}")
    network, clock = random_network(seed), Clock(lambda _: None)
    image = dice.choice(("resident", "streamed"))
    options = replace(STREAM, align=4, image=image, overlap=dice.choice(("row", "group")))
    source, graph = read(network.model, clock)
    stretches = random_stretches(graph, dice, image == "streamed")
    plan = make_plan(source, put_in_place(graph, stretches), options, clock)
    plan = plan if plan.streamed else stream(plan, clock)
    return make_case(f"random stretches {seed}", network, plan), len(stretches)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.slow] if first >= HERE else [])
        for first in range(0, ALL, A_BATCH)
    ],
)
def test_random_stretches_compute(first: int, tmp_path: Path) -> None:
    made = [stretch_case(seed) for seed in range(first, first + A_BATCH)]
    cases = [case for case, count in made if count]
    found = judge_batch(cases, tmp_path)
    counts = sum((judged.counts() for judged in found), Counter[str]())
    print(len(cases), dict(sorted(counts.items())))
    assert [fault for judged in found for fault in judged.faults] == []
    assert len(cases) >= A_BATCH // 3
    assert counts["exact"] >= 1
