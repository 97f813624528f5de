"""Chains that run forwards and backwards in turn.

address  ------------------------->        every output slides a little past the input that it
input    [==========]                      replaces, back and forth; the arena is
conv1  [==========]                        max over layers of max(N_out, N_in + d*)
conv2    [==========]
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from closed_forms import Axis, Layer
from lowtide.errors import UsageError
from lowtide.planner.options import Options
from programs import plan_model

EXACT = Options(schedule="layerwise", overlap="pixel", align=4, fuse_pools=False)


def random_chain(seed: int) -> list[Layer]:
    """Two to six dense convolutions, some of which make pictures smaller."""
    dice, size, channels, layers = random.Random(seed), (11, 12), 3, []
    for _ in range(dice.randint(2, 6)):
        made, kernel = dice.choice((2, 4, 8, 9)), dice.choice((1, 3, 3, 5))
        stride = dice.choice((1, 1, 1, 2)) if min(size) > 5 else 1
        axes = tuple(Axis(n, kernel, stride, 1, kernel // 2, kernel // 2) for n in size)
        layers.append(Layer(*axes, channels, made, 1))
        size, channels = (axes[0].made, axes[1].made), made
    return layers


def dense(shape: tuple[int, ...], name: str) -> onnx.TensorProto:
    """Weights of too many levels to be packed: what kernels unpack would need room beside them."""
    drawn = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    return numpy_helper.from_array(drawn, name)


def model_of(layers: list[Layer]) -> onnx.ModelProto:
    nodes, weights = [], []
    for k, layer in enumerate(layers):
        shape = (layer.outputs, layer.inputs, layer.rows.kernel, layer.columns.kernel)
        weights.append(dense(shape, f"w{k}"))
        how = {"strides": [layer.rows.stride] * 2, "pads": [layer.rows.before] * 4}
        nodes.append(helper.make_node("Conv", [f"x{k}", f"w{k}"], [f"x{k + 1}"], **how))
    first, last = layers[0], layers[-1]
    x = (1, first.inputs, first.rows.size, first.columns.size)
    y = (1, last.outputs, last.rows.made, last.columns.made)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x0", x), (f"x{len(layers)}", y))
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def alternating(layers: list[Layer], first_backward: bool) -> int:
    """The arena of a chain, in elements, from the closed forms alone."""
    most = 0
    for k, layer in enumerate(layers):
        form = layer.mirrored if (k % 2 == 0) is first_backward else layer
        most = max(most, form.out_elements, form.in_elements + form.by_pixel())
    return most


@pytest.mark.parametrize("seed", range(40))
def test_a_chain_takes_the_better_of_the_two_alternations(seed: int) -> None:
    layers = random_chain(seed)
    both = [alternating(layers, first) for first in (False, True)]
    each = [
        max(x.out_elements, min(x.in_elements + f.by_pixel() for f in (x, x.mirrored)))
        for x in layers
    ]
    plan = plan_model(model_of(layers), EXACT)
    assert plan.placement.proven
    # Less only where a chain that never turns does with less; never less than a layer alone.
    assert max(each) <= plan.arena_bytes // 4 <= min(both)
    if plan.schedule.backward:
        assert plan.arena_bytes // 4 == min(both)


def test_turning_pays() -> None:
    """Four equal layers in one direction would have to drift; in turn they do not."""
    axes = (Axis(16, 3, 1, 1, 1, 1), Axis(16, 3, 1, 1, 1, 1))
    layers = [Layer(*axes, 8, 8, 1)] * 4
    plan = plan_model(model_of(layers), EXACT)
    assert plan.schedule.backward in ({0, 2}, {1, 3})
    assert plan.arena_bytes // 4 == 16 * 16 * 8 + 17 * 8 == alternating(layers, False)


def test_kept_inputs_are_not_overlapped() -> None:
    layers = random_chain(0)
    plan = plan_model(model_of(layers), replace(EXACT, keep_input=True))
    size = plan.lives["x0"].bytes
    assert (plan.lives["x0"].stop == plan.schedule.ticks + 1).all()
    assert plan.arena_bytes > size + plan.lives[f"x{len(layers)}"].bytes - 4


@pytest.mark.parametrize("tile", [1, 3, 8])
def test_an_accelerators_tiles(tile: int) -> None:
    """--tile 1xT: a pixel's channels are written T at a time, its inputs read anew for each."""
    axes = (Axis(9, 3, 1, 1, 1, 1), Axis(9, 3, 1, 1, 1, 1))
    layer = Layer(*axes, 8, 8, 1)
    plan = plan_model(model_of([layer]), replace(EXACT, tile=(1, tile)))
    assert plan.arena_bytes // 4 == layer.in_elements + layer.by_tiles(tile)


def test_a_kept_input_counts_in_every_order() -> None:
    """x -> a -> b and x -> c -> d, x kept: what `least` finds is the least with x there."""
    model = two_branches()
    plans = [
        plan_model(
            model,
            Options(schedule="layerwise", overlap="none", align=4, keep_input=True, order=order),
        )
        for order in ("least", "given")
    ]
    least, given = (plan.profile.layerwise_bytes for plan in plans)
    assert least <= given
    assert plans[0].arena_bytes >= least == plans[0].schedule.bound


def two_branches() -> onnx.ModelProto:
    """Two chains of two convolutions from one input, the wide one first."""
    nodes, weights, outputs = [], [], []
    for name, channels in (("a", (50, 8)), ("b", (45, 1))):
        before, source = 10, "x"
        for k, made in enumerate(channels):
            shape = (made, before, 3, 3)
            weights.append(dense(shape, f"w{name}{k}"))
            how = {"pads": [1] * 4}
            nodes.append(helper.make_node("Conv", [source, f"w{name}{k}"], [f"{name}{k}"], **how))
            before, source = made, f"{name}{k}"
        outputs.append(helper.make_tensor_value_info(source, TensorProto.FLOAT, (1, before, 4, 4)))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 10, 4, 4))
    graph = helper.make_graph(nodes, "branches", [x], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_tile_wider_than_a_row_of_one_pixel_is_refused() -> None:
    """A 1-D convolution's rows are single pixels: two of them are no tile."""
    weights = numpy_helper.from_array(np.ones((4, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, channels, 20))
        for name, channels in (("x", 3), ("y", 4))
    ]
    graph = helper.make_graph([node], "line", ends[:1], ends[1:], [weights])
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(UsageError, match="one pixel"):
        plan_model(model, replace(EXACT, tile=(4, 3)))
    assert plan_model(model, replace(EXACT, tile=(1, 3))).arena_bytes > 0
