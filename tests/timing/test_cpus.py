"""--cpu: C for one processor compiles there without a warning, and computes the same."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import lowtide
import test_golden
from commands import Command
from eight import Eight, planned
from lowtide.backends import emit
from lowtide.backends.c99 import weights
from lowtide.check.compile import WARNINGS, write_sources
from lowtide.errors import UsageError
from lowtide.kernels.cpus import CPUS, find_cpu, this_machine
from lowtide.kernels.families import families_of
from lowtide.planner.options import Options
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_text import board_text
from lowtide.timing.boards import BOARDS, Board
from programs import GREEDY, plan_model
from test_cli import small_network
from tflite_operators import ONE, Random
from tools import need_board

NAMES = [one.name for one in CPUS]
WITH_BOARD = [one for one in BOARDS if not one.flag]
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def programs(cpu: str) -> Mapping[str, Mapping[str, bytes]]:
    """A network of floats and one of 8 bits with every kind of kernel for them."""
    options = Options(place="greedy", cpu=cpu)
    net = Eight(2, x=(1, 4, 8, 8))
    made = net.conv(net.conv(net.conv("x", 8), 8, group=8), 6, kernel=1, pad=0)
    whole = planned(net.graph(net.softmax(net.flat(net.mean(made)))), options)
    return {"eight": emit(whole), "floats": emit(plan_model(small_network(), options))}


def compile_in(folder: Path, files: Mapping[str, bytes], *command: str) -> None:
    folder.mkdir(exist_ok=True)
    write_sources(files, folder)
    done = subprocess.run([*command, "-c", "net.c"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[:2000]


@pytest.mark.parametrize("name", NAMES)
def test_c_for_a_processor_compiles_without_a_warning(name: str, tmp_path: Path) -> None:
    cpu = find_cpu(name)
    boards = [one for one in BOARDS if one.cpu.compiler == cpu.compiler]
    for one in boards[:1]:
        need_board(one.name)
    for kind, files in programs(name).items():
        line = next(one for one in files["net.h"].decode().splitlines() if '-c "$OUT/net.c"' in one)
        assert line.strip().startswith(f"{cpu.command} -std=c99 -O3 ")
        compile_in(tmp_path / kind, files, *cpu.command.split(), *WARNINGS, "-O3")


@pytest.mark.parametrize("board", WITH_BOARD, ids=lambda one: one.name)
def test_it_computes_the_same_there(board: Board, tmp_path: Path) -> None:
    need_board(board.name)
    (tmp_path / "one.tflite").write_bytes(ONE["CONV_2D"](Random(3, "int8")))
    fitted = lowtide.fit(tmp_path / "one.tflite", options=Options(cpu=board.cpu.name))
    fitted.emit("c99", tmp_path / "out")
    counted = bench_on_board(tmp_path / "out", Asked(board.name))
    assert (counted.difference.unequal, counted.cpu, counted.memory.made_for) == (
        0, board.cpu.name, board.cpu.name,
    )  # fmt: skip
    assert "made for" not in board_text(counted)


def test_a_program_for_another_processor_is_said_to_be(command: Command, tmp_path: Path) -> None:
    need_board("m4")
    for cpu, said in (("cortex-m55", True), ("cortex-m7", False), ("portable", False)):
        lowtide.fit(small_network(), options=Options(cpu=cpu)).emit("c99", tmp_path / cpu)
        counted = bench_on_board(tmp_path / cpu, Asked("m4"))
        assert counted.facts()["made_for"] == cpu
        assert (f"made for   {cpu}, and run on cortex-m4f" in board_text(counted)) is said
    if here := this_machine():
        for cpu, said in (("cortex-m55", True), (here, False), ("portable", False)):
            lowtide.fit(small_network(), options=Options(cpu=cpu)).emit("c99", tmp_path / cpu)
            found = command("bench", tmp_path / cpu, "--seconds", "0.1").out
            assert (f"made for   {cpu}, and run on {here}" in found) is said


@pytest.mark.parametrize("kind", ["floats", "eight", "streamed", "large"])
def test_portable_is_plain_c99(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name of a compiler's own, and nothing that -pedantic has to say anything of."""
    if kind == "large":
        monkeypatch.setattr(weights, "MOST_IN_C", 0)
    if kind == "streamed":
        options = Options(place="greedy", image="streamed", objective="latency", cpu="portable")
        files: Mapping[str, bytes] = emit(plan_model(small_network(), options))
    else:
        files = programs("portable")["eight" if kind == "eight" else "floats"]
    assert "net_weights.bin" not in files
    text = COMMENT.sub(
        "", "".join(files[f"net{end}"].decode() for end in (".c", ".h", "_weights.c"))
    )
    own = set(re.findall(r"\b__\w+|\b_mm\w+|\basm\b|\b\w*_MSC_VER", text))
    assert own <= {"__STDC_VERSION__", "__cplusplus"}
    compile_in(tmp_path, files, "cc", *WARNINGS, "-O2")
    compile_in(tmp_path, files, "cc", *WARNINGS, "-O2", "-DLOWTIDE_CHECKED")


def test_what_is_chosen_is_written(tmp_path: Path) -> None:
    fitted = lowtide.fit(small_network(), options=Options(cpu="cortex-m4f"), target="none")
    assert fitted.facts()["cpu"] == "cortex-m4f"
    plan = json.loads(fitted.files["plan.json"])
    assert plan["options"]["cpu"] == plan["facts"]["cpu"] == "cortex-m4f"
    assert plan_model(small_network(), GREEDY).facts()["cpu"] is None
    assert families_of("cortex-m4f") == ("dsp",)
    assert not families_of("portable")
    assert not families_of("cortex-m3")


def test_unknown_processors_are_named_with_those_there_are(command: Command) -> None:
    for words in (("fit", "net.onnx", "-o", "out"), ("profile", "net.onnx"), ("explore", "n.onnx")):
        done = command(*words, "--cpu", "cortex-m99")
        assert done.code == 2
        assert all(name in done.last for name in NAMES)
    with pytest.raises(UsageError, match="cortex-m55, x86-64"):
        Options(cpu="m4")


def test_packed_weights_in_plain_c99(tmp_path: Path) -> None:
    """No macro of the compiler's is left behind where it means nothing."""
    fitted = lowtide.fit(test_golden.packed(), options=lowtide.Options(cpu="portable"))
    assert fitted.checks is not None
    assert "KEEP_BRANCH" not in fitted.files["net.c"].decode()
    fitted.emit("c99", tmp_path / "out")
    lowtide.verify(tmp_path / "out")
