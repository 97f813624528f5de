"""Images made larger or smaller."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import U8


def _sizes(op: Site) -> list[tuple[int, int]]:
    """(size, out) of rows and of columns."""
    asked, shape = [int(v) for v in np.ravel(op.constant(1))], op.input(0).shape
    if len(shape) != 4 or len(asked) != 2 or min(asked) < 1:
        raise op.refuse(f"sizes {asked} of an image of shape {[*shape]}")
    op.shape((shape[0], *asked, shape[3]))
    return [*zip(shape[1:3], asked, strict=True)]


@operator("RESIZE_NEAREST_NEIGHBOR")
def resize_nearest(op: Site) -> None:
    """The pixel that is nearest by TFLite's float32 positions."""
    options = op.options(tflite.ResizeNearestNeighborOptions)
    op.is_eight(0)
    rows, columns = (
        tuple(_nearest(k, size, out, options) for k in range(out)) for size, out in _sizes(op)
    )
    op.make("Pick", [op.name(0, image=True)], True, {"places": ((), (), rows, columns)})


def _nearest(k: int, size: int, out: int, options: Any) -> int:
    corners = options.AlignCorners() and out > 1
    scale = (
        np.float32(size - 1) / np.float32(out - 1)
        if corners
        else np.float32(size) / np.float32(out)
    )
    at = (np.float32(k) + np.float32(0.5 if options.HalfPixelCenters() else 0)) * scale
    place = floor(float(at) + 0.5) if options.AlignCorners() else floor(float(at))
    return max(min(place, size - 1), 0)


@operator("RESIZE_BILINEAR")
def resize_bilinear(op: Site) -> None:
    """Four pixels mixed, by weights in parts of 1024."""
    options, name = op.options(tflite.ResizeBilinearOptions), op.name(0, image=True)
    sizes = _sizes(op)
    if not op.is_eight(0):
        mode = "asymmetric"
        if options.AlignCorners():
            mode = "align_corners"
        elif options.HalfPixelCenters():
            mode = "half_pixel"
        channels = op.input(0).shape[0], op.input(0).shape[3]
        op.make("Resize", [name], True, {
            "mode": "linear", "coordinate_transformation_mode": mode,
            "sizes": (*channels, *(out for _, out in sizes)),
        })  # fmt: skip
        return
    real = op.input(0).dtype == U8  # LiteRT's are in float32
    taps = [(_real_taps if real else _taps)(size, out, options) for size, out in sizes]
    places, weights = zip(*taps, strict=True)
    op.make("QResize", [name], True, {"places": places, "weights": weights, "real": int(real)})


def _taps(size: int, out: int, options: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The two pixels of each place, neighbours, and their weights; or the only one there is."""
    scale = (1024 * size + out // 2) // out
    if options.AlignCorners() and out > 1:
        scale = (1024 * (size - 1) + (out - 1) // 2) // (out - 1)
    places, weights = [], []
    for k in range(out):
        at = k * scale + (scale // 2 - 512 if options.HalfPixelCenters() else 0)
        low = min(max(int(at / 1024), 0), size - 1)
        high = min(int((at + 1023) / 1024), size - 1)
        place, part = min(low, max(size - 2, 0)), at - 1024 * low
        both = [0, 0]
        both[low - place] += 1024 - part
        both[high - place] += part
        places += [place, place + 1] if size > 1 else [0]
        weights += both if size > 1 else [1024]
    return tuple(places), tuple(weights)


def _real_taps(size: int, out: int, options: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The same by float32 positions; both may be one pixel, which is added twice."""
    corners, half = options.AlignCorners() and out > 1, np.float32(0.5)
    scale = _scale(size, out, corners)
    places, weights = [], []
    for k in range(out):
        at = np.float32(k) * scale
        if options.HalfPixelCenters():
            at = (np.float32(k) + half) * scale - half
        low = max(floor(at), 0)
        part = np.float32(at) - np.float32(low)
        places += [low, min(ceil(at), size - 1)]
        weights += [float(np.float32(1) - part), float(part)]
    return tuple(places), tuple(weights)


def _scale(size: int, out: int, corners: bool) -> np.float32:
    """How far two places of the output are apart in the input."""
    less = int(corners)
    return np.float32(size - less) / np.float32(out - less)
