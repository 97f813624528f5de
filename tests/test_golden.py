"""What lowtide writes for three small networks, to the byte.

    residual   Conv -> Conv -> Add -> Relu -> MaxPool -> Gemm       rows in turns, a skip
    joined     Conv -> Concat of two branches -> Resize -> Conv     a join, an interpolation
    packed     Conv and Gemm whose weights are low-bit codes        codes in flash

A change that means to write something else renews them: pytest tests/test_golden.py --renew-goldens
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lowtide
from lowtide.backends import emit
from lowtide.planner.memory_map import memory_map
from lowtide.report.memory_svg import memory_svg

GOLDEN = Path(__file__).parent / "golden"
FILES = ("net.c", "net_weights.c", "net.h", "main.c", "plan.json", "memory.svg")


class Network:
    """Nodes one after the other, with seeded weights."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, *inputs: str, name: str, **attributes: object) -> str:
        made = helper.make_node(kind, inputs, [name], name, **attributes)
        self.nodes.append(made)
        return name

    def conv(self, x: str, name: str, filters: int, channels: int, **attributes: object) -> str:
        w = self.rng.normal(0, 0.3, (filters, channels, 3, 3)).astype(np.float32)
        b = self.rng.normal(0, 0.1, filters).astype(np.float32)
        weights = self.constant(f"{name}.w", w), self.constant(f"{name}.b", b)
        return self.node("Conv", x, *weights, name=name, pads=[1, 1, 1, 1], **attributes)

    def codes(self, name: str, *shape: int) -> str:
        """Weights of 4 bits, a scale a filter."""
        scales = np.exp2(-self.rng.integers(3, 7, shape[0])).reshape(-1, *[1] * (len(shape) - 1))
        return self.constant(name, (self.rng.integers(-7, 8, shape) * scales).astype(np.float32))

    def model(
        self, name: str, inputs: tuple[int, ...], output: str, *shape: int
    ) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, name, [x], [y], self.constants)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)


def residual() -> onnx.ModelProto:
    net = Network()
    first = net.conv("x", "first", 4, 3)
    skip = net.node("Relu", first, name="skip")
    second = net.conv(skip, "second", 4, 4)
    added = net.node("Relu", net.node("Add", second, skip, name="added"), name="active")
    pooled = net.node("MaxPool", added, name="pooled", kernel_shape=[2, 2], strides=[2, 2])
    flat = net.node("Flatten", pooled, name="flat")
    w = net.constant("dense.w", net.rng.normal(0, 0.2, (5, 64)).astype(np.float32))
    net.node("Gemm", flat, w, name="dense", transB=1)
    return net.model("residual", (1, 3, 8, 8), "dense", 1, 5)


def joined() -> onnx.ModelProto:
    net = Network()
    first = net.conv("x", "first", 4, 2, strides=[2, 2])
    left = net.node("Sigmoid", net.conv(first, "left", 3, 4), name="gate")
    right = net.conv(first, "right", 2, 4, dilations=[1, 1])
    both = net.node("Concat", left, right, name="both", axis=1)
    scales = net.constant("scales", np.array([1, 1, 2, 2], np.float32))
    large = net.node("Resize", both, "", scales, name="large", mode="linear")
    net.conv(large, "last", 2, 5)
    return net.model("joined", (1, 2, 8, 8), "last", 1, 2, 8, 8)


def packed() -> onnx.ModelProto:
    net = Network()
    w = net.codes("first.w", 8, 3, 3, 3)
    first = net.node("Conv", "x", w, name="first", pads=[1, 1, 1, 1], strides=[2, 2])
    active = net.node("Relu", first, name="active")
    deep = net.node("Conv", active, net.codes("deep.w", 8, 1, 3, 3), name="deep", group=8)
    flat = net.node("Flatten", deep, name="flat")
    net.node("Gemm", flat, net.codes("dense.w", 6, 32), name="dense", transB=1)
    return net.model("packed", (1, 3, 8, 8), "dense", 1, 6)


@pytest.mark.parametrize("make", [residual, joined, packed], ids=lambda make: make.__name__)
def test_what_is_written_stays_the_same_to_the_byte(
    make: type, request: pytest.FixtureRequest
) -> None:
    plan = lowtide.profile(make())
    memory = {"plan.json": memory_map(plan).to_json().encode(), "memory.svg": memory_svg(plan)}
    written = {**emit(plan), **memory}
    folder = GOLDEN / make.__name__
    if request.config.getoption("--renew-goldens"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            content = written[name]
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in FILES:
        content = written[name]
        held = (folder / name).read_bytes()
        assert held == (content if isinstance(content, bytes) else content.encode()), name
