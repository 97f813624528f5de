"""What packed weights cost on a Cortex-M4: instructions beside those of the dense program.

They are the same every time, but for the compiler's version: bounds, not counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lowtide.backends import emit
from lowtide.check.compile import find_compiler
from lowtide.check.trial import pack
from lowtide.planner.memory_map import memory_map
from lowtide.timing.board_build import build_for_board
from lowtide.timing.board_run import build_counter, run_counted
from lowtide.timing.boards import board
from programs import GREEDY, plan_model
from tools import need_board

RESNET20 = Path(__file__).resolve().parents[3] / "shared/models/onnx/resnet20_cifar10.onnx"
EXAMPLES = Path(__file__).parents[2] / "examples"
MOST = {"-O3": 1.4, "-Os": 1.5}
"""ResNet-8 of 3 to 6 bits beside its dense program (1.31 and 1.42); asked for are 2.0."""


def instructions(model: onnx.ModelProto, folder: Path, level: str) -> int:
    """Of the emitted program, from its call to its return."""
    plan = plan_model(model, GREEDY)
    memory, m4 = memory_map(plan), board("m4")
    program = build_for_board(emit(plan), memory, m4, folder, 1, flags=[level])
    dice = np.random.default_rng(0)
    images = {one.name: dice.standard_normal(one.shape, np.float32) for one in memory.inputs}
    (folder / "inputs").write_bytes(pack(memory.inputs, images))
    build_counter(m4, find_compiler() or [], folder)
    return sum(run_counted(m4, program.elf, len(memory.operators), 300).instructions)


@pytest.mark.parametrize("level", MOST)
def test_packed_weights_take_little_more_than_dense_ones(level: str, tmp_path: Path) -> None:
    need_board("m4")
    names = "resnet8_cifar10.onnx", "resnet8_cifar10_small.onnx"
    dense, packed = (instructions(onnx.load(EXAMPLES / n), tmp_path / n, level) for n in names)
    assert packed < MOST[level] * dense


def two_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with weights of -3/2, -1/2, 1/2 and 3/2 times a scale for each output."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    for tensor in small.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim > 1:
            rows = weights.reshape(len(weights), -1)
            scales = (np.abs(rows).max(1, keepdims=True) / 2).astype(np.float16).astype(np.float32)
            codes = np.clip(np.floor(rows / scales), -2, 1) + np.float32(0.5)
            made = (codes * scales).reshape(weights.shape)
            tensor.CopyFrom(numpy_helper.from_array(made, tensor.name))
    return small


def test_resnet20_at_a_fifteenth_of_its_bytes(tmp_path: Path) -> None:
    need_board("m4")
    if not RESNET20.exists():
        pytest.skip("needs ../shared/models")
    model = onnx.load(RESNET20)
    small = two_bits(model)
    sizes = [plan_model(one, GREEDY).profile.weight_bytes for one in (model, small)]
    assert sizes[0] > 15 * sizes[1]
    dense = instructions(model, tmp_path / "dense", "-O3")
    assert instructions(small, tmp_path / "packed", "-O3") < 1.55 * dense
