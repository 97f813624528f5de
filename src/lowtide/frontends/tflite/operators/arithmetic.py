"""Element-wise operators of two operands."""

from __future__ import annotations

from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite.factors import multipliers
from lowtide.frontends.tflite.operators.activate import limits, make_float
from lowtide.frontends.tflite.site import Site, operator

FROM_RAISED = 2**20


def operands(op: Site) -> tuple[list[str], bool]:
    """Inputs 0 and 1, and whether they have channels first: those that were made so."""
    held = [op.input(k) for k in (0, 1)]
    rank = len(op.output().shape)
    made_first = any(op.net.is_image(t.number) for t in held)
    image = rank == 4 and made_first and all(len(t.shape) == 4 or t.data is not None for t in held)
    if not image:
        return [op.name(k) for k in (0, 1)], False
    return [_first(op, k) for k in (0, 1)], True


def _first(op: Site, k: int) -> str:
    """An operand with channels first; a constant of fewer axes gets them all."""
    held = op.input(k)
    if len(held.shape) == 4:
        return op.name(k, image=True)
    array = op.constant(k)
    whole = array.reshape((1,) * (4 - array.ndim) + array.shape)
    return op.add_constant(whole.transpose(0, 3, 1, 2), "operand")


@operator("ADD")
def add(op: Site) -> None:
    """a + b"""
    activation = op.options(tflite.AddOptions).FusedActivationFunction()
    names, image = operands(op)
    if not op.is_eight(0, 1):
        make_float(op, "Add", names, activation, image)
        return
    (sa, za), (sb, zb), (sy, zy) = (op.scale(t) for t in (op.input(0), op.input(1), op.output()))
    twice = 2 * max(sa, sb)
    m, n = multipliers_of_three(sa / twice, sb / twice, twice / (FROM_RAISED * sy))
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    ends = {"x_zero": za, "b_zero": zb, "y_zero": zy, **limits(op, activation)}
    op.make("QAdd", names, image, ends)


def multipliers_of_three(*factors: float) -> tuple[Any, Any]:
    """The factors of both operands and of their sum; they stay three where they are equal."""
    pairs = [multipliers([factor]) for factor in factors]
    return np.concatenate([m for m, _ in pairs]), np.concatenate([n for _, n in pairs])
