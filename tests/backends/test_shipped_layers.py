"""2,000 random layers as they ship, for every compiler, level and machine; a tenth of them in CI.

What is compiled is net.c alone, with all optimisation and without the judge, against float64: here
a compiler's own mistakes are looked for, and ours that only show where it trusts us.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from shipped import (
    WAYS,
    Layer,
    reachable,
    reached,
    run_here,
    run_there,
    write,
    wrong,
)
from shipped_layers import plan_shipped, shipped_layer
from tools import need, need_board

HERE, ALL, A_BATCH = 200, 2000, 50
LEAST = 50
"""How often each kernel is reached in the whole sweep."""

BATCHES = [
    pytest.param(first, marks=[pytest.mark.slow] if first >= HERE else [])
    for first in range(0, ALL, A_BATCH)
]


def layer(seed: int) -> Layer:
    network = shipped_layer(seed)
    return Layer(f"layer {seed}", network, plan_shipped(seed, network))


def batch(first: int) -> list[Layer]:
    return [layer(seed) for seed in range(first, first + A_BATCH)]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("first", BATCHES)
def test_layers_are_right_as_they_ship(first: int, compiler: str, tmp_path: Path) -> None:
    """In CI each batch is compiled in a quarter of the ways, in the whole sweep in all of them."""
    tried = WAYS if first >= HERE else WAYS[first // A_BATCH % 4 :: 4]
    ways = [way for way in tried if way.compiler == compiler]
    need(next((way.absent for way in ways), ""))
    lacking = [way.lacking for way in ways if way.lacking]
    ways = [way for way in ways if not way.lacking]
    if not ways:
        pytest.skip(", ".join(dict.fromkeys(lacking)) or "no way of these in this batch")
    layers = batch(first)
    sources = write(layers, tmp_path)
    for way in ways:
        faults = list(wrong(layers, run_here(way, sources, tmp_path)))
        print(f"{way.name}: {len(layers)} layers, {len(faults)} wrong")
        assert faults == [], way.name
    print(*dict.fromkeys(lacking), sep="\n")


@pytest.mark.parametrize("first", BATCHES)
def test_layers_are_right_on_a_board(first: int, tmp_path: Path) -> None:
    """A Cortex-M4 or an M55 in the emulator, by turns."""
    layers, board = batch(first), ("m4", "m55")[first // A_BATCH % 2]
    need_board(board)
    faults = list(wrong(layers, run_there(board, write(layers, tmp_path), tmp_path)))
    print(f"{board}: {len(layers)} layers, {len(faults)} wrong")
    assert faults == []


@pytest.mark.parametrize("count", [HERE, pytest.param(ALL, marks=pytest.mark.slow)])
def test_every_kernel_is_reached(count: int) -> None:
    """The table of kernels says which there are; generators drift."""
    found = sum((reached(layer(seed)) for seed in range(count)), Counter[str]())
    print(*(f"{found[name]:5} {name}" for name in sorted(reachable())), sep="\n")
    assert found.keys() <= reachable()
    few = {name: found[name] for name in reachable() if found[name] < LEAST * count // ALL // 2}
    assert few == {}
    if count == ALL:
        assert min(found[name] for name in reachable()) >= LEAST


def test_a_wrong_program_is_found(tmp_path: Path) -> None:
    """One sum of one layer taken away: the sweep can fail."""
    layers = [layer(seed) for seed in range(8)]
    (way,) = (way for way in WAYS if way.name == "gcc -O2")
    need(way.absent)
    sources = write(layers, tmp_path)
    spoiled = next(k for k, one in enumerate(layers) if "loops" in reached(one))
    net = tmp_path / sources[spoiled]
    text = net.read_text()
    assert "acc" in text
    net.write_text(text.replace("WRITE(S", "WRITE(S", 1).replace(" += ", " -= "))
    faults = list(wrong(layers, run_here(way, sources, tmp_path)))
    assert len(faults) == 1
    assert faults[0].startswith(layers[spoiled].name)
