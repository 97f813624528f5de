"""Volumes, of three spatial axes, are made by the kernels that images are made by."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lowtide

LAYERS = {
    "conv 3x3x3": ((4, 20, 1, (3, 3, 3)), {"pads": [1] * 6}, (), ["conv_rows"]),
    "conv with strides": (
        (4, 20, 1, (2, 3, 1)), {"strides": [2, 1, 2], "pads": [1, 1, 0, 0, 2, 0]}, (),
        ["conv_rows"],
    ),
    "dilation, one row a plane": (
        (3, 5, 1, (2, 7, 2)), {"dilations": [2, 1, 3]}, ("Tanh",), ["conv_rows"],
    ),
    "depthwise": ((8, 8, 8, (3, 3, 3)), {"pads": [1] * 6}, ("Relu",), ["depthwise_rows"]),
    "groups, then the largest": (
        (4, 6, 2, (1, 3, 3)), {"pads": [0, 1, 1] * 2}, ("MaxPool",), ["conv_rows", "max_rows"],
    ),
    "conv, then the mean": (
        (4, 6, 1, (3, 1, 3)), {"pads": [1, 0, 1] * 2}, ("Tanh", "AveragePool"),
        ["conv_rows", "mean_rows"],
    ),
}  # fmt: skip
"""Channels in and out, groups, taps; attributes; what follows; the kernels."""


def volume(name: str) -> onnx.ModelProto:
    """The layer on images of 7 x 6, five of them, between two convolutions of one tap."""
    (channels, filters, group, taps), given, after, _ = LAYERS[name]
    rng, shape = np.random.default_rng(channels), (filters, channels // group, *taps)
    constants = {
        "w": rng.normal(0, 0.3, shape),
        "b": rng.normal(0, 0.3, filters),
        "first": (np.eye(channels) + 0.1)[..., None, None, None],
        "last": rng.normal(0, 0.3, (3, filters, 1, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["h"], "first"),
        helper.make_node("Conv", ["h", "w", "b"], ["c"], "conv", group=group, **given),
    ]
    for kind in after:
        pool = {"kernel_shape": [2, 2, 2], "strides": [2, 1, 2], "pads": [1, 0, 0, 0, 1, 0]}
        how = pool if kind.endswith("Pool") else {}
        nodes.append(helper.make_node(kind, nodes[-1].output, [f"{kind}'s"], kind, **how))
    nodes.append(helper.make_node("Conv", [nodes[-1].output[0], "last"], ["y"], "last"))
    graph = helper.make_graph(
        nodes,
        "volume",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, channels, 5, 7, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("name", LAYERS)
def test_volumes_have_the_kernels_of_images(name: str) -> None:
    plan = lowtide.profile(volume(name), options=lowtide.Options(objective="latency"))
    assert [use.kernel.name for use in plan.uses if use] == LAYERS[name][-1]


def test_what_the_kernels_make_of_volumes_is_right() -> None:
    """All of them in one network, which `fit` judges."""
    parts = [onnx.compose.add_prefix(volume(name), f"n{k}_") for k, name in enumerate(LAYERS)]
    graph = helper.make_graph(
        [node for part in parts for node in part.graph.node],
        "volumes",
        [one for part in parts for one in part.graph.input],
        [one for part in parts for one in part.graph.output],
        [one for part in parts for one in part.graph.initializer],
    )
    model = helper.make_model(graph, opset_imports=parts[0].opset_import, ir_version=8)
    fitted = lowtide.fit(model)
    assert fitted.checks is not None
    assert fitted.checks.faults == 0
