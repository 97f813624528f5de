"""Lifetimes that are found in another way than from the tasks' own reads and writes."""

from __future__ import annotations

import numpy as np
import pytest

from lowtide.planner.plan import Plan
from lowtide.rows.liveness import Life, lifetimes, whole_lifetimes
from networks import random_network
from programs import GREEDY, STREAM, plan_model, stepped

SEEDS = range(12)


def by_tasks(plan: Plan) -> dict[str, Life]:
    kept = plan.options.keep_input
    return lifetimes(plan.layout, plan.tasks, plan.schedule, keep_inputs=kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_graph_gives_rows_the_lifetimes_of_its_tasks(seed: int) -> None:
    plan = stepped(random_network(seed).model, STREAM, seed)
    expected = by_tasks(plan)
    assert list(plan.lives) == list(expected)
    for name, life in plan.lives.items():
        assert life.cell_bytes == expected[name].cell_bytes, name
        assert np.array_equal(life.start, expected[name].start), name
        assert np.array_equal(life.stop, expected[name].stop), name


@pytest.mark.parametrize("seed", SEEDS)
def test_a_whole_storage_lives_as_long_as_any_of_its_rows(seed: int) -> None:
    plan = plan_model(random_network(seed).model, GREEDY)
    whole = whole_lifetimes(plan.layout, plan.tasks, plan.schedule)
    for name, life in by_tasks(plan).items():
        assert len(set(whole[name].start)) == len(set(whole[name].stop)) == 1, name
        assert whole[name].bytes == life.bytes, name
        assert whole[name].start[0] <= life.start.min(), name
        assert whole[name].stop[0] >= life.stop.max(), name
