"""What is said of the stack beside what boards measure: never less, and not far above."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from bench.stacks import BOARDS, LEVELS, SHIPPED, networks, planned, stacks

from lowtide.planner.options import Options
from lowtide.timing.boards import board
from networks import random_network
from test_cli import small_network
from tflite_operators import ONE, Random
from tools import need_board

SHARED = Path(__file__).parents[3] / "shared"
NETWORKS = networks(SHARED)


def hold(
    name: str, model: Path, options: Options, levels: tuple[str, ...], *compilers: str
) -> None:
    need_board(name)
    plan = planned(model, options, board(name))
    for found in stacks(plan, board(name), compilers, levels):
        assert found.measured <= found.said <= 1.5 * found.measured + 128, (name, found)


@pytest.mark.parametrize(("name", "level"), [("m0plus", "-O2"), ("m4", "-Os"), ("m55", "-O3")])
def test_the_stack_that_is_said_holds_a_run(name: str, level: str, tmp_path: Path) -> None:
    onnx.save(small_network(), tmp_path / "net.onnx")
    hold(name, tmp_path / "net.onnx", Options(), (level,), "gcc")


def test_so_it_does_of_eight_bits(tmp_path: Path) -> None:
    """Kernels of assembler, which the compiler says nothing of."""
    (tmp_path / "net.tflite").write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    hold("m4", tmp_path / "net.tflite", Options(), ("-O2", "-Os"), "gcc")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_of_random_networks(seed: int, tmp_path: Path) -> None:
    """Most are small, so that the C library's functions are the deepest."""
    onnx.save(random_network(seed).model, tmp_path / "net.onnx")
    name = BOARDS[seed % len(BOARDS)]
    hold(name, tmp_path / "net.onnx", Options(), LEVELS, "gcc", "clang")


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_on_every_board(network: str, name: str) -> None:
    if not SHARED.is_dir() and network not in SHIPPED:
        pytest.skip("there is no ../shared")
    hold(name, *NETWORKS[network], LEVELS, "gcc", "clang")
