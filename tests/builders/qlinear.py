"""Random networks of one of onnxruntime's operators on 8-bit numbers: `single("QLinearMul", 3)`."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lowtide.ir.graph import Array

KINDS = (
    "QLinearAdd", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearLeakyRelu",
    "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere",
)  # fmt: skip


def single(kind: str, seed: int, dtype: str) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A network that takes and hands out 8-bit numbers, and numbers for it."""
    rng, ends = np.random.default_rng(seed), np.iinfo(dtype)
    constants: list[onnx.TensorProto] = []
    type_ = TensorProto.UINT8 if dtype == "uint8" else TensorProto.INT8

    def constant(value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
        return constants[-1].name

    def parts(scale: float) -> list[str]:
        zero = rng.integers(ends.min, ends.max + 1)
        return [constant(np.float32(scale)), constant(np.array(zero, dtype))]

    def scale(low: float = -6, high: float = -1) -> float:
        power = rng.uniform(low, high)
        return float(2.0 ** (power if rng.integers(3) else round(power)))

    shape = tuple(int(n) for n in rng.integers((1, 1, 3, 3), (3, 7, 9, 9)))
    x_scale, y_scale = scale(), scale()
    inputs, near = ["x", *parts(x_scale)], x_scale * scale(-1, 1)
    given: dict[str, Any] = {
        "QLinearSoftmax": {"axis": int(rng.choice([-1, 1])), "opset": 17},
        "QLinearAveragePool": {
            "kernel_shape": [2, 3], "strides": [1, 2], "pads": [0, 1, 0, 0],
            "count_include_pad": int(rng.integers(2)),
        },
        "QLinearLeakyRelu": {"alpha": 0.1},
    }.get(kind, {})  # fmt: skip
    feeds = {"x": rng.integers(ends.min, ends.max + 1, shape).astype(dtype)}
    if kind in ("QLinearAdd", "QLinearMul", "QLinearWhere"):
        feeds["y"] = rng.integers(ends.min, ends.max + 1, shape).astype(dtype)
        inputs += ["y", *parts(y_scale)]
        near *= y_scale * 70 if kind == "QLinearMul" else 1
    if kind == "QLinearWhere":
        inputs.insert(0, constant(rng.integers(0, 2, shape).astype(bool)))
    made = parts(near)
    if kind == "QLinearSoftmax":
        made = [constant(np.float32(1 / 256)), constant(np.array(ends.min, dtype))]
    node = helper.make_node(
        kind, [*inputs, *made], ["out"], name="one", domain="com.microsoft", **given
    )
    ports = [helper.make_tensor_value_info(name, type_, shape) for name in feeds]
    out = [helper.make_tensor_value_info("out", type_, None)]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "single", ports, out, constants)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), feeds
