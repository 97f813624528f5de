"""Pools that compute what they read: the same numbers, less memory, nothing computed twice."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from lowtide.planner.costs import label
from network_builder import Builder, Network, Value
from programs import GREEDY, Judged, judge_plan, plan_model, streamed_model

FUSED = replace(GREEDY, align=4, overlap="pixel")


def conv(b: Builder, x: Value, channels: int = 5) -> Value:
    """A 3x3 convolution that keeps the picture's size."""
    weights = b.constant(b.numbers((channels, x.shape[1], 3, 3)))
    shape = (1, channels, *x.shape[2:])
    return b.node("Conv", [x, weights], shape, 300, pads=[1, 1, 1, 1])


def pooled(kind: str, kernel: int, stride: int, pads: list[int] | None = None) -> Network:
    """8 x 8 -> convolution -> Relu -> pool."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 3, 8, 8))
    y = conv(b, x)
    y = b.node("Relu", [y], y.shape, 300)
    made = (8 + sum(pads or [0]) // 2 - kernel) // stride + 1
    shape = (1, 5, made, made)
    how = {"pads": pads} if pads else {}
    y = b.node(kind, [y], shape, 300, kernel_shape=[kernel] * 2, strides=[stride] * 2, **how)
    return b.finish("pooled", [y])


def judged(network: Network, **changes: object) -> Judged:
    plan = plan_model(network.model, replace(FUSED, **changes))  # type: ignore[arg-type]
    return judge_plan(network.model, plan, network.inputs)


@pytest.mark.parametrize("overlap", ["row", "group", "pixel"])
@pytest.mark.parametrize(("kind", "kernel", "stride"), [("MaxPool", 2, 2), ("AveragePool", 2, 3)])
def test_a_pool_computes_the_convolution_that_it_reads(
    kind: str, kernel: int, stride: int, overlap: str
) -> None:
    """conv [5,8,8] -> relu -> pool [5,4,4] is one operator, and conv's output is nowhere."""
    network = pooled(kind, kernel, stride)
    fused = judged(network, overlap=overlap)
    apart = judged(network, overlap=overlap, fuse_pools=False)
    assert [label(task) for task in fused.plan.tasks] == [f"Conv+Relu+{kind}"]
    assert fused.plan.arena_bytes < apart.plan.arena_bytes
    assert (fused.checks.max_abs_diff == 0.0) is (kind == "MaxPool") or kind == "AveragePool"
    # The baseline stays that of the network as it was given.
    assert fused.plan.profile.layerwise_bytes == apart.plan.profile.layerwise_bytes


def test_only_what_is_read_is_computed() -> None:
    """Windows of 2 with stride 3 leave a third of the rows and columns out: 9 windows of 4."""
    fused = judged(pooled("MaxPool", 2, 3))
    assert fused.plan.profile.macs == 5 * 9 * 4 * 27


@pytest.mark.parametrize(
    ("kernel", "stride", "pads"), [(3, 2, None), (2, 1, None), (2, 2, [1, 1, 1, 1])]
)
def test_windows_that_overlap_or_are_padded_stay_apart(
    kernel: int, stride: int, pads: list[int] | None
) -> None:
    """Their convolution would be computed more than once, or read where it is not."""
    assert len(judged(pooled("MaxPool", kernel, stride, pads)).plan.tasks) == 2


def test_a_tensor_with_another_reader_or_that_is_handed_out_stays() -> None:
    b = Builder(random.Random(0), 17, whole=True)
    y = conv(b, b.input((1, 3, 8, 8)))
    pool = b.node("MaxPool", [y], (1, 5, 4, 4), 300, kernel_shape=[2, 2], strides=[2, 2])
    network = b.finish("both", [pool, y])
    assert len(judged(network).plan.tasks) == 2


def test_a_global_pool_needs_no_picture_at_all() -> None:
    b = Builder(random.Random(0), 17, whole=False)
    y = conv(b, b.input((1, 3, 8, 8)), channels=70)
    network = b.finish("global", [b.node("GlobalAveragePool", [y], (1, 70, 1, 1), 300)])
    fused = judged(network)
    assert fused.plan.arena_bytes == 4 * (3 * 8 * 8 + 70)


def test_a_global_pool_of_one_row() -> None:
    """A window as high as the image makes one row of three: the steps of the mean are columns."""
    b = Builder(random.Random(0), 17, whole=False)
    x, weights = b.input((1, 3, 4, 3)), b.constant(b.numbers((16, 3, 5, 3)))
    y = b.node("Conv", [x, weights], (1, 16, 1, 3), 300, pads=[0, 1, 1, 1])
    y = b.node("GlobalAveragePool", [y], (1, 16, 1, 1), 300)
    network = b.finish("one row", [y])
    plan = streamed_model(network.model)
    assert [(task.rows, task.row.name) for task in plan.tasks if task.row] == [(3, "pr3")]
    judge_plan(network.model, plan, network.inputs)


def test_a_global_pool_of_one_channel() -> None:
    """What one channel's sums begin with, and what ends them, has no loop around it."""
    b = Builder(random.Random(0), 17, whole=False)
    x, weights = b.input((1, 3, 8, 8)), b.constant(b.numbers((1, 3, 3, 3)))
    y = b.node("Conv", [x, weights], (1, 1, 6, 6), 300)
    y = b.node("GlobalAveragePool", [y], (1, 1, 1, 1), 300)
    network = b.finish("one channel", [y])
    plan = streamed_model(network.model)
    assert [use.kernel.name for use in plan.uses if use] == ["conv_rows"]
    judge_plan(network.model, plan, network.inputs)


def test_whole_tensors_are_the_baseline_and_stay_apart() -> None:
    assert len(judged(pooled("MaxPool", 2, 2), overlap="none").plan.tasks) == 2
