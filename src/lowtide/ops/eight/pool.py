"""Means over windows of 8-bit numbers."""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import I32
from lowtide.ir.index import Index
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Chosen, Load, Number, Value, call
from lowtide.ops.eight.finish import EIGHT, kept
from lowtide.ops.entry import Bound, entry
from lowtide.ops.pool import ATTRIBUTES, counted, kernel_of, windows_of
from lowtide.ops.window import SlidingWindow


@entry(
    "QAveragePool",
    attributes={
        **ATTRIBUTES,
        "low": -128,
        "high": 127,
        "rounding": "tflite",
        "reals": None,
        "scale": 1.0,
        "y_zero": 0,
        "zero_first": 0,
        "count_include_pad": 0,
    },
    order="channels_last",
    take=EIGHT,
    kernel=kernel_of,
)
def average_pool(op: Bound) -> Nest:
    """The mean of each window of 8-bit numbers:
    clamp((the sum of a window's pixels in the image) / how many they are), halves away from 0"""
    axes, geometry = axes_of(op.out), windows_of(op)
    if op.attribute("rounding") == "float":
        return _in_float(op, axes, geometry)
    spatial = tuple(w.index(axis) for w, axis in zip(geometry, axes[2:], strict=True))
    loops = tuple(w.tap for w in geometry)
    sums = Reduction(loops, Number(0), call("add", Acc(0), Load(0)))
    finish = kept(op, call("mean", Acc(0), counted(geometry, axes[2:], include_pad=False)))
    return Nest(op.out, axes, (Read(0, (*axes[:2], *spatial)),), (sums,), finish, I32)


def _in_float(op: Bound, axes: tuple[Index, ...], geometry: tuple[SlidingWindow, ...]) -> Nest:
    """clamp(round(sum of reals[x] / how many they are / scale) + y_zero), a sum one after the other

    `reals` are what the 256 numbers stand for: as a table, since a compiler may round a product and
    a sum together. Where `zero_first`, y_zero is added before it is rounded.
    """
    given = op.inputs[0]
    reals = tuple(float(v) for v in op.attribute("reals"))
    if given is None or len(reals) != 256:
        raise op.refuse(f"a table of {len(reals)} numbers")
    spatial = tuple(w.index(axis) for w, axis in zip(geometry, axes[2:], strict=True))
    real = Chosen(reals, int(np.iinfo(given.dtype.name).min), Load(0))
    loops = tuple(w.tap for w in geometry)
    sums = Reduction(loops, Number(0), call("add", Acc(0), real))
    count = counted(geometry, axes[2:], bool(op.attribute("count_include_pad")))
    steps = call("div", call("div", Acc(0), count), float(op.attribute("scale")))
    zero = float(op.attribute("y_zero"))
    value: Value = call("round", call("add", steps, zero))
    if not op.attribute("zero_first"):
        value = call("add", call("round", steps), zero)
    low, high = float(op.attribute("low")), float(op.attribute("high"))
    finish = call("smaller", call("larger", value, low), high)
    return Nest(op.out, axes, (Read(0, (*axes[:2], *spatial)),), (sums,), finish)
