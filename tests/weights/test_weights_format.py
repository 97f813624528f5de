"""Generated weights: what they take, and that every way of executing them is the same layer."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lowtide.frontends.onnx.load import load
from lowtide.ir.codes import limits, pack, unpack
from lowtide.weights.account import published_bytes, published_dense_bytes
from lowtide.weights.batch import session
from lowtide.weights.fit_layer import fit
from lowtide.weights.format import Filters
from lowtide.weights.moments import even
from lowtide.weights.network import read
from lowtide.weights.quantise import Metric, careful, nearest
from lowtide.weights.runner import Runner
from lowtide.weights.setting import Setting, plain, published
from lowtide.weights.store import recall, store
from weight_layers import conv, factors


def resnet18() -> tuple[list[Filters], int]:
    """ResNet-18 with CIFAR's stem: its convolutions, and the channels of its batch norms."""
    layers, inputs = [Filters(64, 3, (3, 3))], 64
    for width in (64, 128, 256, 512):
        for _ in range(2):
            layers += [Filters(width, inputs, (3, 3)), Filters(width, width, (3, 3))]
            if inputs != width:
                layers.append(Filters(width, inputs, (1, 1)))
            inputs = width
    return layers, sum(f.outputs for f in layers)


@pytest.mark.parametrize(
    ("classes", "bits", "kib", "ratio"),
    [
        (10, (8, 8, 8), 570.6, 0.0131),
        (10, (3, 6, 3), 350.0, 0.0080),
        (100, (8, 8, 8), None, 0.0140),
        (100, (3, 6, 3), 395.0, 0.0090),
    ],
)
def test_accounting_of_the_paper(
    classes: int, bits: tuple[int, int, int], kib: float | None, ratio: float
) -> None:
    layers, norms = resnet18()
    settings = [(f, published(f, 2, 44, bits, first=n == 0)) for n, f in enumerate(layers)]
    stored = published_bytes(settings, 512 * classes, norms)
    dense = published_dense_bytes(layers, 512 * classes, norms)
    assert kib is None or round(stored / 1024, 1) == kib
    assert round(stored / dense, 4) == ratio
    if classes == 10:
        assert round(dense / 1024) == 43_648
        sizes = sum(sum(setting.sizes(f)) for f, setting in settings)
        assert sizes + 512 * classes + 2 * norms == 555_520


@pytest.mark.parametrize("bits", range(1, 9))
def test_packed_codes_come_back(bits: int) -> None:
    low, high = limits(bits)
    codes = np.random.default_rng(bits).integers(low, high + 1, 101).astype(np.int8)
    packed = pack(codes, bits)
    assert len(packed) == -(-101 * bits // 8)
    assert (unpack(packed, bits, 101) == codes).all()


@pytest.mark.parametrize("seed", range(60))
def test_executions_are_the_layer(seed: int) -> None:
    """As a chain, materialised, read back and folded by lowtide: all the same to rounding."""
    dice = random.Random(seed)
    model, x = conv(dice)
    network = read(model)
    (layer,) = network.layers
    made = factors(dice, layer.filters)
    (expected,) = Runner(network).outputs({"x": x}, {layer.weight: made.values})
    for form in ("factored", "materialised", None):
        written = store(network, {layer.name: made}, {}, form)  # type: ignore[arg-type]
        (found,) = session(written).run(None, {"x": x})
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
        (back,) = recall(written).values()
        assert (back.values == made.values).all()
        assert [f.bits for f in back.factors] == [f.bits for f in made.factors]
        load(written)


@pytest.mark.parametrize("seed", range(20))
def test_scaled_outputs_change_scales_only(seed: int) -> None:
    dice = random.Random(seed)
    (layer,) = read(conv(dice)[0]).layers
    made = factors(dice, layer.filters)
    gains = np.random.default_rng(seed).uniform(0.5, 2, layer.filters.outputs)
    scaled = made.scaled(gains)
    wanted = made.values * gains.reshape(-1, *[1] * (made.values.ndim - 1))
    assert np.allclose(scaled.values, wanted, rtol=2e-3)
    pairs = zip(made.factors, scaled.factors, strict=True)
    assert all((a.codes == b.codes).all() for a, b in pairs)


def test_bytes_are_foreseen() -> None:
    rng = np.random.default_rng(0)
    filters = Filters(12, 8, (3, 3))
    weights = rng.standard_normal(filters.shape)
    for setting in (plain(3), Setting((6, 4, 4), 2, 5), Setting((5, 0, 3), 0, 5),
                    Setting((5, 3, 0), 3)):  # fmt: skip
        made = fit(weights, filters, setting, even(filters))
        assert made.bytes == setting.bytes(filters)


def test_careful_rounding_beats_nearest() -> None:
    """Where inputs hang together, errors that cancel cost less."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 6)) @ rng.standard_normal((6, 24))
    x += 0.1 * rng.standard_normal(x.shape)
    metric = Metric(x.T @ x / 400)
    w = rng.standard_normal((16, 24))
    for bits in (1, 2, 3, 4):
        errors = [metric.error(w - q.values) for q in (careful(w, bits, metric), nearest(w, bits))]
        assert errors[0] < 0.6 * errors[1]


def test_factors_recover_a_layer_that_is_a_product() -> None:
    rng = np.random.default_rng(0)
    u, b = rng.standard_normal((6, 2, 10)), rng.standard_normal((6, 2, 9))
    kernels = np.einsum("krc,kra->kca", u, b)
    weights = np.einsum("ok,kca->oca", rng.standard_normal((16, 6)), kernels)
    filters = Filters(16, 10, (3, 3))
    made = fit(weights.reshape(filters.shape), filters, Setting((8, 8, 8), 2, 6), even(filters))
    rest = made.values - weights.reshape(filters.shape)
    assert (rest**2).sum() < 0.01 * (weights**2).sum()
