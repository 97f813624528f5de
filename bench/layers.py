"""Networks from the layer tables of ../shared/models/layers: chains with random weights.

kind,H,W,C,K,kh,kw,sh,sw,pad_top,pad_left,pad_bottom,pad_right,dil_h,dil_w,P,Q
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def chain(path: Path) -> onnx.ModelProto:
    """The network of one table; `depthwise_or_pool` layers are depthwise convolutions."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    sizes = [{k: int(v) for k, v in row.items() if k != "kind"} for row in rows]
    nodes, weights = [], []
    for i, (row, size) in enumerate(zip(rows, sizes, strict=True)):
        group = size["C"] if row["kind"] == "depthwise_or_pool" else 1
        weights.append(numpy_helper.from_array(_weights(i, size, group), f"w{i}"))
        nodes.append(_convolution(i, size, group))
    first, last = sizes[0], sizes[-1]
    x = _value("x0", first["C"], first["H"], first["W"])
    y = _value(f"x{len(rows)}", last["K"], last["P"], last["Q"])
    graph = helper.make_graph(nodes, path.stem, [x], [y], weights)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _weights(seed: int, size: Mapping[str, int], group: int) -> np.ndarray:
    shape = (size["K"], size["C"] // group, size["kh"], size["kw"])
    fan_in = shape[1] * shape[2] * shape[3]
    drawn = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return drawn * np.float32(np.sqrt(2.0 / fan_in))


def _convolution(i: int, size: Mapping[str, int], group: int) -> onnx.NodeProto:
    return helper.make_node(
        "Conv",
        [f"x{i}", f"w{i}"],
        [f"x{i + 1}"],
        name=f"layer{i}",
        group=group,
        strides=[size["sh"], size["sw"]],
        dilations=[size["dil_h"], size["dil_w"]],
        pads=[size[f"pad_{side}"] for side in ("top", "left", "bottom", "right")],
    )


def _value(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *shape))
