"""Random layers and factors for them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lowtide.ir.codes import Codes, limits, make
from lowtide.weights.format import Filters, Generated

Array = np.ndarray[Any, Any]


def codes(rng: np.random.Generator, bits: int, vectors: int, length: int) -> Codes:
    """Any codes, with any scales."""
    low, high = limits(bits)
    centred = bits == 1 or bool(rng.integers(2))
    scales = rng.uniform(0.05, 1.0, vectors) * rng.choice([-1, 1], vectors)
    return make(bits, centred, rng.integers(low, high + 1, (vectors, length)), scales)


def factors(dice: random.Random, filters: Filters) -> Generated:
    """Factors of any kind that suits the filters."""
    rng = np.random.default_rng(dice.randrange(2**32))
    f, bits = filters, [dice.randint(1, 8) for _ in range(3)]
    shared = f.groups == 1 or f.inputs == 1
    kernels = dice.randint(1, f.outputs) if shared and dice.random() < 0.7 else f.outputs
    rank = dice.randint(1, f.taps) if f.inputs > 1 and f.taps > 1 and dice.random() < 0.6 else 0
    across = codes(rng, bits[2], f.outputs, kernels) if kernels < f.outputs else None
    if not rank:
        return Generated(f, codes(rng, bits[0], kernels, f.inputs * f.taps), None, across)
    inside = codes(rng, bits[1], kernels, rank * f.inputs)
    return Generated(f, codes(rng, bits[0], kernels, rank * f.taps), inside, across)


def conv(dice: random.Random, wide: int = 1) -> tuple[onnx.ModelProto, Array]:
    """A model of one convolution, dense, pointwise, grouped or depthwise, and an input.

    `wide` multiplies its channels.
    """
    rng = np.random.default_rng(dice.randrange(2**32))
    kind = dice.choice(("dense", "pointwise", "grouped", "depthwise"))
    groups = {"dense": 1, "pointwise": 1, "grouped": 2, "depthwise": 6}[kind]
    groups *= wide if kind == "depthwise" else 1
    inputs = wide * (6 if groups > 1 else dice.randint(1, 6))
    outputs = wide * (6 if kind == "depthwise" else 2 * dice.randint(1, 5))
    area = (1, 1) if kind == "pointwise" else (dice.randint(1, 3), dice.randint(2, 3))
    weights = rng.standard_normal((outputs, inputs // groups, *area), dtype=np.float32)
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], "conv", group=groups,
        strides=[dice.randint(1, 2), dice.randint(1, 2)], pads=[dice.randint(0, 1) for _ in "1234"],
        dilations=[dice.randint(1, 2), 1],
    )  # fmt: skip
    bias = rng.standard_normal(outputs, dtype=np.float32)
    x = rng.standard_normal((1, inputs, 9, 8), dtype=np.float32)
    graph = helper.make_graph(
        [node], "one",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, x
