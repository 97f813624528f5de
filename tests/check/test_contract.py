"""A network's contract names its arithmetic and its reference: in net.h, plan.json and --json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import parser

import lowtide
import tflite_operators
from lowtide.backends import emit
from lowtide.planner.memory_map import memory_map
from lowtide.planner.plan import Plan
from tflite_operators import Random

HEAD = '<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,6,6] x) => (float[1,2,6,6] y)'
SCALE = "<float s = {0.125}, uint8 z = {128}>"
EIGHT = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)"
NETWORKS = {
    "float32/float64": f"{HEAD} {{ a = Relu(x) y = Tanh(a) }}",
    "qdq/onnxruntime": f"""{HEAD} {SCALE} {{ {EIGHT} a = Add(d, d)
        e = QuantizeLinear(a, s, z) y = DequantizeLinear(e, s, z) }}""",
    "qdq+float32/onnxruntime": f"""{HEAD} {SCALE} {{ {EIGHT} a = Add(d, d)
        e = QuantizeLinear(a, s, z) f = DequantizeLinear(e, s, z) y = Softmax(f) }}""",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_of_onnx_files(name: str) -> None:
    said(lowtide.profile(parser.parse_model(NETWORKS[name])), name)


def reals(random: Random) -> bytes:
    """Eight bits made real, and a function of reals."""
    shape = (1, 8)
    x, r, y = (random.file.tensor(shape, kind, (0.5, 3)) for kind in ("int8", "float32", "float32"))
    random.file.operator("DEQUANTIZE", [x], [r])
    random.file.operator("TANH", [r], [y])
    return random.file.bytes([x], [y])


def one(kind: str) -> Callable[[Random], bytes]:
    return tflite_operators.ONE[kind]


@pytest.mark.parametrize(
    ("name", "kind", "draw"),
    [
        ("int8/tflite-micro", "int8", one("ADD")),
        ("int8/tflite-micro", "int8", one("MAX_POOL_2D")),  # no factor, no rounding
        ("uint8/litert", "uint8", one("ADD")),
        ("float32/litert", "float32", one("ADD")),
        ("int8+float32/tflite-micro", "int8", reals),
    ],
)
def test_of_tflite_files(
    name: str, kind: str, draw: Callable[[Random], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "network.tflite"
    file.write_bytes(draw(Random(0, kind)))
    said(lowtide.profile(file), name)


def said(plan: Plan, name: str) -> None:
    assert plan.facts()["contract"] == name
    assert memory_map(plan).facts["contract"] == name
    header = emit(plan)["net.h"].decode()
    assert f'#define NET_CONTRACT "{name}"' in header
    assert f'#define NET_LOWTIDE_VERSION "{lowtide.__version__}"' in header


def test_it_is_of_the_file_and_not_of_the_plan(tmp_path: Path) -> None:
    """Inputs and outputs in 8 bits leave the arithmetic as it is."""
    model = parser.parse_model(NETWORKS["qdq/onnxruntime"])
    onnx.save(model, tmp_path / "q.onnx")
    options = lowtide.Options(io_type="8bit", cpu="portable", image="streamed")
    said(lowtide.profile(tmp_path / "q.onnx", options=options), "qdq/onnxruntime")
