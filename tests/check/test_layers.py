"""verify --layers: the first operator whose result is not the reference's is named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import lowtide
from commands import Command
from lowtide.files import write_folder
from qdq import Drawn
from test_exact import network
from tflite_operators import ONE, Random
from wrong_weights import with_wrong_weights

STREAMED = lowtide.Options(image="streamed", result="streamed", io_type="8bit")


def chain(folder: Path) -> Path:
    """first ─> second ─> joined, of the two ─> mean: 8-bit numbers between."""
    net = Drawn(0)
    x = net.input((1, 3, 12, 12))
    made = []
    for _ in range(2):
        w, scales = net.weights((3, 3, 3, 3), 0)
        near = net.scale_of(x) * scales.max() * 600
        y = net.node("Conv", x, w, pads=[1, 1, 1, 1])
        x = net.again(y, (np.float32(near), np.array(128, np.uint8)))
        made.append((y, x))
    joined = net.again(net.node("Add", made[0][1], made[1][1]), net.ends())
    net.hand_out(net.again(net.node("GlobalAveragePool", joined), net.ends()))
    file = folder / "chain.onnx"
    onnx.save(net.model(), file)
    return file


def spoil(out: Path, operator: str) -> None:
    """Other weights of an operator: those of net.c, and reference.c has its own."""
    text, constants = ((out / name).read_text() for name in ("net.c", "net_weights.c"))
    (out / "net_weights.c").write_text(with_wrong_weights(text, constants, operator))


WHOLE = lowtide.Options(schedule="layerwise")


@pytest.mark.parametrize(("options", "counts"), [(WHOLE, (6, 6)), (STREAMED, (4, 5))])
def test_the_operator_whose_weights_were_changed_is_named(
    options: lowtide.Options, counts: tuple[int, int], tmp_path: Path, command: Command
) -> None:
    file, out = chain(tmp_path), tmp_path / "out"
    lowtide.fit(file, options=options).emit("c99", out)
    facts = json.loads(command("verify", out, "--model", file, "--layers", "--json").out)
    assert (facts["layers_compared"], facts["layers"]) == counts  # sums that wait are no tensor
    assert facts["first_different"] is None
    assert facts["unequal"] == 0
    names = [op["name"] for op in json.loads((out / "plan.json").read_text())["operators"]
             if op["type"] == "QConv"]  # fmt: skip
    spoil(out, names[1])
    said = command("verify", out, "--model", file, "--layers")
    assert said.code == 5
    assert f"{names[1]} (QConv) is the first operator that differs: in " in said.last
    assert "of 432 values of '" in said.last
    assert "on sample 'random'" in said.last
    assert command("verify", out, "--layers").code == 2


def test_floats_are_near(tmp_path: Path, command: Command) -> None:
    dice = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["c", "k"], ["m"]),
        helper.make_node("Add", ["m", "x"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Softmax", ["p"], ["y"], axis=1),
    ]
    weights = dice.standard_normal((3, 3, 3, 3)).astype(np.float32)
    file, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(network(nodes, {"w": weights, "k": np.float32(3)}, [1, 3, 8, 8]), file)
    lowtide.fit(file).emit("c99", out)
    said = command("verify", out, "--model", file, "--layers").out
    assert re.search(r"layers +3 of 3 operators compared with onnxruntime .*: none differs", said)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_tflite_networks_have_the_tensors_of_their_runtimes(dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_litert")
    from lowtide.check.layers import compare_layers

    file = tmp_path / "conv.tflite"
    file.write_bytes(ONE["CONV_2D"](Random(1, dtype)))
    fitted = lowtide.fit(file)
    write_folder(tmp_path / "out", fitted.files)
    found = compare_layers(tmp_path / "out", file)
    assert (found.compared, found.operators, found.first) == (1, 1, None)
    assert found.by.startswith("tflite-micro" if dtype == "int8" else "ai-edge-litert")
