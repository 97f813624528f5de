"""Random networks that run along time, for any number of rows: of whole numbers, so all is exact.

Every convolution is clipped to -8 .. 8, and means are of two or four rows, rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lowtide.ir.graph import Array, Shape

KINDS = ("conv", "strided", "pool", "residual", "halved", "concat", "pad", "relu", "cut", "up")


@dataclass
class _Drawing:
    """A network that is being drawn; images have an axis of columns behind that of time."""

    rng: np.random.Generator
    columns: int
    channels: int = 1
    stride: int = 1
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def constant(self, values: Array) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, inputs, [name], name=f"{kind}{name}", **attributes)
        )
        return name

    def across(self, time: int, other: int) -> list[int]:
        """A number along time, and the one across."""
        return [time, other] if self.columns else [time]

    def pads(self, before: int, after: int, across: int) -> list[int]:
        return self.across(before, across) + self.across(after, across)

    def clipped(self, x: str) -> str:
        ends = [self.constant(np.float32(end)) for end in (-8, 8)]
        return self.node("Clip", [x, *ends])

    def weights(self, *shape: int) -> str:
        return self.constant(self.rng.integers(-1, 2, shape).astype(np.float32))

    def conv(self, x: str, makes: int, stride: int = 1, keeps: bool = False) -> str:
        """`keeps`: as many rows as there were, for branches that meet again."""
        kernel, dilation = self.between(1, 4), self.between(1, 3)
        reach = (kernel - 1) * dilation
        before = self.between(0, reach)
        after = reach - before if keeps else self.between(0, reach)
        deep = makes == self.channels and self.rng.random() < 0.3
        w = self.weights(makes, 1 if deep else self.channels, *self.across(kernel, 3))
        made = self.node(
            "Conv", [x, w], kernel_shape=self.across(kernel, 3), strides=self.across(stride, 1),
            dilations=self.across(dilation, 1), pads=self.pads(before, after, 1),
            group=makes if deep else 1,
        )  # fmt: skip
        return self.clipped(made)

    def draw(self, kind: str, x: str) -> str:
        more = self.between(2, 3) if self.stride < 6 else 1
        if kind in ("conv", "strided"):
            makes, step = self.between(1, 3), more if kind == "strided" else 1
            x = self.conv(x, makes, step)
            self.channels, self.stride = makes, self.stride * step
        elif kind == "pool":
            x, self.stride = self.pool(x, more), self.stride * more
        elif kind == "residual":
            inner = self.node("Relu", [self.conv(x, self.channels, keeps=True)])
            x = self.node("Add", [x, self.conv(inner, self.channels, keeps=True)])
        elif kind == "halved":
            x = self.halved(x, more)
        elif kind == "concat":
            parts = [self.conv(x, 1, keeps=True), x, self.conv(x, 2, keeps=True)]
            x, self.channels = self.node("Concat", parts, axis=1), self.channels + 3
        elif kind == "pad":
            ends = [0, 0, *self.across(self.between(0, 2), 1), 0, 0, *self.across(2, 0)]
            self.columns += bool(self.columns)
            x = self.node("Pad", [x, self.constant(np.asarray(ends, np.int64))])
        elif kind == "relu":
            x = self.node("Relu", [x])
        elif kind == "cut":
            ends = ([self.between(0, 2)], [-self.between(1, 2)], [2])
            x = self.node("Slice", [x, *(self.constant(np.asarray(e, np.int64)) for e in ends)])
        else:
            x = self.up(x)
        return x

    def pool(self, x: str, stride: int) -> str:
        kind, kernel = ("MaxPool", "AveragePool")[self.between(0, 1)], 2 * self.between(1, 2)
        x = self.node(
            kind, [x], kernel_shape=self.across(kernel, 1), strides=self.across(stride, 1),
            pads=self.pads(self.between(0, 1), self.between(0, 1), 0),
        )  # fmt: skip
        return self.node("Floor", [x])

    def halved(self, x: str, stride: int) -> str:
        """A block of a residual network that takes every second row."""
        makes, strides = self.between(1, 3), self.across(stride, 1)
        w, one = (self.weights(makes, self.channels, *self.across(k, k)) for k in (3, 1))
        a = self.node(
            "Conv", [x, w], kernel_shape=self.across(3, 3), strides=strides, pads=self.pads(1, 1, 1)
        )
        b = self.node("Conv", [x, one], kernel_shape=self.across(1, 1), strides=strides)
        self.channels, self.stride = makes, self.stride * stride
        return self.clipped(self.node("Add", [a, b]))

    def up(self, x: str) -> str:
        kernel, dilation, stride = self.between(1, 4), self.between(1, 2), self.between(2, 3)
        reach = (kernel - 1) * dilation
        makes = self.between(1, 3)
        w = self.weights(self.channels, makes, *self.across(kernel, 3))
        self.channels = makes
        made = self.node(
            "ConvTranspose", [x, w], strides=self.across(stride, 1),
            dilations=self.across(dilation, 1),
            pads=self.pads(self.between(0, reach), self.between(0, reach), 1),
            output_padding=self.across(self.between(0, stride - 1), 0),
        )  # fmt: skip
        return self.clipped(made)


def drawn(seed: int, rows: int, images: bool, kinds: Sequence[str] = ()) -> onnx.ModelProto:
    """A network of operators of `kinds`, or of random ones; the same for every number of rows."""
    rng = np.random.default_rng(seed)
    it = _Drawing(rng, int(rng.integers(5, 8)) if images else 0, int(rng.integers(1, 4)))
    shape: Shape = (1, it.channels, rows, *([it.columns] if images else []))
    x = "x"
    for kind in kinds or rng.choice(KINDS, rng.integers(1, 6)):
        x = it.draw(str(kind), x)
    x = it.node("Identity", [x])
    graph = helper.make_graph(
        it.nodes, "along_time",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)], it.constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
