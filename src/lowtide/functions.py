"""Scalar functions that operators are made of: one row says what each is in C and in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Function:
    """`c` is the body of an expression over a, b, c; `numpy` the same on arrays.

    An infix operator is written where it is used, everything else is a small static function.
    """

    arity: int
    c: str
    numpy: Callable[..., FloatArray]
    infix: bool = False


def _sigmoid(a: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        one = a.dtype.type(1)
        return np.asarray(one / (one + np.exp(-a)))


FUNCTIONS: dict[str, Function] = {
    "add": Function(2, "a + b", np.add, infix=True),
    "sub": Function(2, "a - b", np.subtract, infix=True),
    "mul": Function(2, "a * b", np.multiply, infix=True),
    "div": Function(2, "a / b", np.divide, infix=True),
    "max": Function(2, "a > b ? a : b", np.maximum),
    "min": Function(2, "a < b ? a : b", np.minimum),
    "exp": Function(1, "expf(a)", np.exp),
    "sqrt": Function(1, "sqrtf(a)", np.sqrt),
    "sigmoid": Function(1, "1.0f / (1.0f + expf(-a))", _sigmoid),
    "leaky": Function(2, "a < 0.0f ? a * b : a", lambda a, b: np.where(a < 0, a * b, a)),
}
