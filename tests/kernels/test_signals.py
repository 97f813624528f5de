"""Signals, of one spatial axis, are made by the kernels that images are made by."""

from __future__ import annotations

from itertools import product

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lowtide

SIZES = ((3, 8, 3, 1), (4, 20, 5, 2), (8, 8, 1, 1))
"""Channels in and out, taps, stride."""


def signal(channels: int, filters: int, taps: int, stride: int, after: str) -> onnx.ModelProto:
    """Conv over 40 samples and what follows it, between two convolutions of one tap."""
    rng = np.random.default_rng(taps)
    group = channels if channels == filters else 1
    w = rng.normal(0, 0.3, (filters, channels // group, taps)).astype(np.float32)
    b = rng.normal(0, 0.3, filters).astype(np.float32)
    pads = [taps // 2, taps // 2]
    given = {"strides": [stride], "pads": pads, "group": group}
    ones = (np.eye(channels)[..., None] + 0.1).astype(np.float32)
    last = rng.normal(0, 0.3, (3, filters, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "ones"], ["h"], "first"),
        helper.make_node("Conv", ["h", "w", "b"], ["c"], "conv", **given),
    ]
    kinds = {
        "": [helper.make_node("Identity", ["c"], ["z"], "last")],
        "Tanh": [helper.make_node("Tanh", ["c"], ["z"], "last")],
        "MaxPool": [
            helper.make_node("Relu", ["c"], ["r"], "relu"),
            helper.make_node("MaxPool", ["r"], ["z"], "pool", kernel_shape=[2], strides=[2]),
        ],
        "AveragePool": [helper.make_node("AveragePool", ["c"], ["z"], "mean", kernel_shape=[3])],
    }
    nodes += [*kinds[after], helper.make_node("Conv", ["z", "last"], ["y"], "last_conv")]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, channels, 40))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    constants = [
        numpy_helper.from_array(values, name)
        for name, values in {"w": w, "b": b, "ones": ones, "last": last}.items()
    ]
    graph = helper.make_graph(nodes, "signal", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("size", "after"),
    list(product(SIZES, ("", "Tanh", "MaxPool", "AveragePool"))),
    ids=lambda value: value if isinstance(value, str) else "x".join(map(str, value)),
)
def test_signals_have_the_kernels_of_images(size: tuple[int, ...], after: str) -> None:
    plan = lowtide.profile(signal(*size, after), options=lowtide.Options(objective="latency"))
    used = {
        task.operator.inlined.name if task.operator.inlined else task.operator.name: use.kernel.name
        for task, use in zip(plan.tasks, plan.uses, strict=True)
        if use
    }
    depthwise = size[0] == size[1]
    pooled = depthwise and after == "MaxPool"  # of those in one go there is no kernel
    wanted = None if pooled else "depthwise_rows" if depthwise else "conv_rows"
    assert used.get("conv") == wanted


def test_what_the_kernels_make_of_signals_is_right() -> None:
    """All of them in one network, which `fit` judges."""
    found = [signal(*size, after) for size in SIZES for after in ("Tanh", "MaxPool", "AveragePool")]
    nodes, constants, inputs, outputs = [], [], [], []
    for k, model in enumerate(found):
        part = onnx.compose.add_prefix(model, f"n{k}_")
        nodes += part.graph.node
        constants += part.graph.initializer
        inputs += part.graph.input
        outputs += part.graph.output
    graph = helper.make_graph(nodes, "signals", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    fitted = lowtide.fit(model, options=lowtide.Options(objective="latency"))
    assert fitted.checks is not None
    assert fitted.checks.faults == 0
