"""Operators whose results are known when the file is read: shapes and what is made of them."""

from __future__ import annotations

from math import prod

import numpy as np

from lowtide.frontends.tflite.moves import ints
from lowtide.frontends.tflite.site import Site, operator


def _settle(op: Site, shape: tuple[int, ...], value: float) -> None:
    """The output is one number again and again."""
    if min(shape, default=1) < 1 or prod(shape) != prod(op.output().shape):
        raise op.refuse(f"shape {[*shape]} for an output of {[*op.output().shape]}")
    op.net.room.count(op.output().name, prod(shape))
    op.settle(np.full(shape, value))


@operator("SHAPE")
def shape_of(op: Site) -> None:
    """The shape of the input."""
    op.settle(np.asarray(op.input(0).shape))


@operator("FILL")
def fill(op: Site) -> None:
    """One number in a shape that is given."""
    _settle(op, tuple(ints(op, 0)), op.constant(1).item())


@operator("ZEROS_LIKE")
def zeros_like(op: Site) -> None:
    """Zeros, of bytes too, in the shape of the input."""
    _settle(op, op.input(0).shape, 0)


@operator("RANGE")
def range_(op: Site) -> None:
    """From one number to another."""
    start, limit, step = (op.constant(k).item() for k in range(3))
    count = op.output().shape
    if not step or len(count) != 1:
        raise op.refuse(f"not supported: from {start} to {limit} by {step}")
    op.settle(np.arange(start, limit, step))


@operator("BROADCAST_ARGS")
def broadcast_args(op: Site) -> None:
    """The shape that two shapes have together."""
    op.settle(np.asarray(np.broadcast_shapes(tuple(ints(op, 0)), tuple(ints(op, 1)))))
