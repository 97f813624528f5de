"""fit of a .tflite file: the emitted C makes the integers of the runtime that defines them.

Whole trained networks, resident and streamed, on 20 inputs each; the smallest in CI, all of them
with `-m slow`, which prints the table.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import lowtide
import lowtide.check.tflite_truth as truth
from commands import Command
from lowtide.check import runtimes
from lowtide.check.drawn import DRAWN, draw
from lowtide.check.floats import floats_before, parts_of, quantum, said
from lowtide.frontends.tflite.load import load
from lowtide.ir.dtype import F32, I8
from lowtide.ir.graph import Array, Graph, Operator, Tensor
from lowtide.ir.quant import Quant
from more_inputs import on_more
from tflite_file import TfliteFile
from tflite_operators import ONE, Random
from wrong_weights import with_wrong_weights

MODELS = Path(__file__).parents[3] / "shared" / "models" / "tflite"
QUICK = ("micro_speech_quantized", "kws_ref_model")
INPUTS = 20


def others(file: Path) -> dict[str, dict[str, Array]]:
    """As many more drawn inputs as make 20."""
    wanted = truth.inputs_of(load(file))
    return {f"seed {k}": draw(wanted, k) for k in range(DRAWN, INPUTS)}


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
    file = MODELS / f"{name}.tflite"
    fitted = lowtide.fit(file, options=lowtide.Options(image=image))
    checks = fitted.checks
    assert checks is not None
    more = on_more(fitted, file, others(file))
    total = checks.difference | more
    compared = checks.difference.compared + more.compared
    print(f"\n{name:<44} {image:<8} arena {fitted.arena_bytes:>8}: {compared} values on {INPUTS} "
          f"inputs, {total.unequal} unequal, {total.steps} steps off; {checks.shown}")  # fmt: skip
    assert checks.faults == 0
    assert len(checks.samples) == DRAWN
    if checks.against.kind == "integers":
        assert checks.against.equal
        assert (total.unequal, total.steps) == (0, 0)
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


def test_only_what_is_rounded_behind_floats_may_be_a_step_off() -> None:
    """x in 8 bits ─> exp of it in 8 bits, exp of it as floats, and x itself."""
    kinds = {"x": I8, "r": F32, "near": F32, "rounded": I8, "again": F32, "same": I8}
    steps = [("Dequantize", "x", "r"), ("Exp", "r", "near"), ("Quantize", "near", "rounded"),
             ("Dequantize", "rounded", "again"), ("Identity", "x", "same")]  # fmt: skip
    tensors = {n: Tensor(n, (4,), k, Quant((0.5,), (0,)) if k == I8 else None)
               for n, k in kinds.items()}  # fmt: skip
    operators = tuple(Operator(y, kind, (x,), (y,)) for kind, x, y in steps)
    outputs = ("same", "r", "near", "rounded", "again")
    graph = Graph("n", ("x",), outputs, operators, tensors, {})
    floats = floats_before(parts_of(graph), outputs)
    values = [np.full(4, 2, kinds[n].name) for n in outputs]
    gaps = [f.gap(y, quantum(graph, n)) for f, y, n in zip(floats, values, outputs, strict=True)]
    assert gaps == pytest.approx([0, 0, 2e-5, 1, 0.5 + 2e-5])
    assert said(outputs, floats) == [
        "'rounded', 'again' may be one step off, since the reference computes floats in Exp"
    ]


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
    assert facts["not_compared"].endswith("pip install '.[tflite]' in a clone of lowtide")
    assert facts["faults"] == 0
    assert facts["checked_reads"] > 0
    assert facts["unequal"] == 0
    assert facts["compared_values"] > 4
    assert command("verify", out).code == 0


def test_a_runtime_that_stumbles_over_a_file_cannot_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that lowtide does not read ends their readers in errors of all kinds."""

    def stumble(*_: Any) -> None:
        raise struct.error("unpack_from requires a buffer of at least 2900958 bytes")

    for name in runtimes._RUNS:
        monkeypatch.setitem(runtimes._RUNS, name, stumble)
        with pytest.raises(RuntimeError, match="2900958"):
            runtimes.run(name, b"", [])


def test_without_them_net_c_is_still_held_to_reference_c(
    conv: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lowtide.check.judge import judge_program

    def judge_another(files: Mapping[str, bytes], *rest: Any) -> object:
        text, constants = (files[name].decode() for name in ("net.c", "net_weights.c"))
        spoilt = with_wrong_weights(text, constants).encode()
        return judge_program({**files, "net_weights.c": spoilt}, *rest)

    monkeypatch.setattr(truth, "installed", lambda name: None)
    monkeypatch.setattr("lowtide.pipeline.fit.judge_program", judge_another)
    said = command("fit", conv, "-o", conv.parent / "out")
    assert said.code == 5
    assert "differs from reference.c in" in said.last


def test_verify_prints_how_often_the_program_is_right(conv: Path, command: Command) -> None:
    """The classes of inputs are what the runtime makes of them, but for one."""
    graph = load(conv)
    inputs = [draw(truth.inputs_of(graph), seed) for seed in range(5)]
    samples = truth.expect_tflite(conv, {str(k): one for k, one in enumerate(inputs)})
    classes = np.array([int(sample.outputs[0].argmax()) for sample in samples])
    classes[2] += 1
    np.savez(
        conv.parent / "test.npz",
        x=np.concatenate([next(iter(one.values())) for one in inputs]),
        y=classes,
    )
    out = conv.parent / "out"
    assert command("fit", conv, "-o", out).code == 0
    said = command("verify", out, "--test", conv.parent / "test.npz")
    assert "accuracy       80.0 %: 4 of 5 right" in said.out
    facts = json.loads(command("verify", out, "--test", conv.parent / "test.npz", "--json").out)
    assert (facts["tested"], facts["right"], facts["accuracy"]) == (5, 4, 0.8)
    assert command("verify", out, "--labels", conv).code == 2


def test_bytes_go_into_a_tflite_network_with_float_ends(tmp_path: Path) -> None:
    """The reference is handed the reals that the bytes stand for."""
    pytest.importorskip("tflite_micro")
    made, ends = TfliteFile(), (0.25, 7)
    kinds = ("float32", "int8", "int8", "float32")
    x, q, p, y = (made.tensor((1, 6, 5, 2), kind, ends) for kind in kinds)
    made.operator("QUANTIZE", [x], [q], "QuantizeOptions")
    made.operator("RELU", [q], [p])
    made.operator("DEQUANTIZE", [p], [y], "DequantizeOptions")
    file = tmp_path / "ends.tflite"
    file.write_bytes(made.bytes([x], [y]))
    fitted = lowtide.fit(file, options=lowtide.Options(io_type="8bit"))
    ports = (*fitted.memory.inputs, *fitted.memory.outputs)
    assert [(port.dtype, port.scale, port.zero) for port in ports] == [("int8", *ends)] * 2
    assert fitted.checks is not None
    assert fitted.checks.against.equal
    assert fitted.checks.difference.compared == 60 * DRAWN
    fitted.emit("c99", tmp_path / "out")
    assert lowtide.verify(tmp_path / "out", file).facts()["unequal"] == 0


def test_what_is_not_for_a_tflite_file_is_named(conv: Path, command: Command) -> None:
    out, pictures = conv.parent / "out", conv.parent
    for arguments, words in (
        (
            ("fit", conv, "-o", out, "--flash", "1MiB", "--uncalibrated"),
            "weights takes ONNX files",
        ),
        (("fit", conv, "-o", out, "--weights", "plain"), "--flash"),
        (("fit", conv, "-o", out, "--target", "onnx"), "--target onnx takes ONNX files"),
        (("fit", conv, "-o", out, "--shape", "x=1"), "--shape"),
        (
            ("compress", conv, "--flash", "1MiB", "-o", out, "--uncalibrated"),
            "takes ONNX files",
        ),
    ):
        said = command(*arguments)
        assert said.code == 2, arguments
        assert words in said.last, arguments
        assert not out.exists()
    damaged = pictures / "damaged.tflite"
    damaged.write_bytes(conv.read_bytes()[:200])
    for name in ("fit", "profile"):
        said = command(name, damaged, *(("-o", out) if name == "fit" else ()))
        assert said.code == 4
        assert "damaged.tflite: " in said.last
        assert not out.exists()


def test_it_is_timed_and_profiled(conv: Path, command: Command) -> None:
    out = conv.parent / "out"
    assert command("fit", conv, "-o", out).code == 0
    assert json.loads(command("profile", conv, "--json").out)["macs"] > 0
    assert "lowtide" in command("bench", out, "--seconds", "0.1").out
    said = command("bench", out, "--against", "onnxruntime", "--model", conv)
    assert said.code == 2
    assert "--against onnxruntime takes ONNX files" in said.last
    assert said.last.endswith("--against litert")
    asked = ("bench", out, "--against", "litert", "--model", conv, "--seconds", "0.1", "--json")
    facts = json.loads(command(*asked).out)
    assert (facts["other"]["name"], bool(facts["other"]["version"])) == ("litert", True)
    assert facts["ratio"]["median"] > 0
    assert facts["lowtide"]["share_of_peak"] is None, "of floats"
