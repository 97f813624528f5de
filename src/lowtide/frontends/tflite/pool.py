"""Pools."""

from __future__ import annotations

import tflite

from lowtide.frontends.tflite.activate import limits, make_clip, make_float
from lowtide.frontends.tflite.conv import geometry
from lowtide.frontends.tflite.site import Site, operator

_FLOAT = {"AVERAGE_POOL_2D": "AveragePool", "MAX_POOL_2D": "MaxPool"}


@operator(*_FLOAT)
def pool_2d(op: Site) -> None:
    """The mean, the largest, of a window's pixels in the image."""
    options, kind = op.options(tflite.Pool2DOptions), op.node.kind
    kernel = (options.FilterHeight(), options.FilterWidth())
    attributes = {**geometry(op, options, kernel, op.input(0).shape[-1]), "kernel_shape": kernel}
    activation, names = options.FusedActivationFunction(), [op.name(0, image=True)]
    if not op.is_eight(0):
        make_float(op, _FLOAT[kind], names, activation, True, attributes)
        return
    if op.scale(op.input(0)) != op.scale(op.output()):
        raise op.refuse("a pool between two scales")
    ends = limits(op, activation)
    if kind == "AVERAGE_POOL_2D":
        op.make("QAveragePool", names, True, {**attributes, **ends})
    elif activation == 0:
        op.make("MaxPool", names, True, attributes)
    else:
        held = op.output()
        shape = tuple(held.shape[a] for a in (0, 3, 1, 2))
        largest = op.between("MaxPool", names, shape, held.dtype, held.quant, **attributes)
        make_clip(op, largest, (ends["low"], ends["high"]), image=True)


@operator("L2_POOL_2D")
def l2_pool_2d(op: Site) -> None:
    """The root of the mean of squares, of floats."""
    options, held = op.options(tflite.Pool2DOptions), op.input(0)
    if op.is_eight(0):
        raise op.refuse("not supported for 8-bit numbers")
    kernel = (options.FilterHeight(), options.FilterWidth())
    given = {**geometry(op, options, kernel, op.input(0).shape[-1]), "kernel_shape": kernel}
    name = op.name(0, image=True)
    first, after = (tuple(t.shape[a] for a in (0, 3, 1, 2)) for t in (held, op.output()))
    squares = op.between("Mul", [name, name], first, held.dtype)
    mean = op.between("AveragePool", [squares], after, held.dtype, **given)
    make_float(op, "Sqrt", [mean], options.FusedActivationFunction(), True)
