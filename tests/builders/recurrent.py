"""Networks with GRU, LSTM and RNN as torch exports them, their states as inputs and outputs."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


def recurrent(
    kind: str, hidden: int = 16, size: int = 8, steps: int = 1, **attributes: object
) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """x, h (and c) -> y, h_out (and c_out); and the words of --state."""
    dice = np.random.default_rng(hidden)
    sides = 2 if attributes.get("direction") == "bidirectional" else 1
    gates = GATES[kind] * hidden
    shapes = {
        "W": (sides, gates, size),
        "R": (sides, gates, hidden),
        "B": (sides, 2 * gates),
        "V": (5, steps * sides * hidden),
    }
    constants = [
        numpy_helper.from_array(dice.normal(0, 0.4, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    states = ["h", "c"] if kind == "LSTM" else ["h"]
    nodes = [
        helper.make_node(
            kind, ["x", "W", "R", "B", "", *states], ["Y", *(f"{name}_out" for name in states)],
            hidden_size=hidden, **attributes,
        ),
        helper.make_node("Flatten", ["Y"], ["flat"], axis=0),
        helper.make_node("Gemm", ["flat", "V"], ["y"], transB=1),
    ]  # fmt: skip

    def value(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    held = (sides, 1, hidden)
    graph = helper.make_graph(
        nodes, kind.lower(),
        [value("x", steps, 1, size), *(value(name, *held) for name in states)],
        [value("y", 1, 5), *(value(f"{name}_out", *held) for name in states)],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, tuple(f"{name}_out:{name}" for name in states)
