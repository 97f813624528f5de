"""What kernels can apply to their sums themselves: activations, and what means are of."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from lowtide.ir.index import Index, IntArray
from lowtide.ir.value import Acc, Call, FromIndex, Number, Value
from lowtide.kernels.calls import Activation


def activation(value: Value, acc: Acc) -> Activation | None:
    """The activation that `value` applies to an accumulator; None if kernels do not have it."""
    if value == acc:
        return Activation()
    if not isinstance(value, Call) or len(value.arguments) != 2:
        return None
    inner, number = value.arguments
    if not isinstance(number, Number):
        return None
    if value.function == "leaky" and inner == acc:
        return Activation("LEAKY", low=number.value)
    if value.function == "larger" and inner == acc:
        kind = "RELU" if number.value == 0 else "CLAMP"
        return Activation(kind, number.value, inf)
    if value.function == "smaller":
        held = Activation("CLAMP", -inf) if inner == acc else activation(inner, acc)
        if held is not None and held.kind in ("RELU", "CLAMP") and held.high in (0.0, inf):
            return Activation("CLAMP", held.low, number.value)
    return None


def counts(value: Value, axes: Sequence[Index], shape: Sequence[int]) -> IntArray | None:
    """The whole numbers [height, width] that a value has at each position, or None."""
    if isinstance(value, Number):
        whole = np.full(shape, int(value.value), np.int64)
        return whole if value.value == int(value.value) else None
    if isinstance(value, FromIndex):
        own = [v for axis in axes for v in axis.variables]
        if not value.index.variables <= set(own):
            return None
        grid = {
            v.name: np.arange(v.extent).reshape([-1 if v in axis.variables else 1 for axis in axes])
            for v in own
        }
        return np.broadcast_to(value.index.evaluate(grid), shape)
    if isinstance(value, Call) and value.function == "mul":
        factors = [counts(one, axes, shape) for one in value.arguments]
        known = [one for one in factors if one is not None]
        return known[0] * known[1] if len(known) == len(factors) == 2 else None
    return None
