"""Sums, means and extremes over axes."""

from __future__ import annotations

from math import floor, log2, prod

import numpy as np
import tflite

from lowtide.frontends.tflite.activate import limits
from lowtide.frontends.tflite.factors import multiplier
from lowtide.frontends.tflite.site import Site, operator

_FLOAT = {
    "MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin", "REDUCE_PROD": "ReduceProd",
}  # fmt: skip


def _axes(op: Site) -> tuple[int, ...]:
    rank = len(op.input(0).shape)
    given = [int(a) for a in np.ravel(op.constant(1))]
    if any(not -rank <= a < rank for a in given):
        raise op.refuse(f"axes {given} of {rank}")
    return tuple(sorted({a % rank for a in given}))


@operator(*_FLOAT)
def reduced(op: Site) -> None:
    """Over the axes that are a constant."""
    axes, kind = _axes(op), op.node.kind
    kept, whole = int(op.options(tflite.ReducerOptions).KeepDims()), op.input(0).shape
    op.shape(tuple(1 if a in axes else n for a, n in enumerate(whole) if kept or a not in axes))
    if not axes:
        op.make("Identity", [op.name(0)])
        return
    attributes = {"axes": axes, "keepdims": kept}
    eight = op.is_eight(0)
    if not eight or kind in ("REDUCE_MAX", "REDUCE_MIN"):
        if eight and op.scale(op.input(0)) != op.scale(op.output()):
            raise op.refuse("an extreme between two scales")
        op.make(_FLOAT[kind], [op.name(0)], attributes=attributes)
        return
    if kind == "REDUCE_PROD":
        raise op.refuse("not supported for 8-bit numbers")
    (sx, zx), (sy, zy) = op.scale(op.input(0)), op.scale(op.output())
    m, n = multiplier(sx / sy)
    if kind == "MEAN":
        m, n = _divided(m, n, prod(op.input(0).shape[a] for a in axes))
    factor = np.asarray([m], np.int32), np.asarray([n], np.int8)
    names = [op.add_constant(factor[0], "m"), op.add_constant(factor[1], "n")]
    ends = {"x_zero": zx, "y_zero": zy, **limits(op, 0)}
    op.make("QSum", [op.name(0), *names], attributes={**attributes, **ends})


def _divided(m: int, n: int, count: int) -> tuple[int, int]:
    """The factor m * 2^(n - 31) over `count`, as TFLite divides it."""
    bits = min(floor(log2(count)), 32, 31 + n)
    return (m << bits) // count, n - bits


@operator("ARG_MAX", "ARG_MIN")
def arg_extreme(op: Site) -> None:
    """Where the first of the largest elements along an axis is."""
    shape, (given,) = op.input(0).shape, (int(a) for a in np.ravel(op.constant(1)))
    if not -len(shape) <= given < len(shape):
        raise op.refuse(f"not supported: axis {given} of {len(shape)}")
    axis = given % len(shape)
    op.shape((*shape[:axis], *shape[axis + 1 :]))
    attributes = {"axis": axis, "keepdims": 0}
    op.make(
        "ArgMax" if op.node.kind == "ARG_MAX" else "ArgMin", [op.name(0)], attributes=attributes
    )


@operator("L2_NORMALIZATION")
def l2_normalization(op: Site) -> None:
    """x over the root of the sum of squares along the last axis"""
    op.shape(op.input(0).shape)
    if op.options(tflite.L2NormOptions).FusedActivationFunction():
        raise op.refuse("not supported: a fused activation")
    if not op.is_eight(0):
        op.make("LpNormalization", [op.name(0)], attributes={"axis": -1, "p": 2})
        return
    (_, zx), (sy, zy), kind = op.scale(op.input(0)), op.scale(op.output()), op.output().dtype
    if sy != 1 / 128 or zy != np.iinfo(kind.name).min + 128:
        raise op.refuse(f"a result with scale {sy:g} and zero point {zy}")
    ends = {"x_zero": zx, "y_zero": zy, **limits(op, 0), "raised": int(not kind.signed)}
    op.make("QL2", [op.name(0)], attributes=ends)


@operator("CUMSUM")
def cumsum(op: Site) -> None:
    """Sums so far along an axis, of floats."""
    if op.is_eight(0):
        raise op.refuse("not supported for 8-bit numbers")
    op.shape(op.input(0).shape)
    options, rank = op.options(tflite.CumsumOptions), len(op.input(0).shape)
    axis = int(op.constant(1).item())
    if not -rank <= axis < rank:
        raise op.refuse(f"not supported: axis {axis} of {rank}")
    given = {"exclusive": int(options.Exclusive()), "reverse": int(options.Reverse())}
    op.make("CumSum", [op.name(0)], attributes={"axis": axis, **given})
