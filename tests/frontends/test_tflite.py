"""Reading .tflite: every tensor of a network is what its runtime makes of it, to the bit.

int8 by TFLite Micro, uint8 and what that does not know by LiteRT's reference kernels. CI draws each
operator 10 times, `-m slow` 300 times.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite

from integers import by_litert, by_nests, by_tflm, made_of, random_inputs
from lowtide.frontends.tflite.load import load
from tflite_operators import LITERT_ONLY, ONE, TFLM_ONLY, Random

SHARED = Path(__file__).parents[3] / "shared" / "models" / "tflite"
NETWORKS = ("kws_ref_model", "pretrainedResnet_quant", "person_detect", "ad01_int8")


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_of_a_network_is_that_of_tflm(name: str) -> None:
    pytest.importorskip("tflite_micro")
    file = SHARED / f"{name}.tflite"
    graph, content = load(file), file.read_bytes()
    inputs = random_inputs(graph, 1)
    held, truth = by_nests(graph, inputs), by_tflm(content, graph, inputs)
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
    held, truth = by_nests(graph, inputs), run(content, graph, inputs)
    for name in graph.outputs:
        expected = truth[int(name.split("_")[0][1:])]
        np.testing.assert_array_equal(held[name].ravel(), expected.ravel(), f"seed {seed}")


@pytest.mark.parametrize("draws", [10, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("type_", ["int8", "uint8"])
@pytest.mark.parametrize("kind", ONE)
def test_an_operator_is_what_its_runtime_makes_of_it(
    kind: str, type_: str, draws: int, tmp_path: Path
) -> None:
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_litert")
    if type_ == "uint8" and kind in TFLM_ONLY:
        pytest.skip("no runtime has it")
    for seed in range(draws):
        _equal(kind, type_, seed, tmp_path)
