"""Resize: each output position shows the nearest input position, or mixes those around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from lowtide.ir.dtype import F32
from lowtide.ir.index import Var, index_of, lookup
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, FromTable, Load, Number, Value, call
from lowtide.ops.entry import CHOSEN, Bound, entry
from lowtide.ops.resize_taps import COORDINATE, cubic, linear, taps

_ROUND: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda v: ceil(v - 0.5),
    "round_prefer_ceil": lambda v: floor(v + 0.5),
    "floor": floor,
    "ceil": ceil,
}


@dataclass(frozen=True)
class _Axis:
    """One axis: its sizes, the scale, and the part of it that tf_crop_and_resize shows."""

    size: int
    out: int
    scale: float
    start: float
    end: float

    def place(self, i: int, mode: str) -> float:
        """Where output position i lies on the input axis."""
        if mode == "tf_crop_and_resize":
            return self._cropped(i)
        return float(
            COORDINATE[mode](*(np.float32(v) for v in (i, self.scale, self.size, self.out)))
        )

    def _cropped(self, i: int) -> float:
        last = self.size - 1
        if self.out == 1:
            return (self.start + self.end) * last / 2
        return self.start * last + i * (self.end - self.start) * last / (self.out - 1)


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
    take=CHOSEN,
)
def resize(op: Bound) -> Nest:
    """Nearest, linear and cubic, in every coordinate mode."""
    given = op.constants.get(1) if op.opset < 11 else op.constants.get(2)
    axes = _axes(op, given)
    mode = str(op.attribute("coordinate_transformation_mode"))
    if op.opset < 11:
        return _old(op, axes)
    if mode not in COORDINATE and mode != "tf_crop_and_resize":
        raise op.refuse(f"coordinates '{mode}' are not supported")
    if op.attribute("mode") == "nearest":
        if op.attribute("antialias"):
            raise op.refuse("antialias of the nearest is not supported")
        rounding = _ROUND.get(op.attribute("nearest_mode"))
        if rounding is None:
            raise op.refuse(f"rounding '{op.attribute('nearest_mode')}' is not supported")
        nest = _nearest(op, axes, lambda axis, i: rounding(axis.place(i, mode)))
    else:
        nest = _mixed(op, axes, mode)
    if mode != "tf_crop_and_resize":
        return nest
    return _extrapolated(nest, axes, float(op.attribute("extrapolation_value")))


@entry(
    "Upsample",
    attributes={"mode": "nearest"},
    parameters={"scales": 1},
    order="channels_last",
    take=CHOSEN,
)
def upsample(op: Bound) -> Nest:
    """Resize as it was before opset 10."""
    return _old(op, _axes(op, np.asarray(op.parameter("scales"))))


def _old(op: Bound, axes: list[_Axis]) -> Nest:
    """Before opset 11 the rounding was open; this is onnxruntime's choice."""
    if op.attribute("mode") == "nearest":
        return _nearest(
            op, axes, lambda a, i: ceil(i / a.scale) if a.scale < 1 else floor(i / a.scale)
        )
    if op.attribute("mode") != "linear":
        raise op.refuse(f"mode '{op.attribute('mode')}' is not supported")
    return _weighed(op, axes, "asymmetric", (linear, 1, False, False))


def _nearest(op: Bound, axes: list[_Axis], choose: Callable[[_Axis, int], int]) -> Nest:
    here, index = axes_of(op.out), []
    for axis, at in zip(axes, here, strict=True):
        table = [min(max(choose(axis, i), 0), axis.size - 1) for i in range(axis.out)]
        index.append(lookup(table, at))
    return Nest(op.out, here, (Read(0, tuple(index)),), (), Load(0))


def _mixed(op: Bound, axes: list[_Axis], mode: str) -> Nest:
    how, exclude = op.attribute("mode"), bool(op.attribute("exclude_outside"))
    smooth = bool(op.attribute("antialias"))
    if mode == "align_corners" and any(axis.scale * axis.size != axis.out for axis in axes):
        # ONNX takes the size before rounding, onnxruntime that after.
        raise op.refuse("align_corners needs a scale that makes a whole number of pixels")
    if how == "linear":
        return _weighed(op, axes, mode, (linear, 1, smooth, exclude))
    if how != "cubic":
        raise op.refuse(f"mode '{how}' is not supported")
    if mode == "pytorch_half_pixel" and any(axis.out == 1 < axis.size for axis in axes):
        raise op.refuse("cubic pytorch_half_pixel to one pixel: runtimes differ in what it is")
    return _weighed(
        op, axes, mode, (cubic(float(op.attribute("cubic_coeff_a"))), 2, smooth, exclude)
    )


def _weighed(
    op: Bound,
    axes: list[_Axis],
    mode: str,
    kernel: tuple[Callable[[float], float], int, bool, bool],
) -> Nest:
    """The sum over the taps of all axes that change; weights are tables."""
    if op.outputs[0].dtype != F32:
        raise op.refuse(f"{op.outputs[0].dtype} numbers need mode 'nearest'")
    weigh, reach, smooth, exclude = kernel
    here, index, loops = axes_of(op.out), [], []
    value: Value = Load(0)
    for a, (axis, at) in enumerate(zip(axes, here, strict=True)):
        if axis.size == axis.out and axis.scale == 1 and mode != "tf_crop_and_resize":
            index.append(at)
            continue
        places = [axis.place(i, mode) for i in range(axis.out)]
        found = taps(places, axis.size, weigh, reach, axis.scale if smooth else 1.0, exclude)
        tap = Var(f"k{a}", found.count)
        index.append(lookup(found.first, at) + index_of(tap))
        if set(found.weights) != {1.0}:
            value = call("mul", value, FromTable(found.weights, at * found.count + index_of(tap)))
        loops.append(tap)
    total = Reduction(tuple(loops), Number(0.0), call("add", Acc(0), value))
    return Nest(op.out, here, (Read(0, tuple(index)),), (total,), Acc(0))


def _extrapolated(nest: Nest, axes: list[_Axis], value: float) -> Nest:
    """A given value wherever the place lies outside the image."""
    finish = nest.finish
    for axis, at in zip(axes, nest.axes, strict=True):
        places = [axis.place(i, "tf_crop_and_resize") for i in range(axis.out)]
        inside = tuple(float(0 <= x <= axis.size - 1) for x in places)
        if 0.0 in inside:
            finish = call("select", FromTable(inside, at), finish, value)
    return Nest(nest.shape, nest.axes, nest.reads, nest.reductions, finish)


def _axes(op: Bound, given: np.ndarray | None) -> list[_Axis]:
    scales, rank = _scales(op, given), len(op.out)
    starts, ends = _roi(op)
    made = []
    for a in range(rank):
        size, out = op.shape(0)[a], op.out[a]
        rows = floor(np.float32(size) * np.float32(scales[a]) * np.float32(ends[a] - starts[a]))
        if given is not None and given.size and rows != out:
            # A given scale must give the size in float32 (onnxruntime) as in double (ONNX).
            raise op.refuse(
                f"scale {scales[a]:.7g} makes {out} or {rows} of {size}, as it is rounded",
                "give sizes, not scales",
            )
        made.append(_Axis(size, out, scales[a], starts[a], ends[a]))
    return made


def _over(op: Bound) -> list[int]:
    rank = len(op.out)
    given = op.attribute("axes") if op.type == "Resize" else None
    return [int(a) % rank for a in given or range(rank)]


def _roi(op: Bound) -> tuple[list[float], list[float]]:
    """The part of each axis that is shown, in parts of its length."""
    starts, ends = [0.0] * len(op.out), [1.0] * len(op.out)
    if op.type != "Resize" or op.opset < 11:
        return starts, ends
    if op.attribute("coordinate_transformation_mode") != "tf_crop_and_resize":
        return starts, ends
    roi, over = op.parameter("roi") or [], _over(op)
    if len(roi) != 2 * len(over):
        raise op.refuse(f"a roi of {len(roi)} numbers for {len(over)} axes")
    for k, a in enumerate(over):
        starts[a], ends[a] = float(roi[k]), float(roi[k + len(over)])
    return starts, ends


def _scales(op: Bound, given: np.ndarray | None) -> list[float]:
    """The scale of each axis, as given or as the sizes give it."""
    rank, over = len(op.out), _over(op)
    if given is not None and given.size:
        scales = [float(v) for v in given.ravel()]
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
        raise op.refuse(f"keep_aspect_ratio_policy '{policy}' is not supported")
    return float(min(asked) if policy == "not_larger" else max(asked))
