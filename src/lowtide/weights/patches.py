"""What a layer's filters meet: patches of its input, as many positions as are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowtide.ir.codes import Array
from lowtide.weights.network import Layer


def patches(layer: Layer, x: Array, most: int, dice: np.random.Generator) -> Array:
    """Up to `most` patches of one picture or batch: [count, groups, inputs, taps]."""
    f = layer.filters
    if layer.op != "Conv":
        rows = x.reshape(-1, f.inputs)
        return _some(rows, most, dice).reshape(-1, 1, f.inputs, 1)
    rank = len(f.area)
    pads, strides, dilations = _window(layer.attributes, f.area, x.shape[2:])
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded.shape[2:], dilations, f.area, strides, strict=True)
    ]
    number = np.arange(len(x) * int(np.prod(sizes)))
    at = np.unravel_index(_some(number, most, dice), (len(x), *sizes))
    taps = np.stack(np.meshgrid(*map(np.arange, f.area), indexing="ij"), -1).reshape(-1, rank)
    index = [
        (at[1 + i] * strides[i])[:, None] + taps[None, :, i] * dilations[i] for i in range(rank)
    ]
    # Pictures first, channels where they were: [count, taps, C]
    found = np.moveaxis(padded, 1, -1)[(at[0][:, None], *index)]
    grouped = found.reshape(len(found), f.taps, f.groups, f.inputs)
    return np.asarray(grouped.transpose(0, 2, 3, 1))


def _some(rows: Array, most: int, dice: np.random.Generator) -> Array:
    return rows if len(rows) <= most else rows[dice.choice(len(rows), most, replace=False)]


def _window(
    attributes: Mapping[str, Any], area: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pads before and after each axis, strides, dilations."""
    rank = len(area)
    strides = list(attributes.get("strides", [1] * rank))
    dilations = list(attributes.get("dilations", [1] * rank))
    auto = attributes.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        pads = []
        for n, k, s, d in zip(sizes, area, strides, dilations, strict=True):
            all_ = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            less, more = all_ // 2, all_ - all_ // 2
            pads.append((less, more) if auto == b"SAME_UPPER" else (more, less))
        return pads, strides, dilations
    flat = list(attributes.get("pads", [0] * 2 * rank))
    return list(zip(flat[:rank], flat[rank:], strict=True)), strides, dilations
