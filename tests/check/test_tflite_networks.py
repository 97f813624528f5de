"""fit of a .tflite file: the emitted C makes the integers of the runtime that defines them.

Whole trained networks, resident and streamed, on 20 inputs each; the smallest in CI, all of them
with `-m slow`, which prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import lowtide
import lowtide.check.tflite_truth as truth
from commands import Command
from lowtide.check.tflite_truth import DRAWN
from lowtide.ir.graph import Array, Graph
from tflite_operators import ONE, Random

MODELS = Path(__file__).parents[3] / "shared" / "models" / "tflite"
QUICK = ("micro_speech_quantized", "kws_ref_model")
INPUTS = 20


def others(graph: Graph) -> dict[str, dict[str, Array]]:
    """As many more drawn inputs as make 20."""
    return {f"seed {k}": truth._drawn(graph, k) for k in range(DRAWN, INPUTS)}


def networks() -> list[Any]:
    files = sorted(MODELS.glob("*.tflite"), key=lambda file: file.stat().st_size)
    slow = [pytest.param(f.stem, marks=pytest.mark.slow) for f in files if f.stem not in QUICK]
    return [*QUICK, *slow]


@pytest.mark.skipif(not MODELS.exists(), reason="../shared is not there")
@pytest.mark.parametrize("image", ["resident", "streamed"])
@pytest.mark.parametrize("name", networks())
def test_a_network_is_its_runtimes_to_the_bit(
    name: str, image: Literal["resident", "streamed"]
) -> None:
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_litert")
    options = lowtide.Options(image=image)
    fitted = lowtide.fit(MODELS / f"{name}.tflite", options=options, samples=others)
    checks = fitted.checks
    assert checks is not None
    print(f"\n{name:<44} {image:<8} arena {fitted.arena_bytes:>8}: {checks.shown}")
    assert checks.faults == 0
    assert len(checks.samples) == INPUTS
    if checks.against.kind == "integers":
        assert checks.against.equal
        for sample in checks.samples:
            for made, expected in zip(checks.results[sample.name], sample.outputs, strict=True):
                np.testing.assert_array_equal(made, expected)
    else:
        assert checks.against.kind == "float32", "a float network"


@pytest.fixture
def conv(tmp_path: Path) -> Path:
    """One drawn convolution."""
    pytest.importorskip("tflite_micro")
    file = tmp_path / "conv.tflite"
    file.write_bytes(ONE["CONV_2D"](Random(1)))
    return file


def test_a_wrong_integer_is_no_result(
    conv: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value of one sample, off by one."""
    run, out = truth._run, conv.parent / "out"

    def off_by_one(*given: Any) -> Any:
        runtime, made, note = run(*given)
        wrong = made[-1][0]
        wrong.ravel()[-1] += 1 if wrong.ravel()[-1] < 127 else -1
        return runtime, made, note

    monkeypatch.setattr(truth, "_run", off_by_one)
    said = command("fit", conv, "-o", out)
    assert said.code == 5
    assert "in 1 of" in said.last
    assert "values, by 1 at most" in said.last
    assert not out.exists()
    monkeypatch.undo()
    facts = json.loads(command("fit", conv, "-o", out, "--json").out)
    assert facts["reference"]["name"] == "tflite-micro"
    assert facts["reference"]["version"]
    assert (facts["unequal"], facts["steps_off"], facts["not_compared"]) == (0, 0, None)
    assert facts["compared_values"] > 4
    assert command("verify", out, "--model", conv).code == 0


def test_without_the_runtimes_what_is_not_compared_is_said(
    conv: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fit goes on: every read is checked, and net.c is held to reference.c."""
    out = conv.parent / "out"
    monkeypatch.setattr(truth, "installed", lambda name: None)
    assert (
        "not compared with tflite-micro, which is not installed"
        in command("fit", conv, "-o", out).out
    )
    facts = json.loads(command("fit", conv, "-o", out, "--json").out)
    assert facts["reference"] is None
    assert facts["not_compared"].endswith("pip install 'lowtide[tflite]'")
    assert facts["faults"] == 0
    assert facts["checked_reads"] > 0
    assert facts["unequal"] == 0
    assert facts["compared_values"] > 4
    assert command("verify", out).code == 0


def test_without_them_net_c_is_still_held_to_reference_c(
    conv: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lowtide.check.judge import judge_program

    def judge_another(files: Mapping[str, bytes], *rest: Any) -> object:
        wrong = files["net.c"].replace(b"+ (1 << 30)) >> 31", b"+ (1 << 30)) >> 30")
        assert wrong != files["net.c"]
        return judge_program({**files, "net.c": wrong}, *rest)

    monkeypatch.setattr(truth, "installed", lambda name: None)
    monkeypatch.setattr("lowtide.pipeline.fit.judge_program", judge_another)
    said = command("fit", conv, "-o", conv.parent / "out")
    assert said.code == 5
    assert "differs from reference.c in" in said.last
