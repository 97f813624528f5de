"""Overlap on graphs: additions on a dying branch, joins without copies, several readers."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from lowtide.planner.options import Options
from network_builder import Builder, Network, Value
from programs import QUICK, judge_plan, plan_model

EXACT = Options(schedule="layerwise", overlap="pixel", align=4)


def conv(b: Builder, x: Value, channels: int, kernel: int = 1) -> Value:
    levels = b.random.integers(-999, 999, (channels, x.shape[1], kernel, kernel))
    weights = b.constant(levels.astype(np.float32))  # too many levels to be packed
    shape = (1, channels, *x.shape[2:])
    return b.node("Conv", [x, weights], shape, 300, pads=[kernel // 2] * 4)


def arena(network: Network, options: Options = EXACT) -> int:
    """The arena in elements, after the judge has passed the program."""
    plan = plan_model(network.model, options)
    judge_plan(network.model, plan, network.inputs, ways=QUICK[:2])
    assert plan.placement.proven
    return plan.arena_bytes // 4


@pytest.mark.parametrize("overlap", ["group", "pixel"])
def test_an_addition_lies_on_a_branch_that_dies(overlap: str) -> None:
    """
    a [======]          y = a + b, pixel by pixel: y takes a's place, exactly
    b         [======]
    y [======]
    """
    b = Builder(random.Random(0), 17, whole=True)
    one, two = b.input((1, 4, 6, 5)), b.input((1, 4, 6, 5))
    network = b.finish("add", [b.node("Add", [one, two], one.shape, 20)])
    assert arena(network, replace(EXACT, overlap=overlap)) == 2 * 120  # type: ignore[arg-type]


def test_a_residual_addition_needs_no_third_tensor() -> None:
    """x -> conv 1x1 -> + x: the convolution lies beside x, the sum on either."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 4, 6, 5))
    y = conv(b, x, 4)
    network = b.finish("residual", [b.node("Add", [x, y], x.shape, 400)])
    assert arena(network) == 2 * 120


def test_the_last_reader_frees() -> None:
    """Two 1x1 convolutions read x; only the second may write on it: x and the first's output."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 4, 6, 5))
    network = b.finish("two", [conv(b, x, 4), conv(b, x, 4)])
    assert arena(network) == 2 * 120


def test_a_kept_input_is_freed_by_nobody() -> None:
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 4, 6, 5))
    network = b.finish("kept", [conv(b, x, 4), conv(b, x, 4)])
    assert arena(network, replace(EXACT, keep_input=True)) == 3 * 120


def test_a_join_is_written_into() -> None:
    """concat(conv(x), conv(x)): both write their channels of one storage, and nothing is copied."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 3, 6, 5))
    parts = [conv(b, x, 4), conv(b, x, 2, kernel=3)]
    network = b.finish("join", [b.node("Concat", parts, (1, 6, 6, 5), 300, axis=1)])
    plan = plan_model(network.model, EXACT)
    assert [task.operator.type for task in plan.tasks] == ["Conv", "Conv"]
    # The first part is made pixel by pixel while x still waits for the second.
    assert arena(network) == 3 * 30 + 6 * 30


def test_a_split_is_read_where_it_lies() -> None:
    """split(x) -> conv of one half: no copy, and the output takes the place of both halves."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 4, 6, 5))
    first, _ = b.split("Split", [x], [(1, 2, 6, 5)] * 2, x.most, {"split": [2, 2]}, axis=1)
    network = b.finish("half", [conv(b, first, 4)])
    assert arena(network) == 120
