"""Scalar functions of whole numbers: int32 in and out, and what is between needs no more than 64
bits. One row says what each is in C and in numpy, as in `functions.py`.

Right shifts of negative numbers round down, as every compiler for these machines does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lowtide.ir.dtype import F32, DType
from lowtide.ir.functions import FUNCTIONS, Function

Whole = np.ndarray[Any, np.dtype[Any]]

LEAST, MOST = -(2**31), 2**31 - 1
FURTHEST = 1 << 30
"""From zero, of what is scaled in float32; 8 bits end long before."""


def product(a: Whole, b: Whole | int) -> Whole:
    """a * b / 2^31, to nearest: the product of two numbers that are parts of 2^31."""
    return np.asarray(np.right_shift(a * b + (1 << 30), 31))


def halved(a: Whole, times: Whole | int) -> Whole:
    """a / 2^times, to nearest, halves away from zero."""
    mask = (np.int64(1) << times) - 1
    return np.asarray((a >> times) + ((a & mask) > (mask >> 1) + (a < 0)))


def rescale(a: Whole, m: Whole | int, n: Whole | int) -> Whole:
    """a * m * 2^(n - 31), rounded twice, as TFLite does it; what leaves 32 bits first wraps."""
    shifted = a << np.maximum(n, 0)
    wrapped = ((shifted - LEAST) & 0xFFFFFFFF) + LEAST
    return halved(product(wrapped, m), np.maximum(-np.asarray(n), 0))


def rescale_once(a: Whole, m: Whole | int, n: Whole | int) -> Whole:
    """a * m * 2^(n - 31), to nearest, halves away from zero."""
    shift = 31 - np.asarray(n)
    half = (np.int64(1) << shift) >> 1
    return np.asarray(np.sign(a) * ((np.abs(a) * m + half) >> shift))


def mean(a: Whole, count: Whole) -> Whole:
    """a / count, to nearest, halves away from zero."""
    return np.asarray(np.sign(a) * ((np.abs(a) + count // 2) // count))


def leading_zeros(a: Whole) -> Whole:
    """The zero bits before the first one of a number of 32 bits that is not negative."""
    highest = np.floor(np.log2(np.maximum(a, 1))).astype(np.int64)
    return np.asarray(31 - highest + (a == 0))


def inverse_root(a: Whole) -> Whole:
    """1 / sqrt(a) in parts of 2^31, but for a shift: five steps of Newton, as TFLite takes them."""
    shifted, _ = _in_pairs(a)
    x = np.full_like(shifted, 1 << 28)
    for _ in range(5):
        cubed = _kept(product(product(x, x), x) << 6)
        x = _kept(
            (product(x, (1 << 28) + (1 << 27)) - product(halved(shifted >> 1, 1), cubed)) << 3
        )
    return np.asarray(np.where(a <= 1, MOST, product(x, 1518500250)))


def inverse_root_shift(a: Whole) -> Whole:
    """n where 1 / sqrt(a) = inverse_root(a) * 2^(n - 31)."""
    return np.asarray(np.where(a <= 1, 0, -_in_pairs(a)[1]))


def _in_pairs(a: Whole) -> tuple[Whole, Whole]:
    """(a * 4^k, 11 - k) between 2^27 and 2^29; negative k cut."""
    held, shift = np.asarray(a), np.full_like(np.asarray(a), 11)
    for _ in range(2):
        large = held >= 1 << 29
        held, shift = np.where(large, held >> 2, held), shift + large
    pairs = (leading_zeros(held) - 1) // 2 - 1
    return held << (2 * pairs), shift - pairs


def _kept(a: Whole) -> Whole:
    return np.asarray(np.clip(a, LEAST, MOST))


def reciprocal(a: Whole) -> Whole:
    """2^31 / (1 + x) in 32 bits where a = (1 + x) * 2^k."""
    shifted = (a << leading_zeros(a)) - (1 << 31)
    return _kept(newton((shifted + MOST + 1) >> 1) << 1)


def newton(half: Whole) -> Whole:
    """2^29 / x where half = x * 2^31, x from 1/2 to 1: three steps of Newton from a line."""
    x = 1515870810 + product(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - product(half, x)
        x = x + _kept(product(x, rest) << 2)
    return x


def share(a: Whole, scale: Whole, total: Whole) -> Whole:
    """256 * a / total, by the reciprocal of the total; a is in parts of 2^31, total of 2^19."""
    shift = 35 - leading_zeros(total)
    return np.asarray(np.where(shift > 31, 0, halved(product(a, scale), np.minimum(shift, 31))))


def fused(a: Whole, b: Whole, c: Whole) -> Whole:
    """a * b + c of float32 numbers, rounded once."""
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    c = np.asarray(c, np.float64)
    total = np.asarray(product + c)
    moved = total - product
    lost = (product - (total - moved)) + (c - moved)
    # Of the two numbers around the sum the odd one: so float32 rounds it as it would the sum.
    even = (lost != 0) & (total.view(np.int64) & 1 == 0)
    odd = np.where(even, np.nextafter(total, np.copysign(np.inf, lost)), total)
    return np.asarray(odd.astype(np.float32))


def _in_range(a: Whole) -> Whole:
    """A float that is whole as an int32, from far away the FURTHEST."""
    return np.asarray(np.clip(a, -FURTHEST, FURTHEST).astype(np.int64))


def sum_scaled(a: Whole, b: Whole, c: Whole, d: Whole, e: Whole) -> Whole:
    """a * c + (b * d + e) in float32, rounded to a whole number, halves to even."""
    return _in_range(np.rint(fused(a, c, fused(b, d, e))))


def scale_onto(a: Whole, factor: Whole, zero: Whole) -> Whole:
    """a * factor + zero in float32, each rounded, then to a whole number, halves to even."""
    scaled = np.float32(a) * np.float32(factor)
    return _in_range(np.rint(scaled + np.float32(zero)))


def scale(a: Whole, factor: Whole) -> Whole:
    """a * factor in float32, rounded, halves to even."""
    return _in_range(np.rint(np.float32(a) * np.float32(factor)))


def add_wrapped(a: Whole, b: Whole) -> Whole:
    """a + b in 32 bits: what leaves them comes back at the other end, as in processors."""
    return np.asarray(((a + b - LEAST) & 0xFFFFFFFF) + LEAST)


def _select(a: Whole, b: Whole, c: Whole) -> Whole:
    return np.where(a != 0, b, c)


_PRODUCT = "(int32_t)(((int64_t){} * {} + (1 << 30)) >> 31)"


def _halved(a: str, times: str) -> tuple[tuple[str, ...], str]:
    """Statements, and the expression for a variable over 2^times, halves away from zero."""
    mask = f"const int32_t mask = (int32_t)((1u << {times}) - 1);"
    return (mask,), f"({a} >> {times}) + (({a} & mask) > (mask >> 1) + ({a} < 0))"


def _rescale_in_c() -> Function:
    body = (
        "const int32_t left = (int32_t)((uint32_t)a << (c > 0 ? c : 0));",
        f"const int32_t high = {_PRODUCT.format('left', 'b')};",
        "const int32_t away = high + (high >> 31);",  # |high| < 2^31, as |b| is
    )
    return Function(3, "c < 0 ? ((away >> (-c - 1)) + 1) >> 1 : high", rescale, body=body)


_ONCE = (
    "const int64_t whole = (a < 0 ? -(int64_t)a : a) * (int64_t)b;",
    "const int64_t rounded = (whole + (((int64_t)1 << (31 - c)) >> 1)) >> (31 - c);",
)


def _share_in_c() -> Function:
    statements, result = _halved("high", "shift")
    body = (
        "int shift = 3;",
        "for (uint32_t t = (uint32_t)c; t > 0; t >>= 1) shift++;",
        "if (shift > 31) return 0;",
        f"const int32_t high = {_PRODUCT.format('a', 'b')};",
        *statements,
    )
    return Function(3, result, share, body=body)


_PAIRS = ("while (a >= 1 << 29) a /= 4;", "while (a < 1 << 27) a *= 4;")
_INVERSE_ROOT = (
    "if (a <= 1) return INT32_MAX;",
    *_PAIRS,
    "const int32_t half = ((a >> 1) + 1) >> 1;",
    "int32_t x = 1 << 28;",
    "for (int step = 0; step < 5; step++) {",
    f"    const int32_t squared = {_PRODUCT.format('x', 'x')};",
    f"    const int64_t large = (int64_t){_PRODUCT.format('squared', 'x')} * 64;",
    "    const int32_t cubed = large > INT32_MAX ? INT32_MAX : (int32_t)large;",
    f"    const int32_t line = {_PRODUCT.format('x', '402653184')};",
    f"    const int64_t next = ((int64_t)line - {_PRODUCT.format('half', 'cubed')}) * 8;",
    "    x = next > INT32_MAX ? INT32_MAX : next < INT32_MIN ? INT32_MIN : (int32_t)next;",
    "}",
)
_ROOT_SHIFT = (
    "int shift = 11;",
    "if (a <= 1) return 0;",
    _PAIRS[0].replace("a /= 4", "a /= 4, shift++"),
    _PAIRS[1].replace("a *= 4", "a *= 4, shift--"),
)
_RECIPROCAL = (
    "uint32_t shifted = (uint32_t)a;",
    "while (shifted < 0x80000000u) shifted <<= 1;",
    "const int32_t half = (int32_t)(((int64_t)(shifted - 0x80000000u) + 0x80000000) >> 1);",
    f"int32_t x = 1515870810 + {_PRODUCT.format('half', '-1010580540')};",
    "for (int step = 0; step < 3; step++) {",
    f"    const int32_t rest = (1 << 29) - {_PRODUCT.format('half', 'x')};",
    f"    const int64_t more = (int64_t){_PRODUCT.format('x', 'rest')} * 4;",
    "    x += (int32_t)(more > INT32_MAX ? INT32_MAX : more < INT32_MIN ? INT32_MIN : more);",
    "}",
)

_IN_RANGE = "f < -1073741824.0f ? -(1 << 30) : f > 1073741824.0f ? 1 << 30 : (int32_t)f"

WHOLE: dict[str, Function] = {
    "add": Function(2, "a + b", np.add, infix=True, neutral=0),
    "add_wrapped": Function(2, "(int32_t)((uint32_t)a + (uint32_t)b)", add_wrapped),
    "sub": Function(2, "a - b", np.subtract, infix=True),
    "mul": Function(2, "a * b", np.multiply, infix=True, neutral=1),
    "max": Function(2, "a < b ? b : a", np.maximum, neutral=LEAST),
    "min": Function(2, "b < a ? b : a", np.minimum, neutral=MOST),
    "larger": Function(2, "a < b ? b : a", np.maximum),
    "smaller": Function(2, "b < a ? b : a", np.minimum),
    "less": Function(2, "a < b", np.less),
    "equal": Function(2, "a == b", np.equal),
    "select": Function(3, "a != 0 ? b : c", _select),
    "rescale": _rescale_in_c(),
    "rescale_once": Function(3, "(int32_t)(a < 0 ? -rounded : rounded)", rescale_once, body=_ONCE),
    "mean": Function(2, "(a < 0 ? a - b / 2 : a + b / 2) / b", mean),
    "halved": Function(2, _halved("a", "b")[1], halved, body=_halved("a", "b")[0]),
    "reciprocal": Function(1, "x >= 1 << 30 ? INT32_MAX : x * 2", reciprocal, body=_RECIPROCAL),
    "share": _share_in_c(),
    "inverse_root": Function(
        1, _PRODUCT.format("x", "1518500250"), inverse_root, body=_INVERSE_ROOT
    ),
    "inverse_root_shift": Function(1, "-shift", inverse_root_shift, body=_ROOT_SHIFT),
    "sum_scaled": Function(
        5,
        _IN_RANGE,
        sum_scaled,
        body=("const float f = rintf(fmaf((float)a, c, fmaf((float)b, d, e)));",),
        others=dict.fromkeys((2, 3, 4), F32),
    ),
    "scale_onto": Function(
        3,
        _IN_RANGE,
        scale_onto,
        body=(
            "const volatile float scaled = (float)a * b; /* rounded before the sum */",
            "const float f = rintf(scaled + (float)c);",
        ),
        others={1: F32},
    ),
    "scale": Function(
        2, _IN_RANGE, scale, body=("const float f = rintf((float)a * b);",), others={1: F32}
    ),
}


def functions(arithmetic: DType) -> Mapping[str, Function]:
    """The scalar functions of nests that compute in float32, or in int32."""
    return FUNCTIONS if arithmetic == F32 else WHOLE
