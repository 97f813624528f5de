"""Random networks, streamed: rows of several operators in turns, each row at an address of its own.

In steps of one row or of several. Judged like those layer by layer: both levels, the placement
checker, onnxruntime; those of whole numbers must agree exactly. Every option of a plan varies:

    schedule      rows in turns, now and then layer by layer
    overlap       row, group, pixel; layer by layer none as well
    image         resident, streamed: handed in row by row, in bands more than once
    result        resident, streamed: taken row by row
    max-overhead  nothing twice, what saves memory, or column bands whatever they cost
    objective     memory, balanced, latency: steps of one row or several
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from batches import Case, judge_batch, make_case
from lowtide.backends import emit
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan_json import read_memory_map
from networks import random_network, random_trunk
from programs import STREAM, banded_model, plan_model, stepped, streamed_model

HERE, ALL, A_BATCH = 100, 2000, 50


def options_of(seed: int) -> Options:
    """The options that go with a seed's network."""
    dice = random.Random(f"stream {seed}")
    layerwise = dice.random() < 0.15
    options = replace(
        STREAM,
        schedule="layerwise" if layerwise else "stream",
        order=dice.choice(("given", "least")),
        overlap=dice.choice(("row", "group", "pixel", "none")[: 4 if layerwise else 3]),
        place=dice.choice(("greedy", "greedy", "exact")),
        align=dice.choice((4, 16)),
        io_layout=dice.choice(("nhwc", "nchw")),
        fuse_pools=dice.choice((None, None, False, True)),
        keep_input=dice.random() < 0.1,
    )
    if layerwise:
        return options
    image = dice.choice(("resident", "streamed")) if not options.keep_input else "resident"
    # Of planes that are handed in row by row, a band's columns are not one piece.
    in_planes = (image, options.io_layout) == ("streamed", "nchw")
    return replace(
        options,
        image=image,
        result=dice.choice(("resident", "resident", "streamed")),
        max_overhead=0.0 if in_planes else dice.choice((0.0, 0.0, 0.2, 1.0)),
        objective=dice.choice(("memory", "balanced", "latency")),
    )


def stream_case(seed: int) -> Case:
    """The network with the plan of its options.

    Every fifth in column bands, every third in steps of as many rows as dice say, also where that
    is no use.
    """
    options, plan = options_of(seed), None
    if options.schedule == "layerwise":
        network = random_network(seed)
        return make_case(f"random stream {seed}", network, plan_model(network.model, options))
    bands = options.max_overhead > 0 and seed % 5 < 2
    network = random_trunk(seed) if bands else random_network(seed)
    if bands:
        plan = banded_model(network.model, options, random.Random(f"bands {seed}"))
    if plan is None:
        made = (
            stepped if seed % 3 == 0 else lambda model, options, _: streamed_model(model, options)
        )
        plan = made(network.model, options, seed)
    return make_case(f"random stream {seed}", network, plan)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=[pytest.mark.slow] if first >= HERE else [])
        for first in range(0, ALL, A_BATCH)
    ],
)
def test_random_streams_compute(first: int, tmp_path: Path) -> None:
    cases = [stream_case(seed) for seed in range(first, first + A_BATCH)]
    found = judge_batch(cases, tmp_path)
    counts = sum((judged.counts() for judged in found), Counter[str]())
    print(dict(sorted(counts.items())))
    assert [fault for judged in found for fault in judged.faults] == []
    assert counts["streamed, overlaps"] >= A_BATCH // 2
    assert counts["exact"] >= A_BATCH // 4
    assert counts["kernels"] >= 1
    assert counts["bands"] >= 1
    runs = [run for case in cases for run in case.plan.schedule.runs]
    assert sum(run.together > 1 for run in runs) >= A_BATCH
    assert sum(task.accumulates for case in cases for task in case.plan.tasks) >= 1


@pytest.mark.parametrize("seed", [627, 816], ids=["a view as result", "a pool of one axis"])
def test_what_the_sweep_found_stays_mended(seed: int, tmp_path: Path) -> None:
    """627: a result of one row that is a view of 18; 816: a convolution and pool of one axis."""
    assert [judged.faults for judged in judge_batch([stream_case(seed)], tmp_path)] == [()]


@pytest.mark.parametrize("seed", range(0, HERE, 5))
def test_a_random_stream_repeats_and_survives_writing(seed: int) -> None:
    """The same network and options give the same bytes; plan.json reads back."""
    model, options = random_network(seed).model, options_of(seed)
    plan, again = streamed_model(model, options), streamed_model(model, options)
    assert emit(again) == emit(plan)
    memory = memory_map(plan)
    assert read_memory_map(memory.to_json(), "plan.json") == memory
    assert plan.arena_bytes >= plan.profile.lower_bound_bytes
