"""Random 8-bit networks of 3 to 12 operators, of mixed types: read, planned, run; every output is
its runtime's, number by number, and no read finds other bytes than those it expects.

Floats between bytes are exact in them. CI runs a tenth, `-m slow` the others.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

import qdq_graphs
import tflite_graphs
from graph_cases import AT_ONCE, judged, reached

OF = {"tflite": 600, "qdq": 400}
"""How many of each family."""


def _parts() -> list[object]:
    """Seeds of a family, as many as one run of the compiler takes; one part in ten in CI."""
    parts = [(name, first) for name, count in OF.items() for first in range(0, count, AT_ONCE)]
    return [
        pytest.param(*part, marks=[] if k % 10 == 0 else [pytest.mark.slow])
        for k, part in enumerate(parts)
    ]


@pytest.mark.parametrize(("family", "first"), _parts())
def test_networks_give_their_runtimes_numbers(family: str, first: int, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro")
    pytest.importorskip("ai_edge_litert")
    found = judged(family, range(first, first + AT_ONCE), tmp_path)
    assert not list(chain(*(one.faults for one in found)))
    seen = reached(found)
    assert seen["alive"] > seen["flat"]
    assert seen["streamed"] > AT_ONCE / 3


def test_what_is_drawn() -> None:
    """Every kind of operator behind most others."""
    nets = [tflite_graphs.grown(seed) for seed in range(OF["tflite"])]
    drawn = [net for _, net in nets], [qdq_graphs.grown(seed) for seed in range(OF["qdq"])]
    for family, kinds in zip(drawn, (tflite_graphs.KINDS, qdq_graphs.KINDS), strict=True):
        pairs = {pair for net in family for pair in net.pairs}
        assert {kind for _, kind in pairs} >= {*kinds} - {"float end"}
        assert len(pairs) > len(kinds) ** 2 / 2
