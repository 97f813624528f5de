"""Stack, code and flash are those of the board's own compiler, or not told: never another's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from onnx import parser

import lowtide
from commands import Command
from lowtide.check.compile import find_compiler
from lowtide.errors import BudgetError, UsageError
from lowtide.pipeline.fit_text import show_fit
from lowtide.planner.options import Options
from lowtide.timing.board_bench import Asked, bench_on_board
from programs import GREEDY
from test_cli import small_network
from tools import need, need_board

ARM = "arm-none-eabi-gcc"
M4 = Options(place="greedy", cpu="cortex-m4f")
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


def figures(options: Options) -> tuple[dict[str, object], str, str]:
    """What a fit measured, and what the header and the terminal say."""
    fitted = lowtide.fit(small_network(), options=options)
    return fitted.facts(), fitted.files["net.h"].decode(), show_fit(fitted)


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As if a command were not installed."""
    which = SimpleNamespace(which=lambda one: None if one == name else shutil.which(one))
    monkeypatch.setattr("lowtide.check.meter.shutil", which)


@needs_compiler
@pytest.mark.parametrize("cpu", [None, "portable"])
def test_figures_of_this_machine_are_called_so(cpu: str | None) -> None:
    facts, header, said = figures(Options(place="greedy", cpu=cpu))
    level = "-O2" if cpu is None else "-O3"
    named = f"for this machine, {facts['measured_with']}"
    assert str(facts["measured_with"]).endswith(f"-std=c99 {level} -ffp-contract=fast")
    assert (facts["measured_for"], facts["not_measured"]) == ("this machine", None)
    assert f"(stack, state and code {named})" in header
    assert named in said


def test_a_processor_has_figures_of_its_own(tmp_path: Path) -> None:
    """Of the compile line in net.h: what a board takes in the emulator, and a budget counts."""
    need_board("m4")
    fitted = lowtide.fit(small_network(), options=M4)
    facts, other = fitted.facts(), lowtide.fit(small_network(), options=GREEDY).facts()
    line = f"{ARM} -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mthumb -mfloat-abi=hard -std=c99 -O3"
    assert (facts["measured_for"], facts["not_measured"]) == ("cortex-m4f", None)
    assert facts["measured_with"].startswith(line)
    header = fitted.files["net.h"].decode()
    assert line in header
    assert f"code for cortex-m4f, {ARM}" in header
    assert f"stack {facts['stack_bytes']}, state 0: {facts['ram_bytes']} bytes" in header
    fitted.emit("c99", tmp_path / "out")
    listed = json.loads((tmp_path / "out" / "lowtide.json").read_text())
    assert listed["figures"] == fitted.figures
    board = bench_on_board(tmp_path / "out", Asked("m4"))
    assert board.stack_bytes <= facts["stack_bytes"] <= board.stack_bytes + 1024
    assert 0 <= board.sizes.flash - facts["flash_bytes"] < 1024, "the board's own start, and main.c"
    assert facts["stack_bytes"] != other["stack_bytes"]
    assert facts["code_bytes"] != other["code_bytes"]
    lowtide.fit(small_network(), options=M4, budget=facts["ram_bytes"])
    with pytest.raises(BudgetError, match=f"stack {facts['stack_bytes']}"):
        lowtide.fit(small_network(), options=M4, budget=facts["ram_bytes"] - 1)


def test_flash_has_what_is_called_of_the_c_library(tmp_path: Path) -> None:
    """tanhf() and what it calls: some 2 KiB of newlib, beside a network of a few numbers."""
    need_board("m4")
    network = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]> g (float[1,2,6,6] x) => (float[1,2,6,6] y)
        { y = Tanh(x) }"""
    )
    fitted = lowtide.fit(network, options=M4)
    fitted.emit("c99", tmp_path / "out")
    sizes, said = bench_on_board(tmp_path / "out", Asked("m4")).sizes, fitted.facts()["flash_bytes"]
    assert (sizes.library or 0) > 1024
    assert abs(sizes.flash - said) < 1024, (sizes, said)  # the larger of two libraries counts


@needs_compiler
def test_nothing_is_told_where_the_compiler_of_a_processor_is_not_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without(monkeypatch, ARM)
    facts, header, said = figures(M4)
    why = f"there is no {ARM} here for cortex-m4f; --cc names another"
    for key in ("stack_bytes", "code_bytes", "ram_bytes", "flash_bytes", "measured_with"):
        assert facts[key] is None, key
    assert facts["not_measured"] == why
    assert f"not measured: {why}" in said
    assert f"code not measured: {why}" in " ".join(header.split())
    arena = facts["arena_bytes"]
    assert isinstance(arena, int)
    lowtide.fit(small_network(), options=M4, budget=arena)
    with pytest.raises(BudgetError, match="arena alone, its stack is not measured: there is no"):
        lowtide.fit(small_network(), options=M4, budget=arena - 1)


def test_a_compiler_that_is_asked_for(command: Command, tmp_path: Path) -> None:
    need("" if shutil.which(ARM) else f"there is no {ARM}")
    cc = f"{ARM} -mcpu=cortex-m3 -mthumb -Os"
    facts, _, said = figures(Options(place="greedy", cc=cc))
    assert facts["measured_with"] == f"{cc} -std=c99 -ffp-contract=fast"
    assert facts["measured_for"] == "the target of --cc"
    assert cc in said
    net = tmp_path / "net.onnx"
    onnx.save(small_network(), net)
    missed = command("fit", net, "-o", tmp_path / "out", "--cc", cc, "--budget", "8")
    assert missed.code == 3
    assert f"--cc '{cc}'" in missed.last
    for words, says in (
        (("--cc", "no-such-cc -Os"), "no-such-cc -Os: no such command"),
        (("--cc", f"{ARM} -mcpu=nothing"), f"{ARM} does not compile it for the target of --cc"),
        (("--cc", cc, "--target", "none"), "--cc measures the C"),
    ):
        done = command("fit", net, "-o", tmp_path / "out", *words)
        assert (done.code, says in done.last) == (2, True), done.last
    assert command("explore", net, "--cc", cc).code == 2
    with pytest.raises(UsageError, match=r"^cc measures the C"):
        lowtide.fit(small_network(), options=Options(cc=cc), target="none")
