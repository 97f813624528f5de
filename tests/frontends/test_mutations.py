"""Damaged networks: planned or refused in one line, in bounded time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import onnx.parser
import pytest

from lowtide.errors import ModelError
from programs import plan_model

HERE, ALL, A_PART = 200, 20_000, 1000
TFLITE = 10_000


def _parts() -> list[object]:
    """All seeds in parts; CI runs a few from everywhere."""
    sets = {"mutations.py": ALL, "tflite_mutations.py": TFLITE}
    slow = [
        pytest.param(script, first, first + A_PART, 1, marks=[pytest.mark.slow])
        for script, count in sets.items()
        for first in range(0, count, A_PART)
    ]
    return [*(pytest.param(script, 0, n, n // HERE + 1) for script, n in sets.items()), *slow]


@pytest.mark.parametrize(("script", "first", "stop", "step"), _parts())
def test_mutated_files(script: str, first: int, stop: int, step: int, tmp_path: Path) -> None:
    """In a process of limited memory, whose folder stays empty."""
    if script.startswith("tflite"):
        pytest.importorskip("tflite_micro")
    program = Path(__file__).parents[1] / "builders" / script
    command = [sys.executable, str(program), *map(str, (first, stop, step))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert os.listdir(tmp_path) == []


# What mutated files once ended in a traceback with: (opset, network, reason).
REFUSED = {
    "neither_kept_nor_dropped": (
        13,
        "(float[2,3,4] x) => (float[a,b] y) <int64[1] axes = {1}>"
        "{ y = ReduceSum <keepdims: int = 7> (x, axes) }",
        "ReduceSum (opset 13) 'ReduceSum_0'",
    ),
    "backwards_through_nothing": (
        13,
        "(float[4] x) => (float[a] y)"
        "<int64[1] zero = {0}, int64[1] first = {3}, int64[1] last = {0}, int64[1] back = {-1}>"
        "{ z = Slice (x, zero, zero) y = Slice (z, first, last, zero, back) }",
        "output 'y' has 0 elements",
    ),
    "an_axis_counted_from_behind": (
        13,
        "(float[2,3] x) => (float[a,b] y) { y = Transpose <perm: ints = [-1, 0]> (x) }",
        "Transpose",
    ),
    "an_axis_far_outside": (
        17,
        "(float[2,3] x, float[3] w) => (float[2,3] y)"
        "{ y = LayerNormalization <axis: int = 2147483648> (x, w) }",
        "LayerNormalization",
    ),
    "an_empty_constant_as_output": (
        13,
        "(float[2] x) => (float[2] y, float[0] z) <float[0] w = {}>"
        "{ y = Relu (x) z = Identity (w) }",
        "'z' has 0 elements",
    ),
}


def test_an_input_of_no_type() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 13]> g (float[2] x) => (float[2] y) { y = Relu (x) }'
    )
    model = onnx.parser.parse_model(text)
    model.graph.input.append(onnx.helper.make_tensor_value_info("unused", 0, [2]))
    with pytest.raises(ModelError, match="'unused' has no element type"):
        plan_model(model)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    opset, text, reason = REFUSED[name]
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> g {text}')
    with pytest.raises(ModelError) as caught:
        plan_model(model)
    assert reason in str(caught.value)
