"""Tests for padding that must stay branches, since compilers get their masks wrong, do.

GCC 12.2 at -O3 with AVX-512 computes other sums without them (PR 114375): see kernels/c/branch.h.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lowtide.planner.options import Options
from network_builder import Builder, Network
from programs import plan_model
from shipped import Layer, Way, run_here, write, wrong
from tools import need

FAST = Way("gcc", ("-O3", "-march=skylake-avx512"), "avx512vl")
KEPT = b'#define KEEP_BRANCH __asm__ volatile("")'


def averaged(seed: int, inputs: int, outputs: int, bias: bool = False) -> Network:
    """Conv1d without a kernel of its own, and the mean of its pixels, which is fused with it."""
    b = Builder(random.Random(seed), 17, whole=False)
    x = b.input((1, inputs, 60))
    given = [x, b.weights((outputs, inputs, 3), 3 * inputs)]
    given += [b.constant(b.numbers((outputs,)))] if bias else []
    y = b.node("Conv", given, (1, outputs, 60), 1.0, pads=[1, 1])
    return b.finish("averaged", [b.node("GlobalAveragePool", [y], (1, outputs, 1), 1.0)])


def layers() -> list[Layer]:
    """The smallest that went wrong, with and without a bias."""
    shapes = [(4, 4), (2, 4), (2, 8), (3, 8), (2, 12), (3, 4)]
    networks = [averaged(k, *shape, bias=k % 2 == 1) for k, shape in enumerate(2 * shapes)]
    return [Layer(f"layer {k}", n, plan_model(n.model, Options())) for k, n in enumerate(networks)]


def test_the_case_is_right_with_masks(tmp_path: Path) -> None:
    need(FAST.absent)
    if FAST.lacking:
        pytest.skip(FAST.lacking)
    held = layers()
    assert all(b"    KEEP_BRANCH;" in layer.files["net.c"] for layer in held)
    sources = write(held, tmp_path)
    assert list(wrong(held, run_here(FAST, sources, tmp_path))) == []


def test_the_case_can_go_wrong(tmp_path: Path) -> None:
    """Without the branches kept, where the compiler has the fault: the test above can fail."""
    need(FAST.absent)
    if FAST.lacking:
        pytest.skip(FAST.lacking)
    held = layers()[:1]
    sources = write(held, tmp_path)
    net = tmp_path / sources[0]
    net.write_bytes(net.read_bytes().replace(KEPT, b"#define KEEP_BRANCH ((void)0)"))
    faults = list(wrong(held, run_here(FAST, sources, tmp_path)))
    if not faults:
        pytest.skip("this GCC is mended")
    assert "is off by" in faults[0]


@pytest.mark.parametrize(("channels", "kept"), [((4, 4), True), ((1, 8), False), ((4, 24), False)])
def test_only_where_it_has_to_be(channels: tuple[int, int], kept: bool) -> None:
    """One plane, or more channels than are unrolled: masks are right, and much faster."""
    network = averaged(0, *channels)
    text = Layer("layer", network, plan_model(network.model, Options())).files["net.c"]
    assert (b"    KEEP_BRANCH;" in text) is kept
