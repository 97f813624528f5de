"""Softmax."""

from __future__ import annotations

import numpy as np
import tflite

from lowtide.frontends.tflite.fixed_point import exponentials
from lowtide.frontends.tflite.site import Site, operator


@operator("SOFTMAX")
def softmax(op: Site) -> None:
    """Over the last axis."""
    op.shape(op.input(0).shape)
    beta = op.options(tflite.SoftmaxOptions).Beta()
    if not op.is_eight(0):
        name, held = op.name(0), op.input(0)
        if beta != 1:
            factor = op.add_constant(np.asarray(beta, np.float32), "beta")
            name = op.between("Mul", [name, factor], held.shape, held.dtype)
        op.make("Softmax", [name], attributes={"axis": -1})
        return
    kind, (scale, zero) = np.iinfo(op.output().dtype.name), op.scale(op.output())
    if zero != kind.min or scale != 1 / 256:
        raise op.refuse(f"a result with scale {scale:g} and zero point {zero}")
    powers = exponentials(beta, op.scale(op.input(0))[0])
    op.make("QSoftmax", [op.name(0)], attributes={
        "exponentials": powers, "y_zero": kind.min, "low": kind.min, "high": kind.max,
    })  # fmt: skip


@operator("LOG_SOFTMAX")
def log_softmax(op: Site) -> None:
    """The logarithm of it, of floats."""
    op.shape(op.input(0).shape)
    if op.is_eight(0):
        raise op.refuse("not supported for 8-bit numbers")
    op.make("LogSoftmax", [op.name(0)], attributes={"axis": -1})
