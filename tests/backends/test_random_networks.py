"""Random networks, planned, emitted, judged in batches, and compared with onnxruntime.

Whole-number networks must agree exactly: every sum in them is below 2**24, so its order is of no
consequence. The others may differ by what onnxruntime differs from itself (expected.TOLERANCE).
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
from lowtide.planner.plan import Plan
from lowtide.planner.plan_json import read_memory_map
from networks import random_network, random_options
from programs import plan_model, turned

HERE, ALL, A_BATCH = 300, 3000, 50


def _seeds(stop: int, here: int, step: int = 1) -> list[object]:
    """Every step-th seed; those from `here` on are left to the whole sweep."""
    slow = [pytest.mark.slow]
    return [pytest.param(s, marks=slow if s >= here else []) for s in range(0, stop, step)]


@pytest.mark.parametrize("seed", _seeds(ALL // 3, HERE // 3))
def test_a_random_network_is_planned(seed: int) -> None:
    network, options = random_network(seed), random_options(seed)
    plan = plan_model(network.model, options)
    _is_consistent(plan)
    _survives_writing(plan)
    _repeats(plan, plan_model(network.model, options))
    _rows_need_no_more(network.model, options)


@pytest.mark.parametrize("first", _seeds(ALL, HERE, A_BATCH))
def test_random_networks_compute(first: int, tmp_path: Path) -> None:
    cases = [network_case(seed) for seed in range(first, first + A_BATCH)]
    found = judge_batch(cases, tmp_path)
    counts = sum((judged.counts() for judged in found), Counter[str]())
    print(dict(sorted(counts.items())))
    assert [fault for judged in found for fault in judged.faults] == []
    for kind in ("row", "group", "pixel", "forward", "backward"):
        assert counts[f"{kind}, overlaps"] >= 1, kind
    assert counts["exact"] >= A_BATCH // 4
    assert counts["kernels"] >= 1


def network_case(seed: int) -> Case:
    """The network with the planner's plan, or with directions by chance: few turn by themselves."""
    network, dice = random_network(seed), random.Random(f"directions {seed}")
    plan = plan_model(network.model, random_options(seed))
    if plan.options.overlap != "none" and dice.random() < 0.5:
        rows = [k for k, task in enumerate(plan.tasks) if task.row]
        plan = turned(plan, frozenset(k for k in rows if dice.random() < 0.5))
    return make_case(f"random network {seed}", network, plan)


def _is_consistent(plan: Plan) -> None:
    """No fewer bytes than live at one time, and "proven" means that the bound is met."""
    placement = plan.placement
    # The bound is of every direction that was tried, the live bytes are of the one that was taken.
    assert plan.arena_bytes >= max(placement.bound, plan.profile.lower_bound_bytes)
    assert placement.proven == (plan.arena_bytes == placement.bound)
    # An empty arena aside, some storage ends where the arena ends.
    ends = [plan.offset[name] + life.bytes for name, life in plan.lives.items()]
    assert max(ends) == plan.arena_bytes


def _survives_writing(plan: Plan) -> None:
    memory = memory_map(plan)
    assert read_memory_map(memory.to_json(), "plan.json") == memory


def _repeats(plan: Plan, again: Plan) -> None:
    """The same network and options give the same bytes."""
    assert emit(again) == emit(plan)
    assert memory_map(again).to_json() == memory_map(plan).to_json()


def _rows_need_no_more(model: object, options: Options) -> None:
    """Rows live no longer than their storages: the least arena of rows is no larger.

    Of the same operators, that is: in the order of the file, what a fused pool reads may have to
    wait for it longer than what it makes would.
    """
    exact = replace(options, place="exact", fuse_pools=False)
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
    "Abs", "ArgMax", "ArgMin", "Cast", "Ceil", "CumSum", "DequantizeLinear", "Einsum", "Elu", "Erf",
    "Expand", "Floor", "GRU", "InstanceNormalization", "LRN", "LSTM", "LayerNormalization", "Less",
    "LogSoftmax", "LpNormalization", "Max", "Mean", "Min", "Neg", "PRelu", "QuantizeLinear",
    "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Round", "Selu",
    "Sign", "Sin", "Softplus", "Softsign", "SpaceToDepth", "Sum", "Tanh", "Tile", "Where",
}  # fmt: skip
