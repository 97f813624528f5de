"""Generated weights in C: factors lie packed in flash, and every way to run them is the layer.

    factored        1x1 (U) -> k x k in groups (B) -> 1x1 (V), each row kernel unpacks as it reads
    materialised    W = V (U B) in the arena, all at once or a block of filters at a time

Judged like everything else: each read (reference.c), each call (net.c), as it ships; the reference
is the layer with dense weights in onnxruntime.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.check.numbers import Reference, Sample
from lowtide.clock import Clock
from lowtide.ir.codes import Codes, make
from lowtide.ir.find_codes import LEAST_SAVED
from lowtide.pipeline.fit import read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.make_plan import make_plan
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.rewrites.filter_blocks import filter_blocks, most_filters
from lowtide.weights.account import Form
from lowtide.weights.format import Generated
from lowtide.weights.network import read as read_network
from lowtide.weights.runner import Runner
from lowtide.weights.store import store
from network_builder import Network
from programs import GREEDY, STREAM, judge_plan
from spoiled import ROWS, Case, Movable, element_lives, moves, rejected, shared_steps
from weight_layers import Array, codes, conv, factors

OPTIONS = (
    GREEDY, replace(GREEDY, overlap="row"), replace(GREEDY, overlap="pixel", align=4), STREAM,
    replace(STREAM, io_layout="nchw"), replace(STREAM, image="streamed", result="streamed"),
)  # fmt: skip
FORMS: tuple[Form, ...] = ("factored", "materialised")


def quiet(_: str) -> None:
    pass


def layer(
    seed: int, form: Form, wide: int
) -> tuple[onnx.ModelProto, Generated, Array, Array]:  # fmt: skip
    """A layer stored in a form: the file, the factors, an input, and what the dense layer gives."""
    dice = random.Random(seed)
    model, x = conv(dice, wide)
    network = read_network(model)
    (found,) = network.layers
    made = factors(dice, found.filters)
    (expected,) = Runner(network).outputs({"x": x}, {found.weight: made.values})
    return store(network, {found.name: made}, {}, form), made, x, expected


def plan_of(model: onnx.ModelProto, options: Options, blocks: int = 1) -> Plan:
    """A plan, made weights in so many blocks."""
    source, graph = read(model, Clock(quiet))
    if blocks > 1 and most_filters(graph):
        graph = filter_blocks(graph, -(-most_filters(graph) // blocks))
    return make_plan(source, graph, options, Clock(quiet))


def judged(seed: int, form: Form, wide: int = 1) -> None:
    model, made, x, expected = layer(seed, form, wide)
    dice = random.Random(-seed - 1)
    options, blocks = dice.choice(OPTIONS), dice.choice((1, 1, 2, 5))
    plan = plan_of(model, options, blocks)
    judge_plan(model, plan, {"x": x}, [expected])
    # What is too small to gain by packing stays float32: a factor, or its part of a block.
    small = len(made.factors) * blocks
    most = made.bytes + 4 * made.filters.outputs + (LEAST_SAVED + 16) * small
    assert plan.profile.weight_bytes <= most


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(8))
def test_factors_are_the_layer(seed: int, form: Form) -> None:
    judged(seed, form, 1 + 5 * (seed % 2))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(8, 80))
def test_factors_are_the_layer_sweep(seed: int, form: Form) -> None:
    judged(seed, form, 1 + 5 * (seed % 2))


def dense(inputs: int, outputs: int, side: int) -> onnx.ModelProto:
    """A 3x3 convolution of an image."""
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], "conv", pads=[1, 1, 1, 1])
    zeros = np.zeros((outputs, inputs, 3, 3), np.float32)
    graph = onnx.helper.make_graph(
        [node], "one", [value("x", kind, [1, inputs, side, side])],
        [value("y", kind, [1, outputs, side, side])], [onnx.numpy_helper.from_array(zeros, "w")],
    )  # fmt: skip
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)


def product() -> onnx.ModelProto:
    """A layer of 24 -> 40 channels, W = V K of 10 kernels made where it runs."""
    rng, network = np.random.default_rng(0), read_network(dense(24, 40, 6))
    (found,) = network.layers
    made = Generated(found.filters, codes(rng, 4, 10, 216), None, codes(rng, 3, 40, 10))
    return store(network, {found.name: made}, {}, "materialised")


def test_made_weights_lie_in_the_arena_and_in_blocks_in_less() -> None:
    """40 filters of 864 bytes: whole 33.75 KiB, in blocks of an eighth a good 4.2 KiB."""
    source, graph = read(product(), Clock(quiet))
    whole = make_plan(source, graph, Options(), Clock(quiet))
    least = plan_filters(source, graph, Options(), Clock(quiet))
    image, made = 24 * 36 * 4, 40 * 36 * 4
    assert whole.arena_bytes >= 40 * 864 + image
    assert least.arena_bytes <= 40 * 864 / 8 + image + made + 16 * 8
    assert least.profile.macs == whole.profile.macs == 40 * 216 * 36 + 40 * 10 * 216
    assert least.profile.weight_bytes < 40 * 864 / 15


def test_a_budget_takes_the_largest_blocks_that_meet_it() -> None:
    source, graph = read(product(), Clock(quiet))

    def blocks(budget: int | None) -> int:
        plan = plan_filters(source, graph, Options(), Clock(quiet), budget)
        return sum(task.operator.type == "Conv" for task in plan.tasks)

    assert [blocks(n) for n in (60_000, 30_000, 20_000, None)] == [1, 2, 4, 8]


def whole_product(form: Form) -> tuple[onnx.ModelProto, Array]:
    """A small layer of whole numbers, 6 -> 8 channels over 4 kernels of rank 2, and an input."""
    rng = np.random.default_rng(0)
    model = dense(6, 8, 5)
    network = read_network(model)

    def small(vectors: int, length: int) -> Codes:
        return make(3, False, rng.integers(-4, 4, (vectors, length)), np.ones(vectors))

    filters = network.layers[0].filters
    made = Generated(filters, small(4, 18), small(4, 12), small(8, 4))
    x = rng.integers(1, 5, (1, 6, 5, 5)).astype(np.float32)
    return store(network, {network.layers[0].name: made}, {}, form), x


@pytest.mark.parametrize("form", FORMS)
def test_spoiled_plans_are_noticed(form: Form, tmp_path: Path) -> None:
    """Storages moved a little, onto others, into forbidden intervals: as in test_spoiled_plans."""
    model, x = whole_product(form)
    plan = plan_of(model, ROWS, 2)
    assert plan.layout.graph.packed
    outputs = Reference(model.SerializeToString(), "spoiled").run({"x": x})
    case = Case(Network(model, {"x": x}, True), plan, Sample("given", {"x": x}, outputs))
    programs = [Movable(case, name, tmp_path / name) for name in ("reference.c", "net.c")]
    assert all(right and not seen.faults for seen, right in (p.run(plan) for p in programs))
    lives, moved = element_lives(plan), list(moves(plan))
    random.Random(0).shuffle(moved)
    kept = set(plan.layout.scratch.values())  # what kernels unpack; reference.c has none
    stored = {name: life for name, life in lives.items() if name not in kept}
    lost = {True: 0, False: 0}
    for storage, offset in moved[:60]:
        spoiled, own = plan.moved(storage, offset), {} if storage in kept else stored
        shared = [shared_steps(spoiled, held, storage) if held else 0 for held in (own, lives)]
        verdicts = [program.run(spoiled) for program in programs]
        assert all(right or seen.faults for seen, right in verdicts), "wrong and unseen"
        assert rejected(spoiled) or not (any(shared) or any(seen.faults for seen, _ in verdicts))
        for steps, (seen, _) in zip(shared, verdicts, strict=True):
            assert steps < 2 or seen.faults
        lost[storage in kept] += shared[1] > 1
    assert lost[False] > 3
    assert lost[True] > 3 or not kept


@pytest.mark.parametrize("source", ["net.c", "checks/reference.c"])
@pytest.mark.parametrize("form", FORMS)
def test_sanitizers_see_nothing(form: Form, source: str, tmp_path: Path) -> None:
    for seed in (1, 3, 5):
        model, *_ = layer(seed, form, 6)
        plan = plan_of(model, STREAM, 2)
        folder = tmp_path / str(seed)
        write_sources(emit(plan), folder)
        port = plan.inputs[0].identifier
        (folder / "main.c").write_text(
            f'#include "net.h"\nint main(void)\n{{\n    for (int i = 0; i < '
            f"{plan.inputs[0].elements}; i++)\n        net_input_{port}()[i] = 0.5f;\n"
            "    net_run();\n    net_run();\n    return 0;\n}\n"
        )
        compiler = find_compiler()
        assert compiler is not None
        flags = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        build = [*compiler, *WARNINGS, *flags, "-I.", "main.c", source, "-o", "run", "-lm"]
        subprocess.run(build, cwd=folder, check=True)
        subprocess.run([folder / "run"], check=True)
