"""The C of networks that keep state, called again and again, against runtimes fed the same way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import lowtide
from commands import Command
from lowtide.backends import emit
from lowtide.check.compile import find_compiler, run
from lowtide.check.judge import judge_placement
from lowtide.check.numbers import Reference
from lowtide.check.trial import Trial, Way, no_fault, pack, unpack
from lowtide.ir.graph import Array
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.timing.board_bench import Asked, bench_on_board
from recurrent import recurrent
from stateful import random_stateful, run_all
from tools import need_board

JUDGED = Way("net.c", True, ("-O1", "-ffp-contract=off"), "judged")


def in_c(
    model: onnx.ModelProto, options: lowtide.Options, sets: Sequence[dict[str, Array]], folder: Path
) -> tuple[list[list[Array]], MemoryMap]:
    """What net.c, judged, makes of a sequence of calls; all but its states is noise between."""
    plan = lowtide.profile(model, options=options)
    memory = memory_map(plan)
    compiler = find_compiler()
    assert compiler is not None
    trial = Trial(emit(plan), memory, [], compiler, folder)
    given = b"".join(pack(memory.inputs, inputs) for inputs in sets)
    verdict = run(trial.build(JUDGED), given)
    no_fault(verdict, memory, "net.c")
    size = len(verdict.outputs) // len(sets)
    parts = (verdict.outputs[k * size : (k + 1) * size] for k in range(len(sets)))
    return [unpack(part, memory.outputs) for part in parts], memory


def fed(
    model: onnx.ModelProto, memory: MemoryMap, sets: Sequence[dict[str, Array]]
) -> list[tuple[Array, ...]]:
    """What onnxruntime makes of a sequence."""
    runtime, found = Reference(model.SerializeToString(), "n"), list[tuple[Array, ...]]()
    names = [value.name for value in model.graph.output]
    held = {one.input: np.zeros(one.shape, np.float32) for one in memory.states}
    for inputs in sets:
        found.append(runtime.run({**inputs, **held}).outputs)
        held = {one.input: found[-1][names.index(one.output)] for one in memory.states}
    return found


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_a_thousand_steps(kind: str, tmp_path: Path) -> None:
    model, words = recurrent(kind)
    dice = np.random.default_rng(0)
    sets = [{"x": dice.normal(0, 1, (1, 1, 8)).astype(np.float32)} for _ in range(1000)]
    made, memory = in_c(model, lowtide.Options(state=words), sets, tmp_path)
    assert sum(one.bytes for one in memory.states) == 4 * 16 * len(words)
    assert not any(op.type == "Copy" for op in memory.operators)
    for outputs, expected in zip(made, fed(model, memory, sets), strict=True):
        for y, ref in zip(outputs, expected, strict=True):
            np.testing.assert_allclose(y, ref, rtol=0, atol=1e-5)
    assert np.abs(made[-1][1]).max() > 0.1


QUANTISED = """<ir_version: 8, opset_import: ["" : 17]>
g (float[1,6] x, float[1,10] h) => (float[1,10] o)
<float s = {0.03}, uint8 z = {120}, float t = {0.02}, uint8 u = {131}, float r = {0.01},
 int8 n = {0}>
{ a = QuantizeLinear(x, s, z) b = DequantizeLinear(a, s, z)
  c = QuantizeLinear(h, t, u) d = DequantizeLinear(c, t, u)
  w = DequantizeLinear(W, r, n) v = DequantizeLinear(V, r, n)
  e = Gemm<transB=1>(b, w) f = QuantizeLinear(e, t, u) g = DequantizeLinear(f, t, u)
  i = Gemm<transB=1>(d, v) j = QuantizeLinear(i, t, u) k = DequantizeLinear(j, t, u)
  l = Add(g, k) m = QuantizeLinear(l, t, u) o = DequantizeLinear(m, t, u) }"""


@pytest.mark.parametrize("ends", ["8bit", "file"])
def test_a_state_of_8_bits_is_equal_in_every_byte(ends: str, tmp_path: Path) -> None:
    model = parser.parse_model(QUANTISED)
    dice = np.random.default_rng(2)
    for name, shape in (("W", (10, 6)), ("V", (10, 10))):
        held = dice.integers(-60, 60, shape).astype(np.int8)
        model.graph.initializer.append(numpy_helper.from_array(held, name))
    options = lowtide.Options(state=("o:h",), io_type=ends)  # type: ignore[arg-type]
    kind = np.uint8 if ends == "8bit" else np.float32
    numbers = dice.integers(0, 256, (300, 1, 6)).astype(np.uint8)
    reals = [{"x": ((x.astype(np.float32) - 120) * np.float32(0.03))} for x in numbers]
    sets = [{"x": x} for x in numbers] if ends == "8bit" else reals
    made, memory = in_c(model, options, sets, tmp_path)
    (state,) = memory.states
    assert (state.bytes, state.initial) == ((10, 131) if ends == "8bit" else (40, 0))
    for (y,), (ref,) in zip(made, fed(model, memory, reals), strict=True):
        as_file = (y.astype(np.float32) - 131) * np.float32(0.02) if ends == "8bit" else y
        assert y.dtype == kind
        np.testing.assert_array_equal(as_file, ref)
    assert len({y.tobytes() for (y,) in made}) > 200


@pytest.mark.parametrize(
    "first", [pytest.param(k, marks=[pytest.mark.slow] if k else []) for k in range(0, 300, 10)]
)
def test_random_networks_with_states(first: int, tmp_path: Path) -> None:
    cases = [random_stateful(seed) for seed in range(first, first + 10)]
    copies = 0
    for one, made in zip(cases, run_all(cases, tmp_path), strict=True):
        judge_placement(one.memory)
        copies += any(op.type == "Copy" for op in one.memory.operators)
        for outputs, expected in zip(made, fed(one.model, one.memory, one.sets), strict=True):
            for y, ref in zip(outputs, expected, strict=True):
                scale = max(1.0, float(np.abs(ref).max()))
                np.testing.assert_allclose(y / scale, ref / scale, rtol=0, atol=1e-5)
    assert 0 < copies < 10


def test_a_sequence_on_an_emulated_board(tmp_path: Path) -> None:
    """Equal to this PC's build within float rounding, a call after the other."""
    need_board("m4")
    model, words = recurrent("GRU", 8, 4)
    lowtide.fit(model, options=lowtide.Options(state=words)).emit("c99", tmp_path / "out")
    counted = bench_on_board(tmp_path / "out", Asked("m4"))
    assert counted.difference.compared == 8 * (5 + 8)
    assert counted.difference.passes


def test_states_are_in_the_recipe(command: Command, tmp_path: Path) -> None:
    model, words = recurrent("LSTM", 4, 3)
    onnx.save(model, tmp_path / "net.onnx")
    given = [word for text in words for word in ("--state", text)]
    made = command("fit", tmp_path / "net.onnx", *given, "-o", tmp_path / "out", "--json")
    assert json.loads(made.out)["carried_bytes"] == 32
    assert 'state = ["h_out:h", "c_out:c"]' in (tmp_path / "out" / "lowtide.toml").read_text()
    assert "32 bytes of the arena stay from call to call" in (tmp_path / "out/net.h").read_text()
    again = command("fit", "-c", tmp_path / "out/lowtide.toml", "--target", "none", "--json")
    assert json.loads(again.out)["carried_bytes"] == 32
    assert command("verify", tmp_path / "out").code == 0
