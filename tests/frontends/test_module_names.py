"""What PyTorch's exporter notes of modules becomes the names of operators, in any ONNX file."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

import lowtide
from lowtide.frontends.onnx.load import load
from lowtide.frontends.onnx.module_names import REWRITTEN, SCOPES


def noted(node: NodeProto, scopes: object, rewritten: bool = False) -> NodeProto:
    notes = {SCOPES: str(scopes), "pkg.torch.onnx.stack_trace": "File secret.py"}
    if rewritten:
        notes[REWRITTEN] = "FuseBatchNormIntoConv"
    for key, value in notes.items():
        node.metadata_props.add(key=key, value=value)
    return node


def network(nodes: list[NodeProto], weights: tuple[str, ...] = ()) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 2, 3, 3)).astype(np.float32) for _ in weights]
    held = [numpy_helper.from_array(a, name) for a, name in zip(arrays, weights, strict=True)]
    graph = helper.make_graph(nodes, "g", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def test_a_node_is_called_as_its_module() -> None:
    make = helper.make_node
    weights = ("layer1.0.conv1.weight", "head.weight")
    nodes = [
        noted(
            make("Conv", ["x", weights[0]], ["getitem"], "node_Conv_7", pads=[1] * 4),
            ["", "layer1", "layer1.0", "layer1.0.bn1", "_native_batch_norm"],
            rewritten=True,
        ),
        noted(make("Relu", ["getitem"], ["r"], "n1"), ["", "layer1.0", "layer1.0.relu", "relu"]),
        noted(make("Add", ["r", "x"], ["add"], "n2"), ["", "layer1", "layer1.0", "add"]),
        noted(make("Relu", ["add"], ["r1"], "n3"), ["", "layer1.0", "layer1.0.relu", "relu_1"]),
        noted(make("Conv", ["r1", weights[1]], ["c"], "n4"), ["", "head", "conv2d"]),
        noted(make("Softplus", ["c"], ["s"], "n5"), ["", "act", "softplus"]),
        noted(make("Tanh", ["s"], ["t"], "n6"), ["", "act", "tanh"]),
        noted(make("Mul", ["c", "t"], ["m"], "n7"), ["", "mul"]),
        make("Tanh", ["m"], ["y"], "mine"),
    ]
    model = network(nodes, weights)
    found = [(node.name, node.outputs[0].name) for node in load(model).graph]
    assert found == [
        *((name, name) for name in ("layer1.0.conv1", "layer1.0.relu", "layer1.0/Add")),
        *((name, name) for name in ("layer1.0.relu_2", "head", "act/Softplus", "act/Tanh", "Mul")),
        ("mine", "y"),
    ]
    fitted = lowtide.fit(model)
    assert b"layer1.0.conv1: Conv+Relu" in fitted.files["net.c"]
    assert b"layer1.0.conv1" in fitted.files["report.html"]
    assert not any(b"secret.py" in content for content in fitted.files.values())


def test_notes_that_make_no_sense_are_not_believed() -> None:
    make = helper.make_node
    nodes = [
        noted(make("Relu", ["x"], ["a"], "one"), "[[[["),
        noted(make("Tanh", ["a"], ["b"], "two"), ["", "x", "tanh"]),  # as a tensor is called
        noted(make("Split", ["b"], ["c", "d"], "three", axis=1, num_outputs=2), ["", "s", "chunk"]),
        noted(make("Add", ["c", "d"], ["e"], "four"), ["", "s:1", "add"]),
        noted(make("Tanh", ["e"], ["y"], "five"), ["", "m" * 5000, "tanh"]),
    ]
    found = [(n.name, [v.name for v in n.outputs]) for n in load(network(nodes)).graph]
    assert found[:4] == [
        ("one", ["a"]),
        ("x", ["b"]),
        ("s", ["s", "s:1"]),
        ("s:1", ["e"]),
    ]
    assert len(found[4][0]) <= 1000
