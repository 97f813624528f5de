"""A budget is RAM: arena, stack and state; what misses it names commands that fit."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from lowtide.backends import emit
from lowtide.check.code_size import footprint
from lowtide.check.compile import find_compiler, write_sources
from lowtide.check.meter import find_meter
from lowtide.cli.app import app
from lowtide.clock import Clock
from lowtide.errors import BudgetError
from lowtide.pipeline.fit import fit, read
from lowtide.pipeline.fit_text import show_fit
from lowtide.pipeline.profile import profile
from lowtide.pipeline.ram import Planning
from lowtide.pipeline.suggest import missed
from lowtide.planner.options import Options

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    """image [1,3,24,24] -> Conv to 16, stride 2 -> Relu -> Conv to 16 -> mean: mostly image."""
    rng, kind = np.random.default_rng(0), TensorProto.FLOAT
    held = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32) / 9, name)
        for name, shape in (("a", (16, 3, 3, 3)), ("b", (16, 16, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["image", "a"], ["x"], "first", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["x"], ["y"], "relu"),
        helper.make_node("Conv", ["y", "b"], ["z"], "second", pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["z"], ["scores"], "mean"),
    ]
    image = helper.make_tensor_value_info("image", kind, [1, 3, 24, 24])
    scores = helper.make_tensor_value_info("scores", kind, [1, 16, 1, 1])
    graph = helper.make_graph(nodes, "tiny", [image], [scores], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def file(network: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    onnx.save(network, "my net.onnx")
    return "my net.onnx"


def run(words: Sequence[str]) -> tuple[dict[str, object], BaseException | None]:
    """What a command prints with --json, and what it ends with."""
    done = CliRunner().invoke(app, [*words])
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines and not done.exception else {}, done.exception


def planning(network: onnx.ModelProto) -> Planning:
    clock = Clock(lambda _: None)
    return Planning(*read(network, clock), clock, True)


@needs_compiler
def test_the_smallest_budget_is_the_ram_that_is_printed(file: str) -> None:
    words = ["fit", file, "-o", "out", "--json"]
    facts, error = run(words)
    assert error is None
    ram = facts["ram_bytes"]
    assert ram == sum(facts[f"{name}_bytes"] for name in ("arena", "stack", "state"))  # type: ignore[misc]
    assert ram > facts["arena_bytes"]  # type: ignore[operator]
    met, error = run([*words, "--budget", str(ram)])
    assert error is None
    assert met["ram_bytes"] == ram
    _, error = run([*words, "--budget", str(ram - 1)])  # type: ignore[operator]
    assert isinstance(error, BudgetError)
    assert error.facts()["ram_bytes"] == ram


@needs_compiler
@pytest.mark.parametrize(
    "options",
    [
        Options(objective="latency"),
        Options(max_overhead=0.5),
        Options(image="streamed"),
        Options(image="streamed", result="streamed", objective="balanced"),
        Options(schedule="layerwise", overlap="row"),
    ],
)
def test_what_fits_without_a_budget_fits_its_own_ram(
    options: Options, network: onnx.ModelProto
) -> None:
    """Also where the planner aims at a budget: down to the least that it finds."""
    held = planning(network)
    ram = held.plan(options).ram_bytes
    while (met := held.within(options, ram)).ram_bytes <= ram:
        ram = met.ram_bytes - 1
    assert held.within(options, ram + 1).ram_bytes == ram + 1


@needs_compiler
def test_every_suggestion_succeeds(file: str) -> None:
    """Also with a budget that nothing meets: then larger ones are told."""
    picture = ["--sample", "a b.npy", "--sample", "c.npy"]
    for name in picture[1::2]:
        np.save(name, np.zeros((1, 3, 24, 24), np.float32))
    words = ["fit", file, "-o", "out", "--json", "--place", "greedy", *picture]
    for budget in ("8000", "1KiB"):
        _, error = run([*words, "--budget", budget])
        assert isinstance(error, BudgetError)
        told = error.facts()["suggestions"]
        assert len(told) >= 2
        for one in told:
            needs = f", with {one['needs']}" if "needs" in one else ""
            assert f"  {one['ram_bytes']:>10,} B of RAM{needs}: {one['command']}" in error.lines()
        assert told[-1]["ram_bytes"] == error.facts()["ram_bytes"]  # a larger budget comes last
        assert any("--image streamed" in one["command"] for one in told)
        for one in told:
            name, *given = shlex.split(one["command"])
            assert (name, given[1]) == ("lowtide", file)
            assert [given[k + 1] for k, w in enumerate(given) if w == "--sample"] == picture[1::2]
            facts, error = run(given)
            assert error is None, one["command"]
            assert facts["ram_bytes"] == one["ram_bytes"]


def test_so_does_that_of_a_network_in_tiles(file: str) -> None:
    words = ["fit", file, "-o", "out", "--json", "--target", "onnx", "--max-overhead", "0"]
    _, error = run([*words, "--budget", "1KiB"])
    assert isinstance(error, BudgetError)
    told = error.facts()["suggestions"]
    assert told
    for one in told:
        facts, error = run(shlex.split(one["command"])[1:])
        assert error is None, one["command"]
        assert facts["peak_bytes"] <= one["ram_bytes"]  # type: ignore[operator]


def test_the_arena_alone_counts_where_nothing_is_compiled(
    network: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    arena = profile(network).arena_bytes
    planned = fit(network, budget=arena, target="none")
    assert "arena alone" in show_fit(planned, [])
    monkeypatch.setattr("lowtide.check.meter.find_compiler", lambda: None)
    monkeypatch.setattr("lowtide.check.judge.find_compiler", lambda: None)
    fitted = fit(network, budget=arena)
    assert fitted.checks is not None
    assert fitted.facts()["ram_bytes"] is None
    assert "arena alone" in show_fit(fitted, [])
    with pytest.raises(BudgetError, match="the arena alone"):
        fit(network, budget=arena - 1)


def test_trying_ends_with_its_time(network: onnx.ModelProto) -> None:
    held = planning(network)
    error = missed(held, Options(), 64, held.plan(Options()), "net.onnx", seconds=0)
    assert error.suggestions is not None
    assert [one.command for one in error.suggestions] == [
        f"lowtide fit net.onnx -o out --budget {error.reached['ram_bytes']}"
    ]


PAINTED = r"""
#include "net.h"
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
static unsigned char stack[1 << 18];
static ucontext_t here, there;
static float in[1 << 16];
static void go(void) { CALL; }
static void nothing(void) { }
static long depth(void (*f)(void))
{
    size_t k = 0;
    memset(stack, 0xA5, sizeof stack);
    getcontext(&there);
    there.uc_stack.ss_sp = stack, there.uc_stack.ss_size = sizeof stack, there.uc_link = &here;
    makecontext(&there, f, 0);
    swapcontext(&here, &there);
    while (k < sizeof stack && stack[k] == 0xA5) k++;
    return (long)(sizeof stack - k);
}
int main(void) { depth(go); return !printf("%ld %ld", depth(nothing), depth(go)); }
"""


@needs_compiler
@pytest.mark.parametrize("image", ["resident", "streamed"])
def test_the_stack_is_no_deeper_than_it_is_said(
    image: str, network: onnx.ModelProto, tmp_path: Path
) -> None:
    """A run on a painted stack touches at most what was counted, and most of that."""
    compiler = find_compiler()
    assert compiler is not None
    plan = profile(network, options=Options(image=image))  # type: ignore[arg-type]
    files = emit(plan)
    write_sources(files, tmp_path)
    call = "net_run(in)" if image == "streamed" else "net_run()"
    (tmp_path / "main.c").write_text(PAINTED.replace("CALL", call))
    command = [*compiler, "-O2", "-ffp-contract=fast", "main.c", "net.c", "-o", "main", "-lm"]
    if subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode:
        pytest.skip("no ucontext.h here")
    done = subprocess.run(
        [str(tmp_path / "main")], env={"LD_BIND_NOW": "1"}, capture_output=True, check=True
    )
    without, with_ = map(int, done.stdout.split())
    weights = plan.profile.weight_bytes
    said = footprint(files, find_meter(Options()), plan.arena_bytes, weights, "net")
    assert said.stack_bytes is not None
    assert with_ - without - 32 <= said.stack_bytes <= with_ - without + 1024
    assert bool(said.state_bytes) == (image == "streamed") or said.state_bytes is None
