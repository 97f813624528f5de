"""Programs on emulated boards: the same numbers there, and instructions that add up.

fit -> out/ -> bench --board m4: net.c cross-compiled, run in QEMU, counted by operator
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import lowtide
from commands import Command
from lowtide.errors import CheckError, UsageError
from lowtide.planner.options import Options
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_text import board_text
from lowtide.timing.boards import BOARDS, apt_line, list_tools
from test_cli import lowtide as lowtide_command
from test_cli import small_network
from tflite_operators import ONE, Random
from tools import EVERY_BOARD, need, need_board

ROOT = Path(__file__).parents[2]
FREE = Asked("m4", flags="'-DNET_AT(operator)=((void)0)'")
"""Without marks between operators: all is the driver's."""


KEYS = """
    file sha256 board core machine built_with macs instructions instructions_per_mac arena_bytes
    stack_bytes state_bytes ram_bytes flash_bytes flash compared_values unequal max_rel_diff kinds
    functions operators
"""
"""Of --json, as they were when they were promised."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few operators in float32, fitted."""
    folder = tmp_path_factory.mktemp("boards")
    lowtide.fit(small_network()).emit("c99", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution of 8 bits, fitted."""
    folder = tmp_path_factory.mktemp("eight")
    (folder / "one.tflite").write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    lowtide.fit(folder / "one.tflite").emit("c99", folder / "out")
    return folder / "out"


def spoiled(folder: Path, to: Path, old: str, new: str) -> Path:
    """A copy of a program that is another one where it is compiled for Arm."""
    out = shutil.copytree(folder, to / "out")
    text = (out / "net.c").read_text()
    assert old in text
    only = f"#ifdef __arm__\n{new}\n#else\n{old}\n#endif"
    (out / "net.c").write_text(text.replace(old, only, 1))
    return out


def test_the_boards_are_listed() -> None:
    """Which there are, whether their tools are, and what the README says installs them."""
    facts = json.loads(lowtide_command("boards", "--json").stdout)
    assert [one["name"] for one in facts["boards"]] == [one.name for one in BOARDS]
    for one in facts["boards"]:
        assert one["ready"] == all(shutil.which(t) for t in (one["compiler"], one["emulator"]))
    text = lowtide_command("boards").stdout
    assert all(one.name in text and one.core in text for one in BOARDS)
    assert f"\n    {apt_line(list_tools())}\n" in (ROOT / "README.md").read_text()


def test_instructions_of_a_network_are_counted_by_operator(small: Path) -> None:
    """The command's counts are the library's, to the instruction; every operator has some."""
    need_board("m4")
    done = lowtide_command("bench", small, "--board", "m4", "--json")
    assert done.returncode == 0, done.stderr
    assert "compiling net.c for m4" in done.stderr
    facts = json.loads(done.stdout)
    operators, plan = facts["operators"], json.loads((small / "plan.json").read_text())
    assert [o["name"] for o in operators[:-1]] == [o["name"] for o in plan["operators"]]
    assert all(o["instructions"] > o["macs"] for o in operators)
    assert sum(o["instructions"] for o in operators) == facts["instructions"]
    for parts in ("kinds", "functions"):
        assert sum(facts[parts].values()) == facts["instructions"]
    assert set(KEYS.split()) <= facts.keys()
    assert {"multiply", "load", "store", "branch"} <= facts["kinds"].keys()
    assert facts["instructions_per_mac"] == facts["instructions"] / facts["macs"]
    assert 1 < facts["instructions_per_mac"] < 20
    assert facts["arena_bytes"] + 16 < facts["ram_bytes"] < facts["arena_bytes"] + 4096
    assert facts["flash"]["weights"] == pytest.approx(plan["facts"]["weight_bytes"], rel=0.01)
    free = bench_on_board(small, FREE)
    assert free.operators[-1].instructions == free.instructions
    assert free.instructions == pytest.approx(facts["instructions"], rel=0.001), "marks cost"
    assert "on Cortex-M4F: " in board_text(free)


@pytest.mark.parametrize("board", EVERY_BOARD)
def test_eight_bits_are_the_same_on_every_board(eight: Path, board: str) -> None:
    need_board(board)
    counted = bench_on_board(eight, Asked(board))
    assert (counted.difference.unequal, counted.difference.max_rel) == (0, 0.0)
    assert counted.difference.compared > 0
    assert min(one.instructions for one in counted.operators) > 0


def test_clang_makes_the_same(eight: Path) -> None:
    need_board("m4")
    need("" if shutil.which("clang") else "there is no clang")
    counted = bench_on_board(eight, Asked("m4", "clang", "-Os"))
    assert counted.difference.unequal == 0
    assert counted.built.endswith("-Os")


def test_an_image_row_by_row_is_handed_over_outside_of_ram(eight: Path, tmp_path: Path) -> None:
    """Its rows are copied by net_run: those instructions are the Input's."""
    need_board("m4")
    options = Options(image="streamed", result="streamed")
    lowtide.fit(eight.parent / "one.tflite", options=options).emit("c99", tmp_path / "out")
    counted = bench_on_board(tmp_path / "out", Asked("m4"))
    callers = [one for one in counted.operators if one.type in ("Input", "Output")]
    assert len(callers) == 2
    assert all(one.instructions for one in callers)
    assert counted.difference.unequal == 0
    assert counted.ram_bytes - counted.memory.arena_bytes < 200


def test_the_example_counts_cycles(small: Path, tmp_path: Path) -> None:
    """examples/cycles.h compiles with a program, and its counter is read at every operator."""
    need_board("m4")
    shutil.copytree(small, tmp_path / "out")
    shutil.copy(ROOT / "examples/cycles.h", tmp_path / "out")
    (tmp_path / "out/own.c").write_text('#define NET_CYCLES_HERE\n#include "cycles.h"\n')
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-std=c99", "-Wall", "-Wextra", "-Werror"]
    flags = ["-O2", "-c", "-include", "cycles.h", "net.c", "own.c"]
    subprocess.run([*command, *flags], cwd=tmp_path / "out", check=True)
    assert "NET_AT(0);" in (small / "net.c").read_text()


WRITE = "#define WRITE(s, r, i, v) (*s(r, i) = (v))"
RUN = "void net_run_in(void *memory) {"
FAULTS = {
    "differs": (WRITE, WRITE.replace("(v))", "(v) ^ 1)"), "differs from this PC's build in"),
    "deep": (RUN, f"{RUN} volatile char a[1 << 20]; a[0] = 0; (void)a[0];", "FAULT stack overflow"),
    "large": (
        RUN,
        f"static const char a[5 << 20] = {{1}}; {RUN} (void)*(volatile const char *)a;",
        "more than the 4193280 of FLASH",
    ),
    "wrong": (RUN, f"{RUN} int", "does not compile for m4 with arm-none-eabi-gcc"),
    "endless": (RUN, f"{RUN} for (;;) {{ }}", "did not end within 2 s; --timeout"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_on_the_board_only_is_said(eight: Path, tmp_path: Path, fault: str) -> None:
    need_board("m4")
    old, new, words = FAULTS[fault]
    out = spoiled(eight, tmp_path, old, new)
    with pytest.raises(CheckError, match=words):
        bench_on_board(out, Asked("m4", timeout=2))


def test_what_is_not_there_is_said(eight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"no board 'm5'; there are m0plus, m3, m4"):
        bench_on_board(eight, Asked("m5"))
    with pytest.raises(UsageError, match="no compiler 'icc'"):
        bench_on_board(eight, Asked("m4", "icc"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"arm-none-eabi-gcc and qemu-system-arm: apt install .*"):
        bench_on_board(eight, Asked("m4"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--board", "m4", "--profile"], "--profile does not go with --board"),
        (["--flags=-Os"], "--flags goes with --board"),
        (["--board", "m4", "--flags", "'"], "No closing quotation"),
        (["--board", "m4", "--timeout", "0"], "--timeout takes a number above 0"),
    ],
)
def test_options_that_make_no_sense(
    eight: Path, command: Command, options: list[str], words: str
) -> None:
    need_board("m4")
    said = command("bench", eight, *options)
    assert (said.code, words in said.last) == (2, True), said.last


def test_an_interrupt_ends_the_emulator(eight: Path, tmp_path: Path) -> None:
    """Ctrl-C while it runs: one line, exit code 130, no process left."""
    need_board("m4")
    out = spoiled(eight, tmp_path, *FAULTS["endless"][:2])
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # also behind a shell's &
    process = subprocess.Popen(
        [sys.executable, "-m", "lowtide", "bench", str(out), "--board", "m4"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        preexec_fn=heed,
    )  # fmt: skip
    assert process.stderr is not None
    while "running it on m4" not in process.stderr.readline():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr.read().startswith("lowtide: interrupted")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_main_of_ones_own_runs_on_a_board(
    eight: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lowtide boards m4 -o m4` writes what stands around it, and prints how to compile and run."""
    need_board("m4")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(eight, tmp_path / "its out")
    text = '#include "board.h"\n#include "net.h"\n'
    text += 'int main(void) { net_run(); board_print("it ran\\n"); return 0; }\n'
    (tmp_path / "main.c").write_text(text)
    lines = command("boards", "m4", "-o", "m 4;", "--source", "its out/net.c").out
    done = subprocess.run(["sh", "-e"], input=lines, capture_output=True, text=True, check=True)
    assert done.stdout == "it ran\n"
    assert command("boards", "m4", "-o", "m 4;").code == 0  # what is there is the same
    (tmp_path / "m 4;" / "start.c").write_text("mine")
    assert command("boards", "m4", "-o", "m 4;").code == 2
    assert command("boards", "m4").code == 2
