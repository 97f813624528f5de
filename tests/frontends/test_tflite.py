"""Reading .tflite: every tensor of a network is what TFLite Micro makes of it, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite

from integers import by_nests, by_tflm, made_of, random_inputs
from lowtide.frontends.tflite.load import load

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
