"""Pools inside pools: their loops are not mixed up."""

from __future__ import annotations

import random

from network_builder import Builder
from programs import judge_model


def test_pools_in_pools() -> None:
    """Windows of 3 x 3 means of 2 x 2 means of sums: loops of one name, one inside the other."""
    b = Builder(random.Random(0), 17, whole=True)
    x = b.input((1, 3, 12, 12))
    a = b.node("Conv", [x, b.constant(b.numbers((4, 3, 1, 1)))], (1, 4, 12, 12), 300)
    for size, pixels in ((2, 6), (3, 2)):
        sizes = {"kernel_shape": [size, size], "strides": [size, size]}
        a = b.node("AveragePool", [a], (1, 4, pixels, pixels), 300, **sizes)
    judged = judge_model(b.finish("pools", [a]).model)
    assert len(judged.plan.tasks) == 1
