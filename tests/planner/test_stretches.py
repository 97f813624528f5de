"""Stretches of operators made in parts: any of them computes the same, and a search finds which.

    conv -> dw -> conv      becomes      conv -> [dw.0 -> conv.0, dw.1 -> conv.1 -> Concat]

Random networks get random stretches in column bands or groups of channels, put in place by the
rewrites that the search uses, and are judged like all others.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from batches import Case, judge_batch, make_case
from lowtide.clock import Clock
from lowtide.ir.graph import Graph
from lowtide.pipeline.fit import read
from lowtide.planner.make_plan import make_plan, stream
from lowtide.regions.footprint import Reach
from lowtide.rewrites.bands import in_bands
from lowtide.rewrites.channels import in_groups
from lowtide.rewrites.stretch import Stretch, put_in_place
from networks import random_network
from programs import STREAM, judge_plan, plan_model, streamed_model

HERE, ALL, A_BATCH = 50, 500, 25


def random_stretches(graph: Graph, dice: random.Random, windows: bool) -> list[Stretch]:
    """Up to two stretches in two to four bands, or groups of channels; many networks have none."""
    reach, found, at = Reach(graph), list[Stretch](), 0
    for _ in range(30):
        if len(found) == 2 or at >= len(graph.operators):
            break
        first = dice.randrange(at, len(graph.operators))
        end = min(first + dice.randint(1, 5), len(graph.operators))
        read_here = {name for op in graph.operators[first:end] for name in op.read}
        given = windows and first == 0 and not found and bool(read_here & set(graph.inputs))
        count = dice.randint(2, 4)
        one = in_groups(reach, first, end, count) if not given and dice.randrange(2) else None
        one = one or in_bands(reach, first, end, count, given)
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


def test_an_image_whose_first_band_has_one_column_is_handed_in_row_by_row() -> None:
    """A crop of one column does not say which axis its rows go along; the image's does."""
    case, _ = stretch_case(83)
    port = case.plan.inputs[0]
    assert case.plan.layout.graph.shape(port.tensor) == (1, 4, 6, 1)
    assert (port.shape, port.order, port.streamed) == ((1, 4, 6, 5), (0, 2, 3, 1), 6)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(433, id="two stretches cut the same columns out of the image"),
        pytest.param(240, id="a band of one column of an image of one channel"),
    ],
)
def test_stretches_that_once_computed_something_else(seed: int, tmp_path: Path) -> None:
    (judged,) = judge_batch([stretch_case(seed)[0]], tmp_path)
    assert judged.faults == ()


def inverted_residuals(blocks: int, size: int = 12, wide: int = 36) -> onnx.ModelProto:
    """Blocks of expand 1x1 -> depthwise 3x3 -> project 1x1 -> add, 6 channels between them.

    [6, size, size] -> [wide, size, size] -> [wide, size, size] -> [6, size, size] + input
    """
    dice, nodes, weights, x = np.random.default_rng(5), [], [], "x"

    def conv(x: str, y: str, shape: tuple[int, ...], **how: object) -> str:
        for name, of in ((f"{y}.w", shape), (f"{y}.b", shape[:1])):
            drawn = dice.standard_normal(of).astype(np.float32) / np.sqrt(np.prod(of[1:]))
            weights.append(numpy_helper.from_array(drawn.astype(np.float32), name))
        nodes.append(helper.make_node("Conv", [x, f"{y}.w", f"{y}.b"], [y], y, **how))
        return y

    for k in range(blocks):
        wider = conv(x, f"expand{k}", (wide, 6, 1, 1))
        nodes.append(helper.make_node("Relu", [wider], [f"relu{k}"]))
        shape = (wide, 1, 3, 3)
        depthwise = conv(f"relu{k}", f"depthwise{k}", shape, pads=[1, 1, 1, 1], group=wide)
        narrower = conv(depthwise, f"project{k}", (6, wide, 1, 1))
        nodes.append(helper.make_node("Add", [narrower, x], [f"y{k}"]))
        x = f"y{k}"
    shape = [1, 6, size, size]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", x)]
    graph = helper.make_graph(nodes, "inverted", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_groups_of_channels_give_the_same_bits() -> None:
    """The sums go on where the group before stopped: float32 results are equal, not just close."""
    model, clock = inverted_residuals(1), Clock(lambda _: None)
    source, graph = read(model, clock)
    assert [op.type for op in graph.operators] == ["Conv", "Conv", "Conv", "Add"]
    plain = judge_plan(model, streamed_model(model))
    for count in (2, 5):
        one = in_groups(Reach(graph), 0, 3, count)
        assert one is not None
        assert one.extra_macs == 0
        plan = make_plan(source, put_in_place(graph, [one]), STREAM, clock)
        made_by = [
            use and use.kernel.name
            for task, use in zip(plan.tasks, plan.uses, strict=True)
            if task.operator.type == "ConvOnto"
        ]
        assert made_by == ["conv_rows"] * (count - 1)
        parted = judge_plan(model, plan, plain.sample.inputs, plain.sample.outputs)
        np.testing.assert_array_equal(parted.outputs[0], plain.outputs[0])


def test_sums_that_go_on_take_four_bytes_of_an_int8_plan() -> None:
    model, clock = inverted_residuals(1), Clock(lambda _: None)
    source, graph = read(model, clock)
    one = in_groups(Reach(graph), 0, 3, 2)
    assert one is not None
    options = replace(STREAM, element_bytes=1)
    plan = make_plan(source, put_in_place(graph, [one]), options, clock)
    sizes = {name: life.cell_bytes for name, life in plan.lives.items()}
    assert sizes["project0.0"] == 4 * sizes["project0"]


def test_a_convolution_of_several_pixels_is_not_cut_into_groups() -> None:
    """Its definition adds pixel by pixel: in groups of channels the order would be another."""
    _, graph = read(inverted_residuals(1), Clock(lambda _: None))
    assert in_groups(Reach(graph), 0, 2, 2) is None


@pytest.mark.parametrize("image", ["resident", "streamed"])
def test_pieces_of_rows_take_turns_for_no_work(image: str) -> None:
    """Late blocks need less in pieces, at no extra multiply-adds; a budget says how far to go."""
    model = inverted_residuals(3)
    options = replace(STREAM, align=4, image=image)
    plain = streamed_model(model, options)
    parted = plan_model(model, replace(options, max_overhead=0.001))
    assert parted.mac_overhead <= 0.001
    assert parted.arena_bytes < 0.95 * plain.arena_bytes
    judge_plan(model, parted)
