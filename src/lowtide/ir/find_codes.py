"""Which constants can be stored as low-bit codes, exactly: found from their values alone.

    [[ 0.75, -0.25,  0.25],        rows of whole multiples       codes [[1, -1,  0],    scales [.5,
     [ 6.0,   2.0,  -2.0]]         of one step           ->             [1,  0, -1]]             4]

A dequantised weight is a code times its row's scale, so a row's greatest common divisor is that
scale, or a multiple of it, and what is left are codes. Whoever made the file need not say so, and
nothing is approximated: codes times scales are the same numbers to the bit.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from math import inf

import numpy as np

from lowtide.ir.codes import MOST_BITS, Array, Codes

LEAST_SAVED = 64
"""Bytes that codes must save, or the constant stays as it is."""

_SPREAD = 30
"""Numbers whose exponents are farther apart share no scale with 8-bit codes."""


@dataclass(frozen=True)
class _Rows:
    """Rows [n, length] as k * step * 2^exponent, steps [n] and k [n, length] whole numbers.

    k are of 16 bits: weights of a dense layer are gone over many times.
    """

    k: Array
    step: Array
    exponent: Array


def find_codes(array: Array) -> Codes | None:
    """Finds low-bit codes that give a constant exactly; None if there are none or nothing is saved.

    The codes are [vectors, length] in the array's order, with scales along its first axis;
    `vectors` divides that axis, so several rows of the array may share a scale. Of all such codes
    those of the fewest bytes are returned. The answer is remembered as long as the array lives.
    """
    held = _KNOWN.get(id(array))
    if held is not None and held[0]() is array:
        return held[1]
    found = _packed(array)
    number = id(array)
    _KNOWN[number] = weakref.ref(array, lambda _: _KNOWN.pop(number, None)), found
    return found


_KNOWN: dict[int, tuple[weakref.ref[Array], Codes | None]] = {}


def _packed(array: Array) -> Codes | None:
    if array.dtype != np.float32 or array.ndim < 2 or not array.size or not _worth(array.nbytes, 0):
        return None
    rows = array.reshape(array.shape[0], -1)
    largest = int(np.abs(rows).argmax())  # NaN counts as the largest
    if not np.isfinite(rows.flat[largest]):
        return None
    row = rows[largest // rows.shape[1]][None]  # most constants are refused by this one
    if _whole(row) is None and _rounded(row) is None:
        return None
    found = _whole(rows)
    best = _shared(found) if found is not None else _rounded(rows)
    if best is None or not _worth(array.nbytes, best.bytes):
        return None
    return best if np.array_equal(best.values.reshape(array.shape), array) else None


def _worth(whole: int, stored: int) -> bool:
    return whole - stored >= LEAST_SAVED


def _whole(rows: Array) -> _Rows | None:
    """Finite rows as whole multiples of their greatest common divisors, if all are small enough."""
    mantissa, exponent = np.frexp(rows.astype(np.float64))
    filled = rows != 0
    low = np.where(filled, exponent, 1 << 20).min(1)
    low = np.where(filled.any(1), low, 0)
    shift = np.where(filled, exponent - low[:, None], 0)
    if shift.max(initial=0) > _SPREAD:
        return None
    whole = (mantissa * 2.0**24).astype(np.int64) << shift
    step = np.maximum(np.gcd.reduce(whole, axis=1), 1)
    k = whole // step[:, None]
    if np.abs(k).max(initial=0) >= 1 << (MOST_BITS + 1):
        return None
    return _Rows(k.astype(np.int16), step, low - 24)


def _shared(rows: _Rows) -> Codes | None:
    """The codes of the fewest bytes, over all ways to share scales between neighbouring rows."""
    count = len(rows.step)
    best: Codes | None = None
    for per in (n for n in range(count, 0, -1) if count % n == 0):
        found = _codes(rows, per)
        if found is not None and (best is None or found.bytes < best.bytes):
            best = found
    return best


def _codes(rows: _Rows, per: int) -> Codes | None:
    """The codes where each `per` rows have one scale."""
    exponent = rows.exponent.reshape(-1, per)
    used = (rows.k != 0).any(1).reshape(-1, per)
    low = np.where(used, exponent, 1 << 20).min(1, keepdims=True)
    shift = np.where(used, exponent - low, 0)
    if shift.max(initial=0) > _SPREAD:
        return None
    step = rows.step.reshape(-1, per) << shift
    common = np.gcd.reduce(np.where(used, step, 0), axis=1)
    ratio = np.where(used, step // np.maximum(common, 1)[:, None], 0)
    largest = np.abs(rows.k).max(1).reshape(-1, per)
    if (largest * ratio).max(initial=0) >= 1 << (MOST_BITS + 1):
        return None
    k = (rows.k * ratio.astype(np.int16).reshape(-1, 1)).reshape(len(common), -1)
    empty = common == 0
    scales = np.where(
        empty, 0.0, np.ldexp(common.astype(np.float64), np.where(empty, 0, low[:, 0]))
    )
    plain, halves = _fewest(k, scales, empty), _halves(k, scales)
    return plain if halves is None else min(plain, _fewest(*halves, empty), key=_size)


def _size(codes: Codes | None) -> float:
    return inf if codes is None else codes.bytes


def _fewest(k: Array, scales: Array, empty: Array) -> Codes | None:
    """Codes of k [vectors, length] * scales: centred if all k are odd; in the better sign."""
    if (k[~empty] % 2 != 0).all():
        codes, centred, scales = (k - 1) // 2, True, 2 * scales
        codes[empty] = 0
    else:
        flip = -k.min(1) < k.max(1)  # -8 is a code of 4 bits, 8 is none
        codes, centred = np.where(flip[:, None], -k, k), False
        scales = np.where(flip, -scales, scales)
    bits = _bits(codes) if centred else max(_bits(codes), 2)
    if bits > MOST_BITS:
        return None
    with np.errstate(over="ignore"):
        held = scales.astype(np.float32)
    if not np.isfinite(held).all():
        return None
    return Codes(bits, centred, codes.astype(np.int8), held, 16 if _is_half(held).all() else 32)


def _halves(k: Array, scales: Array) -> tuple[Array, Array] | None:
    """The same numbers with scales of 16 bits where a whole part of one is; None if nowhere.

    Codes that all happen to be 3 or -3 have made a scale three times what it was.
    """
    long = ~_is_half(scales)
    largest, parts = np.abs(k).max(1, initial=0).astype(np.int64), np.ones(len(k), np.int16)
    for part in range(3, 1 << MOST_BITS, 2):
        if not long.any():
            break
        fits = long & _is_half(scales / part) & (largest * part < 1 << (MOST_BITS + 1))
        parts[fits] = part
        long &= ~fits
    return None if (parts == 1).all() else (k * parts[:, None], scales / parts)


def _is_half(scales: Array) -> Array:
    """Which scales are float16 exactly."""
    with np.errstate(over="ignore"):
        return np.asarray(scales.astype(np.float16).astype(scales.dtype) == scales)


def _bits(codes: Array) -> int:
    """The least that hold the codes in two's complement."""
    most = max(int(codes.max(initial=0)), -int(codes.min(initial=0)) - 1)
    return most.bit_length() + 1


def _rounded(rows: Array) -> Codes | None:
    """Codes whose products with float32 scales were rounded: each row's largest number is tried
    as every whole multiple of half a scale."""
    if not np.isfinite(rows).all():
        return None
    codes, scales = np.zeros(rows.shape, np.int64), np.zeros(len(rows))
    for r, row in enumerate(rows):
        if not row.any():
            continue
        step = _step(row.astype(np.float64))
        if step is None:
            return None
        codes[r], scales[r] = np.rint(row / step), step
    return _near(rows, codes, scales)


def _step(row: Array) -> float | None:
    """The largest step of which all numbers are whole multiples but for float32's rounding."""
    largest = np.abs(row).max()
    tries = largest / np.arange(1, 1 << (MOST_BITS + 1))
    few = row[np.argsort(-np.abs(row))[:: max(1, row.size // 16)]]
    for step in tries[_fits(few, tries)]:
        if _fits(row, np.array([step]))[0]:
            return float(step)
    return None


def _fits(row: Array, steps: Array) -> Array:
    k = np.rint(row / steps[:, None])
    return np.asarray((np.abs(k * steps[:, None] - row) <= 2.0**-22 * np.abs(row)).all(1))


def _near(rows: Array, k: Array, steps: Array) -> Codes | None:
    """The codes with the float32 scales, near `steps`, whose products round to the rows."""
    best = _fewest(k, steps, steps == 0)
    if best is None:
        return None
    plain = best.codes.astype(np.float32) + np.float32(0.5 if best.centred else 0.0)
    scales = best.scales.copy()
    for r, row in enumerate(rows):
        for ulps in (0, 1, -1, 2, -2):
            toward = np.float32(inf if ulps > 0 else -inf)
            scale = best.scales[r]
            for _ in range(abs(ulps)):
                scale = np.nextafter(scale, toward)
            if np.array_equal(plain[r] * scale, row):
                scales[r] = scale
                break
        else:
            return None
    return Codes(best.bits, best.centred, best.codes, scales, 32)
