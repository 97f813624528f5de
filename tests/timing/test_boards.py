"""Programs on emulated boards: the same numbers there, and instructions that add up.

fit -> out/ -> bench --board m4: net.c cross-compiled, run in QEMU, counted by operator
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import lowtide
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_text import board_text
from lowtide.timing.boards import BOARDS, board
from test_cli import lowtide as command

EXAMPLE = Path(__file__).parents[2] / "examples/resnet8_cifar10.onnx"

M4 = board("m4")
needs_m4 = pytest.mark.skipif(
    bool(M4.missing), reason=f"there is no {', '.join(t.command for t in M4.missing)}"
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network, fitted."""
    folder = tmp_path_factory.mktemp("boards")
    shutil.copy(EXAMPLE, folder)
    lowtide.fit(folder / EXAMPLE.name).emit("c99", folder / "out")
    return folder / "out"


def test_the_boards_are_listed() -> None:
    """Which there are, and whether their tools are."""
    facts = json.loads(command("boards", "--json").stdout)
    assert [one["name"] for one in facts["boards"]] == [one.name for one in BOARDS]
    for one in facts["boards"]:
        assert one["ready"] == all(shutil.which(t) for t in (one["compiler"], one["emulator"]))
    text = command("boards").stdout
    assert all(one.name in text and one.core in text for one in BOARDS)


@needs_m4
def test_instructions_of_a_network_are_counted_by_operator(shipped: Path) -> None:
    """The command's counts are the library's, to the instruction, and every operator has some."""
    done = command("bench", shipped, "--board", "m4", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    operators, plan = facts["operators"], json.loads((shipped / "plan.json").read_text())
    assert [o["name"] for o in operators[:-1]] == [o["name"] for o in plan["operators"]]
    assert all(o["instructions"] > o["macs"] for o in operators)
    assert sum(o["instructions"] for o in operators) == facts["instructions"]
    assert facts["instructions_per_mac"] == facts["instructions"] / facts["macs"]
    assert 1 < facts["instructions_per_mac"] < 4
    assert facts["ram_bytes"] > facts["arena_bytes"] + 100
    counted = bench_on_board(shipped, Asked("m4"))
    assert counted.instructions == facts["instructions"]
    assert EXAMPLE.name in board_text(counted)
