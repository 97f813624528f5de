"""What float networks cost on Cortex-M with an FPU: instructions a multiply-add of whole programs.

They are the same every time, but for the compiler's version: bounds, not counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import lowtide
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.boards import CLANG
from tools import need, need_board

ROOT = Path(__file__).resolve().parents[2]
RESNET = ROOT / "examples" / "resnet8_cifar10.onnx"
FACES = ROOT.parent / "shared" / "models" / "onnx" / "face_slim_320.onnx"


def test_four_by_four_sums_with_every_compiler(tmp_path: Path) -> None:
    """2.28 with the sums of one pixel; 1.8 were asked for."""
    need_board("m4")
    need(CLANG.absent and f"there is no {CLANG.absent}")
    lowtide.fit(RESNET).emit("c99", tmp_path / "out")
    for compiler, flags in (("gcc", "-O3"), ("gcc", "-Os"), ("clang", "-O3")):
        counted = bench_on_board(tmp_path / "out", Asked("m4", compiler, flags))
        assert (counted.instructions_per_mac or 99) <= 1.45, (compiler, flags)


@pytest.mark.slow
def test_depthwise_convolutions_four_channels_at_a_time(tmp_path: Path) -> None:
    """3.82 one channel at a time; 2.0 were asked for."""
    need_board("m4")
    if not FACES.exists():
        pytest.skip("needs ../shared/models")
    lowtide.fit(FACES).emit("c99", tmp_path / "out")
    counted = bench_on_board(tmp_path / "out", Asked("m4", "gcc", "-O3"))
    assert (counted.instructions_per_mac or 99) <= 2.0
