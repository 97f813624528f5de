"""The C of packed weights under the warnings that firmware is built with, and its stack."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest

from lowtide.backends import emit
from lowtide.check.compile import find_compiler, write_sources
from lowtide.check.trial import pack
from lowtide.planner.memory_map import memory_map
from lowtide.planner.options import Options
from lowtide.timing.board_build import build_for_board
from lowtide.timing.board_run import build_counter, run_counted
from lowtide.timing.boards import board
from programs import GREEDY, STREAM, plan_model
from test_no_warnings import BOTH, C99
from tools import need_board

SMALL = Path(__file__).parents[2] / "examples/resnet8_cifar10_small.onnx"
"""Plain numbers and factors of 3 to 6 bits, among them a layer of 40 groups of one output."""

ARM = [
    ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"],
    ["arm-none-eabi-gcc", *board("m4").cpu.flags],
    ["arm-none-eabi-gcc", *board("m55").cpu.flags],
]
PC = [["gcc"], ["gcc", "-march=skylake-avx512"], ["clang"], ["clang", "-march=haswell"]]
STACK = 1024


@pytest.mark.parametrize("options", [GREEDY, STREAM], ids=["layers", "rows"])
def test_packed_weights_without_a_warning(options: Options, tmp_path: Path) -> None:
    write_sources(emit(plan_model(onnx.load(SMALL), options)), tmp_path)
    sources = [str(one) for one in (*tmp_path.glob("*.c"), *tmp_path.glob("checks/*.c"))]
    found = [one for one in (*ARM, *PC) if shutil.which(one[0])]
    for command in found:
        for source in sources if command == ["gcc"] else sources[:1]:
            told = [*command, *C99, *BOTH, "-O2", f"-I{tmp_path}", "-c", source, "-o", "/dev/null"]
            done = subprocess.run(told, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{command}: {done.stderr[:1000]}"
    assert found


@pytest.mark.parametrize("options", [GREEDY, STREAM], ids=["layers", "rows"])
def test_what_is_unpacked_does_not_lie_on_the_stack(options: Options, tmp_path: Path) -> None:
    need_board("m4")
    plan, m4 = plan_model(onnx.load(SMALL), options), board("m4")
    memory = memory_map(plan)
    program = build_for_board(emit(plan), memory, m4, tmp_path, 1, flags=["-O2"])
    images = {one.name: np.zeros(one.shape, np.float32) for one in memory.inputs}
    (tmp_path / "inputs").write_bytes(pack(memory.inputs, images))
    build_counter(m4, find_compiler() or [], tmp_path)
    counted = run_counted(m4, program.elf, len(memory.operators), 300)
    assert counted.stack_bytes < STACK, counted.stack_bytes
