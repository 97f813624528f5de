"""QDQ networks: every operator between DequantizeLinear and QuantizeLinear is one of 8-bit numbers
that gives onnxruntime's fused integers, to the bit.

CI runs a tenth of the random networks, `-m slow` all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from lowtide.check.by_nests import by_nests
from lowtide.frontends.onnx.eight.group import group
from lowtide.frontends.onnx.freeze import freeze
from lowtide.frontends.onnx.load import load
from lowtide.ir.graph import Graph
from qdq import ONE, Drawn, fused

SHARED = Path(__file__).parents[3] / "shared" / "models" / "qdq"
SEEDS, HERE = 300, 20
A_STEP = frozenset({"ConvTranspose", "ReduceMean", "Softmax", "AveragePool", "Requantise"})
"""A step apart at most: what onnxruntime does not compute in integers, and two QuantizeLinear one
behind the other, of which it makes one of another scale."""


def read(model: onnx.ModelProto | Path) -> Graph:
    return group(freeze(load(model, eight=True)))


def draws() -> list[object]:
    """Each kind once with few seeds, and once with many."""
    slow = [pytest.param(kind, range(HERE, SEEDS), marks=[pytest.mark.slow]) for kind in ONE]
    return [*(pytest.param(kind, range(HERE)) for kind in ONE), *slow]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(("kind", "seeds"), draws())
def test_an_operator_gives_fused_integers(kind: str, seeds: range, dtype: str) -> None:
    for seed in seeds:
        net = Drawn(seed, dtype)
        ONE[kind](net)
        model = net.model()
        held = by_nests(read(model), net.feeds)
        for made, expected in zip(model.graph.output, fused(model, net.feeds), strict=True):
            steps = np.rint((held[made.name] - expected) / net.scale_of(made.name))
            apart = np.abs(steps).max(initial=0)
            assert apart <= (kind in A_STEP), f"seed {seed}: {apart:.0f} steps apart"
