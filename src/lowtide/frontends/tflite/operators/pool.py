"""Pools."""

from __future__ import annotations

import tflite

from lowtide.frontends.tflite.operators.activate import limits, make_float
from lowtide.frontends.tflite.operators.conv import geometry
from lowtide.frontends.tflite.site import Site, operator


@operator("AVERAGE_POOL_2D")
def average_pool_2d(op: Site) -> None:
    """The mean of a window's pixels in the image."""
    options = op.options(tflite.Pool2DOptions)
    kernel = (options.FilterHeight(), options.FilterWidth())
    attributes = {**geometry(op, options, kernel), "kernel_shape": kernel}
    activation, names = options.FusedActivationFunction(), [op.name(0, image=True)]
    if not op.is_eight(0):
        make_float(op, "AveragePool", names, activation, True, attributes)
        return
    if op.scale(op.input(0)) != op.scale(op.output()):
        raise op.refuse("a mean between two scales")
    op.make("QAveragePool", names, True, {**attributes, **limits(op, activation)})
