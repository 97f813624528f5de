"""Reading .tflite: every tensor of a network is what its runtime makes of it, to the bit.

int8 by TFLite Micro, uint8 and what that does not know by LiteRT's reference kernels; floats but
for rounding. CI draws each operator 6 times, `-m slow` 300 times.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tflite

import tflite_operators_more  # more operators
from integers import by_litert, by_tflm, made_of, random_inputs
from lowtide.check.by_definition import by_definition
from lowtide.check.difference import difference
from lowtide.errors import CheckError
from lowtide.frontends.tflite.load import load
from lowtide.ir.whole import WHOLE
from lowtide.pipeline.fit import fit
from lowtide.planner.options import Options
from tflite_operators import FLOATS_ONLY, LITERT_ONLY, ONE, TFLM_ONLY, Random

assert tflite_operators_more

OFF = 16
"""A seed whose means are odd halves below zero."""

SHARED = Path(__file__).parents[3] / "shared" / "models" / "tflite"
NETWORKS = ("kws_ref_model", "pretrainedResnet_quant", "person_detect", "ad01_int8")


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_of_a_network_is_that_of_tflm(name: str) -> None:
    pytest.importorskip("tflite_micro")
    file = SHARED / f"{name}.tflite"
    graph, content = load(file), file.read_bytes()
    inputs = random_inputs(graph, 1)
    held, truth = by_definition(graph, inputs), by_tflm(content, graph, inputs)
    stored = tflite.Model.GetRootAs(content, 0).Subgraphs(0)
    compared = 0
    for number, expected in enumerate(truth):
        tensor = stored.Tensors(number)
        made = made_of(graph, held, tensor.Name().decode())
        if made is not None and made.size == expected.size and stored.Tensors(number).Buffer():
            np.testing.assert_array_equal(made.ravel(), expected.ravel(), tensor.Name().decode())
            compared += 1
    assert compared > len(graph.operators) // 2


def _equal(kind: str, type_: str, seed: int, folder: Path) -> None:
    """One drawn network by its nests, and by its runtime."""
    content, file = ONE[kind](Random(seed, type_)), folder / "one.tflite"
    file.write_bytes(content)
    graph = load(file)
    inputs = random_inputs(graph, seed)
    run = by_tflm if type_ == "int8" and kind not in LITERT_ONLY else by_litert
    held, truth = by_definition(graph, inputs), run(content, graph, inputs)
    for name in graph.outputs:
        expected = truth[int(name.split("_")[0][1:])]
        np.testing.assert_array_equal(held[name].ravel(), expected.ravel(), f"seed {seed}")


@pytest.mark.parametrize("draws", [6, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("type_", ["int8", "uint8"])
@pytest.mark.parametrize("kind", ONE)
def test_an_operator_is_what_its_runtime_makes_of_it(
    kind: str, type_: str, draws: int, tmp_path: Path
) -> None:
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_litert")
    if kind in FLOATS_ONLY or (type_ == "uint8" and kind in TFLM_ONLY):
        pytest.skip("no runtime has it")
    for seed in range(draws):
        _equal(kind, type_, seed, tmp_path)


@pytest.mark.parametrize("draws", [2, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", sorted({*ONE} - {"QUANTIZE", "ELU"}))
def test_floats_are_those_of_litert_but_for_rounding(kind: str, draws: int, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    for seed in range(draws):
        drawn = Random(seed, "float32")
        content, file = ONE[kind](drawn), tmp_path / "one.tflite"
        file.write_bytes(content)
        graph = load(file)
        inputs = random_inputs(graph, seed)
        held, truth = by_definition(graph, inputs), by_litert(content, graph, inputs)
        for name in graph.outputs:
            expected = truth[int(name.split("_")[0][1:])]
            assert expected is not None
            near = 1e-5 * max(float(np.abs(expected).max(initial=0)), 1e-2)
            made = held[name].reshape(expected.shape)
            np.testing.assert_allclose(made, expected, rtol=0, atol=near, err_msg=f"seed {seed}")


def test_a_convolution_between_batches_is_dilated(tmp_path: Path) -> None:
    """The three operators are one, whatever is padded and cut; alone they move elements."""
    file = tmp_path / "net.tflite"
    for kind, types in [
        ("dilated CONV_2D", {"QConv"}),
        ("dilated DEPTHWISE_CONV_2D", {"QConv"}),
        ("SPACE_TO_BATCH_ND", {"Pad", "Reshape"}),
    ]:
        for seed in range(9):
            file.write_bytes(ONE[kind](Random(seed)))
            made = {op.type for op in load(file).operators}
            assert made - {"Pad", "Transpose"} == types - {"Pad"}


@pytest.mark.parametrize(("kind", "type_"), [
    ("CONV_2D", "int8"), ("ADD", "uint8"), ("dilated CONV_2D", "uint8"),
])  # fmt: skip
def test_a_network_of_bytes_becomes_c_that_its_runtime_agrees_with(
    kind: str, type_: str, tmp_path: Path
) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(ONE[kind](Random(7, type_)))
    fitted = fit(file)
    assert fitted.checks is not None
    maker = "tflite-micro" if type_ == "int8" else "ai-edge-litert"
    assert maker in fitted.checks.shown
    assert fitted.checks.shown.endswith("none differ")
    assert fitted.checks.max_abs_diff == 0
    text = fitted.files["net.c"].decode()
    functions = text.count("\nstatic void op")
    assert text.count("    KEEP_CALL;\n") == functions > 0


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
def test_gcc_leaves_no_call_out() -> None:
    """GCC 12.2 took a convolution of this network for one without effect (keep_call.h)."""
    fitted = fit(SHARED / "detection.tflite", options=Options(schedule="layerwise"))
    assert fitted.checks is not None
    assert fitted.checks.max_abs_diff == 0


def test_one_number_off_is_a_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another rounding, in C too, differs by one in a number or two, and does not pass."""
    file = tmp_path / "net.tflite"
    file.write_bytes(ONE["AVERAGE_POOL_2D"](Random(OFF)))
    rounded_up = replace(WHOLE["mean"], c="(a + b / 2) / b")
    monkeypatch.setitem(WHOLE, "mean", rounded_up)
    with pytest.raises(CheckError, match=r"from tflite-micro.s integers in .* allowed: none"):
        fit(file)


def test_bytes_that_differ_by_128_do_not_wrap() -> None:
    near, far = np.asarray([[0, 127]], np.int8), np.asarray([[-128, 127]], np.int8)
    assert difference([near], [near], [127.0], [0.0]).passes
    found = difference([near], [far], [127.0], [0.0])
    assert (found.max_abs, found.passes) == (128.0, False)
