"""Resize: each output position shows the nearest input position."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

import numpy as np

from lowtide.index import lookup
from lowtide.nest import Load, Nest, Read, axes_of
from lowtide.ops.entry import Bound, entry

_ROUND: dict[str, Callable[[np.float32], int]] = {
    "round_prefer_floor": lambda v: ceil(float(v) - 0.5),
    "round_prefer_ceil": lambda v: floor(float(v) + 0.5),
    "floor": floor,
    "ceil": ceil,
}

_1, _HALF = np.float32(1), np.float32(0.5)

# (output position, scale, input size, output size) -> input position. All in float32, step by step
# as onnxruntime does: where positions meet halves or whole numbers, the rounding decides.
_COORDINATE: dict[str, Callable[[np.float32, np.float32, np.float32, np.float32], np.float32]] = {
    "asymmetric": lambda i, scale, size, out: i / scale,
    "half_pixel": lambda i, scale, size, out: (i + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda i, scale, size, out: (
        (i + _HALF) / scale - _HALF if out > 1 else 0 * i
    ),
    "align_corners": lambda i, scale, size, out: i * (size - _1) / (out - _1) if out > 1 else 0 * i,
    "half_pixel_symmetric": lambda i, scale, size, out: (
        size / 2 * (_1 - out / (scale * size)) + (i + _HALF) / scale - _HALF
    ),
}


@entry(
    "Resize",
    attributes={
        "antialias": 0,
        "axes": None,
        "coordinate_transformation_mode": "half_pixel",
        "cubic_coeff_a": -0.75,
        "exclude_outside": 0,
        "extrapolation_value": 0.0,
        "keep_aspect_ratio_policy": "stretch",
        "mode": "nearest",
        "nearest_mode": "round_prefer_floor",
    },
    parameters={"roi": 1, "scales": 2, "sizes": 3},
    order="channels_last",
)
def resize(op: Bound) -> Nest:
    """Nearest-neighbour resizing in every coordinate mode but tf_crop_and_resize."""
    if op.attribute("mode") != "nearest":
        raise op.refuse(f"mode '{op.attribute('mode')}' is not done, only nearest")
    if op.attribute("antialias"):
        raise op.refuse("antialias is not done")
    scales = _scales(op)
    axes, index = axes_of(op.out), []
    for a, axis in enumerate(axes):
        size, out = op.shape(0)[a], op.out[a]
        _check_out(op, size, out, scales[a])
        table = [_nearest(op, i, scales[a], size, out) for i in range(out)]
        index.append(lookup([min(max(v, 0), size - 1) for v in table], axis))
    return Nest(op.out, axes, (Read(0, tuple(index)),), (), Load(0))


def _check_out(op: Bound, size: int, out: int, scale: float) -> None:
    """A given scale must give the output size in float32 (onnxruntime) as in double (ONNX)."""
    rows = floor(np.float32(size) * np.float32(scale))
    if op.parameter("sizes") in (None, []) and rows != out:
        raise op.refuse(f"scale {scale:.7g} makes {out} of {size}, or {rows}, by rounding")


def _nearest(op: Bound, i: int, scale: float, size: int, out: int) -> int:
    if op.opset < 11:  # opset 10 left the rounding open; onnxruntime's choice
        return ceil(i / scale) if scale < 1 else floor(i / scale)
    coordinate = _COORDINATE.get(op.attribute("coordinate_transformation_mode"))
    rounding = _ROUND.get(op.attribute("nearest_mode"))
    if coordinate is None or rounding is None:
        modes = op.attribute("coordinate_transformation_mode"), op.attribute("nearest_mode")
        raise op.refuse(f"coordinates '{modes[0]}' with rounding '{modes[1]}' are not done")
    return rounding(coordinate(*(np.float32(v) for v in (i, scale, size, out))))


def _scales(op: Bound) -> list[float]:
    """The scale of each axis, as given or as the sizes give it."""
    rank = len(op.out)
    over = [int(a) % rank for a in op.attribute("axes") or range(rank)]
    given = op.constants.get(1) if op.opset < 11 else op.constants.get(2)
    if given is not None and given.size:
        scales = given.tolist()
    elif op.attribute("keep_aspect_ratio_policy") == "stretch":
        return [out / size for out, size in zip(op.out, op.shape(0), strict=True)]
    else:
        scales = [_kept_ratio(op, over)] * len(over)
    by_axis = dict(zip(over, scales, strict=True))
    return [float(by_axis.get(a, 1.0)) for a in range(rank)]


def _kept_ratio(op: Bound, over: list[int]) -> float:
    """The one scale of all axes with which the result is not larger, or not smaller, than asked."""
    policy, sizes = op.attribute("keep_aspect_ratio_policy"), op.constants[3].tolist()
    asked = [size / op.shape(0)[a] for a, size in zip(over, sizes, strict=True)]
    if policy not in ("not_larger", "not_smaller"):
        raise op.refuse(f"keep_aspect_ratio_policy '{policy}' is not understood")
    return float(min(asked) if policy == "not_larger" else max(asked))
