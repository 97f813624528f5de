"""What a layer costs: bytes stored, multiply-adds, and the paper's own way of counting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lowtide.weights.format import Filters, Generated
from lowtide.weights.network import Layer
from lowtide.weights.setting import Setting

Form = Literal["materialised", "factored"]


def factored_macs(layer: Layer, made: Generated) -> int | None:
    """Multiply-adds of the layer as a chain of small convolutions; None where that cannot be.

        1x1 (U) on the input's pixels, k x k grouped (B) and 1x1 (V) on the output's

    Equal to the layer by linearity. Kernels that several groups share cannot run so, nor can a
    product of many rows, which is no convolution.
    """
    f = layer.filters
    if len(made.factors) == 1 or (made.across is not None and f.groups > 1):
        return None
    if layer.op == "MatMul" and layer.pixels_out > 1:
        return None
    count = made.kernels * layer.pixels_out * (made.rank or f.inputs) * f.taps
    if made.rank:
        count += made.kernels * made.rank * f.inputs * layer.pixels_in
    if made.across is not None:
        count += f.outputs * made.kernels * layer.pixels_out
    return count


def materialised_macs(layer: Layer, made: Generated) -> int:
    """Multiply-adds of making the weights, once a picture, and of the dense layer."""
    f, count = layer.filters, layer.macs
    if made.rank:
        count += made.kernels * made.rank * f.inputs * f.taps
    if made.across is not None:
        count += f.outputs * made.kernels * f.inputs * f.taps
    return count


def form(layer: Layer, made: Generated, asked: Form | None = None) -> Form:
    """How the layer runs: as asked where it can, without being asked in fewer multiply-adds."""
    chain = factored_macs(layer, made)
    if chain is None or asked == "materialised":
        return "materialised"
    if asked is None and materialised_macs(layer, made) <= chain:
        return "materialised"
    return "factored"


def macs(layer: Layer, made: Generated, asked: Form | None = None) -> int:
    """Multiply-adds in that form."""
    if form(layer, made, asked) == "materialised":
        return materialised_macs(layer, made)
    return factored_macs(layer, made) or 0


def published_bytes(
    layers: Sequence[tuple[Filters, Setting]], classifier: int, norms: int, classifier_bits: int = 8
) -> float:
    """Bytes by the paper's count: codes, the classifier's weights at 8 bits, 32-bit gamma and beta.

    `classifier` counts its weights, `norms` the channels of all batch norms. Scales, running
    statistics and the classifier's bias are not in it.
    """
    bits = sum(setting.code_bits(filters) for filters, setting in layers)
    return (bits + classifier * classifier_bits) / 8 + norms * 8


def published_dense_bytes(layers: Sequence[Filters], classifier: int, norms: int) -> int:
    """The same network at 32 bits."""
    return 4 * (sum(filters.size for filters in layers) + classifier + 2 * norms)
