"""What is derived from the operators' definitions equals what was worked out by hand.

input   [.......######]        d* = A_in - A_out: the least distance at which the output may
output  [######.......]        follow the input that it replaces, for every write order
"""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from closed_forms import Layer, random_layer
from lowtide.clock import Clock
from lowtide.layout.lay_out import Layout, lay_out
from lowtide.overlap.problem import collisions
from lowtide.pipeline.fit import read
from lowtide.rewrites.as_if import as_if
from lowtide.rows.liveness import lifetimes
from lowtide.rows.task import PIXEL, ROW, Grain, Task, make_tasks
from lowtide.schedules import layerwise
from lowtide.schedules.direction import directed

LAYERS, A_PIECE = 2000, 100


def model_of(layer: Layer) -> ModelProto:
    rows, columns = layer.rows, layer.columns
    shape = (layer.outputs, layer.inputs // layer.groups, rows.kernel, columns.kernel)
    node = helper.make_node(
        "Conv",
        ["x", "w"],
        ["y"],
        group=layer.groups,
        strides=[rows.stride, columns.stride],
        dilations=[rows.dilation, columns.dilation],
        pads=[rows.before, columns.before, rows.after, columns.after],
    )
    x = helper.make_tensor_value_info(
        "x", TensorProto.FLOAT, (1, layer.inputs, rows.size, columns.size)
    )
    y = helper.make_tensor_value_info(
        "y", TensorProto.FLOAT, (1, layer.outputs, rows.made, columns.made)
    )
    w = numpy_helper.from_array(np.zeros(shape, np.float32), "w")
    graph = helper.make_graph([node], "layer", [x], [y], [w])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def distance(layout: Layout, task: Task, grain: Grain, backward: bool) -> int:
    """The derived d*, in elements: output below the input forwards, above it backwards."""
    tasks = (task.cut(grain),)
    schedule = directed(
        layerwise.schedule(layout, tasks), frozenset([0]) if backward else frozenset()
    )
    lives = lifetimes(layout, tasks, schedule)
    x, y = lives["x"], lives["y"]
    found = collisions(x, y)
    if backward:
        return max(0, y.bytes - x.bytes - found[0][0])
    return max(0, found[-1][1])


@pytest.mark.parametrize("piece", range(LAYERS // A_PIECE))
def test_the_derived_distance_is_the_closed_form(piece: int) -> None:
    clipped = 0
    for seed in range(piece * A_PIECE, (piece + 1) * A_PIECE):
        layer = random_layer(seed)
        _, graph = read(model_of(layer), Clock(lambda _: None))
        layout = lay_out(as_if(graph, 1))
        (task,) = make_tasks(layout)
        wide, tile = layer.columns.made, 1 + seed % layer.outputs
        for backward in (False, True):
            form = layer.mirrored if backward else layer
            expected = {
                PIXEL: form.by_pixel(),
                ROW: form.by_row(),
                Grain(wide, atomic=True): form.by_line(),
                Grain(1): form.by_group(1, atomic=False),
                Grain(3): form.by_group(3, atomic=False),
                Grain(2, atomic=True): form.by_group(2, atomic=True),
            }
            if layer.groups == 1:
                expected[Grain(1, tile, atomic=True)] = form.by_tiles(tile)
            elif layer.groups == layer.inputs:
                each = layer.outputs - layer.inputs  # element by element: e = K - C
                expected[Grain(1, 1, atomic=True)] = form.by_pixel(each)
            for grain, least in expected.items():
                assert distance(layout, task, grain, backward) == least, (seed, backward, grain)
                clipped += least == 0
    assert clipped < A_PIECE * 7  # most distances are more than none
