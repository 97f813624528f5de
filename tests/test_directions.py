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
from lowtide.plan import Options
from programs import plan_model

EXACT = Options(overlap="pixel", align=4, fuse_pools=False)


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


def model_of(layers: list[Layer]) -> onnx.ModelProto:
    nodes, weights = [], []
    for k, layer in enumerate(layers):
        shape = (layer.outputs, layer.inputs, layer.rows.kernel, layer.columns.kernel)
        weights.append(numpy_helper.from_array(np.ones(shape, np.float32), f"w{k}"))
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
