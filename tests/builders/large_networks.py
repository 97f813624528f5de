"""Networks of a few hundred bytes that ask for gigabytes, each by a node named 'grow'."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Nodes = list[onnx.NodeProto]


def _model(
    nodes: Nodes, shape: tuple[int, ...], constants: dict[str, np.ndarray]
) -> onnx.ModelProto:
    """A network from x of `shape` to y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "large", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _grow(kind: str, inputs: str, output: str = "y", **attributes: object) -> onnx.NodeProto:
    names = [name if name != "_" else "" for name in inputs.split()]
    return helper.make_node(kind, names, [output], "grow", **attributes)


def _summed(grown: onnx.NodeProto) -> Nodes:
    """x + the sum of a constant that is made."""
    total = helper.make_node("ReduceSum", grown.output, ["total"], keepdims=0)
    return [grown, total, helper.make_node("Add", ["x", "total"], ["y"])]


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _many() -> onnx.ModelProto:
    nodes, names = list[onnx.NodeProto](), list[str]()
    for k in range(40):
        names.append(f"sum{k}")
        nodes += [
            helper.make_node("ConstantOfShape", ["s"], [f"c{k}"], f"grow{k}"),
            helper.make_node("ReduceSum", [f"c{k}"], [f"sum{k}"], keepdims=0),
        ]
    nodes.append(helper.make_node("Sum", ["x", *names], ["y"]))
    return _model(nodes, (4,), {"s": _ints(8192, 8192)})


def _dead() -> onnx.ModelProto:
    nodes = [_grow("ConstantOfShape", "s", "c"), helper.make_node("Relu", ["x"], ["y"])]
    return _model(nodes, (4,), {"s": _ints(2**30)})


def _one_hot() -> onnx.ModelProto:
    nodes = [helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64), _grow("OneHot", "i d v")]
    return _model(nodes, (16,), {"d": np.array(2**28), "v": np.array([0, 1], np.float32)})


SMALL = (1, 4, 4, 4)
LARGE: dict[str, onnx.ModelProto] = {
    "Tile": _model([_grow("Tile", "x r")], SMALL, {"r": _ints(1, 1, 4096, 4096)}),
    "Resize": _model(
        [_grow("Resize", "x _ s")], SMALL, {"s": np.array([1, 1, 3000, 3000], np.float32)}
    ),
    "Expand": _model([_grow("Expand", "x s")], SMALL, {"s": _ints(2**24, 4, 4, 4)}),
    "Pad": _model([_grow("Pad", "x p")], SMALL, {"p": _ints(0, 0, 0, 0, 0, 0, 2**14, 2**14)}),
    "ConvTranspose": _model(
        [_grow("ConvTranspose", "x w", strides=[8192, 8192])],
        SMALL,
        {"w": np.ones((4, 4, 1, 1), np.float32)},
    ),
    "Einsum": _model(
        [_grow("Einsum", "x w", equation="a,b->ab")], (2**15,), {"w": np.ones(2**15, np.float32)}
    ),
    "MatMul": _model([_grow("MatMul", "x w")], (2**15, 1), {"w": np.ones((1, 2**15), np.float32)}),
    "OneHot": _one_hot(),
    "OneHot, constant": _model(
        _summed(_grow("OneHot", "i d v", "h")),
        (4,),
        {"i": _ints(1, 2, 3), "d": np.array(2**28), "v": np.array([0, 1], np.float32)},
    ),
    "Range": _model(
        _summed(_grow("Range", "a b c", "h")),
        (4,),
        {"a": np.float32(0), "b": np.float32(2**29), "c": np.float32(1)},
    ),
    "ConstantOfShape": _model(
        _summed(_grow("ConstantOfShape", "s", "h")), (4,), {"s": _ints(2**27)}
    ),
    "ConstantOfShape, 40": _many(),
    "ConstantOfShape, dead": _dead(),
    "Relu": _model([_grow("Relu", "x")], (1, 3, 2**13, 2**13), {}),
}
"""By what grows; the last one's input and output together are too large."""
