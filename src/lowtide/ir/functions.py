"""Scalar functions that operators are made of: one row says what each is in C and in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lowtide.ir.dtype import DType

FloatArray = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Function:
    """A scalar function of `arity` arguments.

    `c` is a C expression over a, b, c; `numpy` computes the same on arrays. An `infix` function is
    written out where it is used, any other becomes a small static function, with the statements of
    `body` before its result. `neutral` is the value that a reduction by this function begins with;
    None: it cannot reduce. Arguments and result are numbers of the nest's arithmetic; arguments
    that are others are in `others`, by number.
    """

    arity: int
    c: str
    numpy: Callable[..., FloatArray]
    infix: bool = False
    neutral: float | None = None
    body: tuple[str, ...] = ()
    others: Mapping[int, DType] = field(default_factory=dict)


def _sigmoid(a: FloatArray) -> FloatArray:
    one = a.dtype.type(1)
    return np.asarray(one / (one + np.exp(-a)))


def _erf(a: FloatArray) -> FloatArray:
    flat = [math.erf(v) for v in a.ravel().tolist()]
    return np.asarray(flat, a.dtype).reshape(a.shape)


def _elu(a: FloatArray, alpha: FloatArray) -> FloatArray:
    return np.where(a < 0, alpha * np.expm1(a), a)


def _select(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    return np.where(a != 0, b, c)


def _softplus(a: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))))


def _round_away(a: FloatArray) -> FloatArray:
    return np.asarray(np.copysign(np.floor(np.abs(a) + 0.5), a))


def _unary(c: str, numpy: Callable[..., FloatArray]) -> Function:
    return Function(1, f"{c}(a)", numpy)


def _test(c: str, numpy: Callable[..., FloatArray]) -> Function:
    """A truth value: 1 or 0."""
    return Function(2, f"{c} ? 1.0f : 0.0f", numpy)


FUNCTIONS: dict[str, Function] = {
    "add": Function(2, "a + b", np.add, infix=True, neutral=0.0),
    "sub": Function(2, "a - b", np.subtract, infix=True),
    "mul": Function(2, "a * b", np.multiply, infix=True, neutral=1.0),
    "div": Function(2, "a / b", np.divide, infix=True),
    # Running extremes pass over what is no number, as onnxruntime's pools do ..
    "max": Function(2, "a < b ? b : a", np.fmax, neutral=-np.inf),
    "min": Function(2, "b < a ? b : a", np.fmin, neutral=np.inf),
    # .. the extremes of two values hand it on.
    "larger": Function(2, "a < b || b != b ? b : a", np.maximum),
    "smaller": Function(2, "b < a || b != b ? b : a", np.minimum),
    "pow": Function(2, "powf(a, b)", np.power),
    "mod": Function(2, "fmodf(a, b)", np.fmod),
    "abs": _unary("fabsf", np.abs),
    "acos": _unary("acosf", np.arccos),
    "acosh": _unary("acoshf", np.arccosh),
    "asin": _unary("asinf", np.arcsin),
    "asinh": _unary("asinhf", np.arcsinh),
    "atan": _unary("atanf", np.arctan),
    "atanh": _unary("atanhf", np.arctanh),
    "ceil": _unary("ceilf", np.ceil),
    "cos": _unary("cosf", np.cos),
    "cosh": _unary("coshf", np.cosh),
    "erf": _unary("erff", _erf),
    "exp": _unary("expf", np.exp),
    "floor": _unary("floorf", np.floor),
    "log": _unary("logf", np.log),
    "neg": Function(1, "-a", np.negative),
    "round": _unary("rintf", np.rint),  # halves to even, as long as nobody sets another mode
    "round_away": _unary("roundf", _round_away),
    "sin": _unary("sinf", np.sin),
    "sinh": _unary("sinhf", np.sinh),
    "sqrt": _unary("sqrtf", np.sqrt),
    "tan": _unary("tanf", np.tan),
    "tanh": _unary("tanhf", np.tanh),
    "trunc": _unary("truncf", np.trunc),
    "sigmoid": Function(1, "1.0f / (1.0f + expf(-a))", _sigmoid),
    "leaky": Function(2, "a < 0.0f ? a * b : a", lambda a, b: np.where(a < 0, a * b, a)),
    "elu": Function(2, "a < 0.0f ? b * expm1f(a) : a", _elu),
    "softplus": Function(1, "(a > 0.0f ? a : 0.0f) + log1pf(expf(-fabsf(a)))", _softplus),
    "sign": Function(1, "(float)(a > 0.0f) - (float)(a < 0.0f)", np.sign),
    "less": _test("a < b", np.less),
    "lessorequal": _test("a <= b", np.less_equal),
    "greater": _test("a > b", np.greater),
    "greaterorequal": _test("a >= b", np.greater_equal),
    "equal": _test("a == b", np.equal),
    "isnan": Function(1, "isnan(a) ? 1.0f : 0.0f", np.isnan),
    "isinf": Function(1, "isinf(a) ? 1.0f : 0.0f", np.isinf),
    "select": Function(3, "a != 0.0f ? b : c", _select),
}
