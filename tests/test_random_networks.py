"""Random networks, planned, emitted, judged, and compared with onnxruntime.

Whole-number networks must agree exactly: every sum in them is below 2**24, so its order is of no
consequence. The others may differ by what onnxruntime differs from itself (judge.TOLERANCE).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from lowtide.backends import emit
from lowtide.memory_map import memory_map, read_memory_map
from lowtide.plan import Options, Plan
from networks import random_network, random_options
from programs import QUICK, Judged, judge_plan, plan_model

HERE, ALL = 300, 3000
SEEDS = [pytest.param(s, marks=[pytest.mark.slow] if s >= HERE else []) for s in range(ALL)]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_network(seed: int) -> None:
    network, options = random_network(seed), random_options(seed)
    plan = plan_model(network.model, options)
    _is_consistent(plan)
    judged = judge_plan(network.model, plan, network.inputs, ways=QUICK[:2])
    if network.whole:
        assert judged.checks.max_abs_diff == 0.0
    _survives_writing(judged)
    _repeats(judged, plan_model(network.model, options))
    _rows_need_no_more(network.model, options)


def _is_consistent(plan: Plan) -> None:
    """No fewer bytes than live at one time, and "proven" means that the bound is met."""
    placement = plan.placement
    assert plan.arena_bytes >= placement.bound >= plan.profile.lower_bound_bytes
    assert placement.proven == (plan.arena_bytes == placement.bound)
    # An empty arena aside, some storage ends where the arena ends.
    ends = [plan.offset[name] + life.bytes for name, life in plan.lives.items()]
    assert max(ends) == plan.arena_bytes


def _survives_writing(judged: Judged) -> None:
    assert read_memory_map(judged.memory.to_json(), "plan.json") == judged.memory


def _repeats(judged: Judged, again: Plan) -> None:
    """The same network and options give the same bytes."""
    assert emit(again) == judged.files
    assert memory_map(again).to_json() == judged.memory.to_json()


def _rows_need_no_more(model: object, options: Options) -> None:
    """Rows live no longer than their storages: the least arena of rows is no larger."""
    exact = replace(options, place="exact")
    row, none = (plan_model(model, replace(exact, overlap=o)) for o in ("row", "none"))
    if row.placement.proven and none.placement.proven:
        assert row.arena_bytes <= none.arena_bytes
    assert row.profile.lower_bound_bytes <= none.profile.lower_bound_bytes


def test_the_sweep_covers_what_it_should() -> None:
    """Generators drift: every operator, opset and shape of graph has to occur in what CI runs."""
    networks = [random_network(seed) for seed in range(HERE)]
    types, opsets, direct, multi, batches = set(), set(), 0, 0, 0
    for network in networks:
        graph = network.model.graph
        types |= {node.op_type for node in graph.node}
        opsets.add(network.model.opset_import[0].version)
        given = {value.name for value in graph.input}
        direct += any(value.name in given for value in graph.output)
        multi += len(graph.input) > 1 and len(graph.output) > 1
        batches += any(value.type.tensor_type.shape.dim[0].dim_value > 1 for value in graph.input)
    assert opsets == {9, 11, 13, 17, 21}
    assert min(direct, multi, batches) >= 10
    assert 0.3 < sum(network.whole for network in networks) / HERE < 0.7
    assert types >= _OPERATORS


_OPERATORS = {
    "Add", "AveragePool", "BatchNormalization", "Clip", "Concat", "Conv", "ConvTranspose",
    "DepthToSpace", "Div", "Exp", "Flatten", "Gather", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
    "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul", "Pad", "Relu",
    "Reshape", "Resize", "Sigmoid", "Slice", "Softmax", "Split", "Squeeze", "Sub", "Transpose",
    "Unsqueeze",
}  # fmt: skip
