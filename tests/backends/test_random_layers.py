"""10,000 random layers, planned with overlap and judged in batches; a tenth of them in CI.

Every read of every program finds its own bytes, and the outputs are onnxruntime's (equal where the
layer computes with whole numbers).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from batches import Case, judge_batch, make_case
from layers import lone_layer, plan_layer
from lowtide.kernels.choose import choose

HERE, ALL, A_BATCH = 1000, 10000, 50
BATCHES = [
    pytest.param(first, marks=[pytest.mark.slow] if first >= HERE else [])
    for first in range(0, ALL, A_BATCH)
]


def layer_case(seed: int) -> Case:
    network = lone_layer(seed)
    return make_case(f"layer {seed}", network, plan_layer(seed, network))


@pytest.mark.parametrize("first", BATCHES)
def test_random_layers(first: int, tmp_path: Path) -> None:
    found = judge_batch([layer_case(seed) for seed in range(first, first + A_BATCH)], tmp_path)
    counts = sum((judged.counts() for judged in found), Counter[str]())
    print(dict(sorted(counts.items())))
    assert [fault for judged in found for fault in judged.faults] == []
    assert counts["exact"] == A_BATCH // 2
    # Overlap in every mode and both directions, or there was nothing to find.
    for kind in ("row", "group", "pixel", "forward", "backward", "kernels"):
        assert counts[f"{kind}, overlaps"] >= 1, kind
    assert counts["overlaps"] >= A_BATCH // 2


def test_the_sweep_covers_what_it_should() -> None:
    """Generators drift: every kind of layer has to occur in what CI runs."""
    types, attributes, fused = Counter[str](), set[str](), 0
    for seed in range(HERE):
        nodes = [n for n in lone_layer(seed).model.graph.node if n.op_type != "Constant"]
        types[nodes[0].op_type] += 1
        attributes |= {f"{nodes[0].op_type} {given.name}" for given in nodes[0].attribute}
        fused += len(nodes) > 1
    assert set(types) == _OPERATORS
    assert min(types.values()) >= 5
    assert fused > HERE // 10
    assert attributes >= {"MaxPool ceil_mode", "AveragePool ceil_mode", "MaxPool dilations"}
    assert "AveragePool count_include_pad" in attributes


def test_the_sweep_goes_past_blocks_and_buffers() -> None:
    """Blocks of 32 and 64 channels, buffers of 256: the code beyond them is another."""
    found = set()
    for seed in range(HERE):
        plan = plan_layer(seed, lone_layer(seed))
        task = max(plan.tasks, key=lambda task: task.channels)
        use = choose(task, plan.layout)
        blocks = sum(task.channels > limit for limit in (32, 64, 256))
        found.add((use.kernel.name if use else "loops", blocks, task.grain.atomic))
    kernels = ("conv_row", "depthwise_row", "loops")
    assert found >= {(k, blocks, True) for k in kernels for blocks in (0, 1, 2)}
    assert found >= {("conv_row", 3, True), ("conv_row", 3, False), ("loops", 3, False)}


_OPERATORS = {
    "Add", "AveragePool", "Conv", "ConvTranspose", "DepthToSpace", "MaxPool", "Mul", "Resize",
    "Softmax", "Sub",
}  # fmt: skip
