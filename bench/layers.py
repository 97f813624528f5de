"""Networks from the layer tables of ../shared/models/layers, with random weights.

chains    kind,H,W,C,K,kh,kw,sh,sw,pad_top,pad_left,pad_bottom,pad_right,dil_h,dil_w,P,Q
graphs    kind,inputs,output,C,H,W,kh,kw,sh,sw,ph,pw,macs         (C, H, W are the output's)
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Row = dict[str, str]


@dataclass
class _Network:
    """Nodes and weights, tensor k being "xk"."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def conv(self, x: str, y: str, channels: int, kernel: tuple[int, int], **how: Any) -> None:
        """A convolution to `channels`, its weights drawn as He et al. do."""
        shape = (channels, self.shapes[x][1] // how.get("group", 1), *kernel)
        drawn = np.random.default_rng(len(self.weights)).standard_normal(shape, np.float32)
        scale = np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(drawn * scale, name))
        self.nodes.append(helper.make_node("Conv", [x, name], [y], name=f"layer {y}", **how))

    def model(self, name: str, first: str, last: str) -> onnx.ModelProto:
        x, y = (
            helper.make_tensor_value_info(n, TensorProto.FLOAT, self.shapes[n])
            for n in (first, last)
        )
        graph = helper.make_graph(self.nodes, name, [x], [y], self.weights)
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def network(path: Path) -> onnx.ModelProto:
    """The network of one table."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return _graph(path.stem, rows) if "inputs" in rows[0] else _chain(path.stem, rows)


def _chain(name: str, rows: list[Row]) -> onnx.ModelProto:
    """`depthwise_or_pool` layers are depthwise convolutions."""
    made = _Network()
    for i, row in enumerate(rows):
        n = {k: int(v) for k, v in row.items() if k != "kind"}
        made.shapes[f"x{i}"] = (1, n["C"], n["H"], n["W"])
        made.shapes[f"x{i + 1}"] = (1, n["K"], n["P"], n["Q"])
        made.conv(
            f"x{i}",
            f"x{i + 1}",
            n["K"],
            (n["kh"], n["kw"]),
            group=n["C"] if row["kind"] == "depthwise_or_pool" else 1,
            strides=[n["sh"], n["sw"]],
            dilations=[n["dil_h"], n["dil_w"]],
            pads=[n[f"pad_{side}"] for side in ("top", "left", "bottom", "right")],
        )
    return made.model(name, "x0", f"x{len(rows)}")


def _graph(name: str, rows: list[Row]) -> onnx.ModelProto:
    """Residual additions and a global pool as well; the padding behind follows from the sizes."""
    made = _Network()
    for row in rows:
        inputs, y = [f"x{i}" for i in row["inputs"].split()], f"x{row['output']}"
        made.shapes[y] = (1, int(row["C"]), int(row["H"]), int(row["W"]))
        if row["kind"] == "add":
            made.nodes.append(helper.make_node("Add", inputs, [y], name=f"layer {y}"))
        elif row["kind"] == "gap":
            made.nodes.append(helper.make_node("GlobalAveragePool", inputs, [y], name=f"layer {y}"))
        elif row["kind"] in ("conv", "dw"):
            _window(made, row, inputs[0], y)
    return made.model(name, f"x{rows[0]['output']}", f"x{rows[-1]['output']}")


def _window(made: _Network, row: Row, x: str, y: str) -> None:
    kernel, stride, before = ([int(row[f"{w}{a}"]) for a in "hw"] for w in ("k", "s", "p"))
    sizes, outs = made.shapes[x][2:], made.shapes[y][2:]
    after = [
        (o - 1) * s + k - n - p
        for o, s, k, n, p in zip(outs, stride, kernel, sizes, before, strict=True)
    ]
    made.conv(
        x,
        y,
        made.shapes[y][1],
        (kernel[0], kernel[1]),
        group=made.shapes[x][1] if row["kind"] == "dw" else 1,
        strides=stride,
        pads=[*before, *(max(a, 0) for a in after)],
    )
