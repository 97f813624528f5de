"""What packed weights cost on a Cortex-M4: instructions beside those of the dense program.

They are the same every time, but for the compiler's version: bounds, not counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from lowtide.backends import emit
from lowtide.check.compile import find_compiler
from lowtide.check.trial import pack
from lowtide.planner.memory_map import memory_map
from lowtide.timing.board_build import build_for_board
from lowtide.timing.board_run import build_counter, run_counted
from lowtide.timing.boards import board
from programs import GREEDY, plan_model
from tools import need_board

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST = {"-O3": 1.4, "-Os": 1.5}
"""ResNet-8 of 3 to 6 bits beside its dense program (1.31 and 1.42); asked for are 2.0."""


def instructions(name: str, folder: Path, level: str) -> int:
    """Of the emitted program, from its call to its return."""
    plan = plan_model(onnx.load(EXAMPLES / name), GREEDY)
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
    dense = instructions("resnet8_cifar10.onnx", tmp_path / "dense", level)
    packed = instructions("resnet8_cifar10_small.onnx", tmp_path / "packed", level)
    assert packed < MOST[level] * dense
