"""A network as it may look once its weights are stored small, with any numbers: what memory it will
take is known from that before minutes are spent on finding the right ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from lowtide.ir.codes import Codes, limits, make
from lowtide.weights.account import Form
from lowtide.weights.candidates import settings
from lowtide.weights.format import Filters, Generated
from lowtide.weights.network import Network
from lowtide.weights.setting import Setting, plain
from lowtide.weights.store import store


def in_bits(network: Network, bits: int) -> onnx.ModelProto:
    """Every layer in plain numbers of so many bits."""
    return _stored(network, lambda _: plain(bits), None)


def in_fewest(network: Network) -> onnx.ModelProto:
    """Every layer as the factors between which the fewest channels lie."""
    return _stored(network, _narrowest, "factored")


def _narrowest(filters: Filters) -> Setting:
    def channels(setting: Setting) -> int:
        return (setting.kernels or filters.outputs) * max(setting.rank, 1)

    return min(settings(filters, "generated"), key=channels)


def _stored(
    network: Network, choice: Callable[[Filters], Setting], asked: Form | None
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    made = {
        layer.name: _made(layer.filters, choice(layer.filters), rng) for layer in network.layers
    }
    return store(network, made, {}, asked)


def _made(filters: Filters, setting: Setting, rng: np.random.Generator) -> Generated:
    f, (basis, inside, across) = filters, setting.bits
    kernels = setting.kernels or f.outputs
    return Generated(
        f,
        _codes(kernels, (setting.rank or f.inputs) * f.taps, basis, rng),
        _codes(kernels, setting.rank * f.inputs, inside, rng) if setting.rank else None,
        _codes(f.outputs, kernels, across, rng) if setting.kernels else None,
    )


def _codes(vectors: int, length: int, bits: int, rng: np.random.Generator) -> Codes:
    low, high = limits(bits)
    codes = rng.integers(low, high + 1, (vectors, length))
    return make(bits, bits < 3, codes, rng.uniform(0.01, 0.02, vectors))
