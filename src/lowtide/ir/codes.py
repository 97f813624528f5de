"""Numbers of 1 to 8 bits: whole codes, packed, with one scale for each vector of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

MOST_BITS = 8
_LEAST_HALF = 2.0**-14
"""The smallest float16 that has its full 11 bits."""


def limits(bits: int) -> tuple[int, int]:
    """The smallest and the largest code of so many bits, in two's complement."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


@dataclass(frozen=True, eq=False)
class Codes:
    """A matrix of low-bit numbers: value = scale of its row * (code + 1/2 if `centred`).

    `codes` is int8 [vectors, length], each in the range of `bits` bits; `scales` is float32
    [vectors], of either sign. Centred codes lie evenly on both sides of 0 and cannot be 0, which
    is best for few bits (1 bit is a sign). `scale_bits` is 16 if every scale is a float16, else 32.
    """

    bits: int
    centred: bool
    codes: Array
    scales: Array
    scale_bits: int

    def __post_init__(self) -> None:
        low, high = limits(self.bits)
        if not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"{self.bits} bits; there are 1 to {MOST_BITS}")
        if self.bits == 1 and not self.centred:
            raise ValueError("codes of 1 bit are signs, they must be centred")
        if self.codes.ndim != 2 or self.scales.shape != self.codes.shape[:1]:
            raise ValueError(f"codes {self.codes.shape} do not fit scales {self.scales.shape}")
        if self.codes.size and not low <= self.codes.min() <= self.codes.max() <= high:
            raise ValueError(f"codes beyond {low}..{high}")

    @property
    def vectors(self) -> int:
        """How many rows there are; each has a scale."""
        return int(self.codes.shape[0])

    @property
    def length(self) -> int:
        """How many codes a row has."""
        return int(self.codes.shape[1])

    @cached_property
    def values(self) -> Array:
        """The numbers, float32 [vectors, length]: one multiplication each, so equal anywhere."""
        steps = self.codes.astype(np.float32) + np.float32(0.5 if self.centred else 0.0)
        return steps * self.scales[:, None]

    @property
    def bytes(self) -> int:
        """Bytes that the packed codes and the scales take."""
        return -(-self.codes.size * self.bits // 8) + self.vectors * self.scale_bits // 8

    def scaled(self, gains: Array) -> Codes:
        """The same codes with each row's scale multiplied by a gain [vectors]."""
        return make(self.bits, self.centred, self.codes, self.scales.astype(np.float64) * gains)


def make(bits: int, centred: bool, codes: Array, scales: Array) -> Codes:
    """Makes codes with scales rounded to float16, or to float32 where float16 is out of range."""
    sizes = np.abs(scales[scales != 0])
    small = sizes.size == 0 or (sizes.min() >= _LEAST_HALF and sizes.max() < np.finfo("f2").max)
    kind = np.float16 if small else np.float32
    held = np.asarray(scales, kind).astype(np.float32)
    return Codes(bits, centred, np.asarray(codes, np.int8), held, 16 if small else 32)


def pack(codes: Array, bits: int) -> bytes:
    """Packs codes one after the other, `bits` bits each, the first in the lowest bits of byte 0."""
    flat = codes.reshape(-1).astype(np.uint8)
    each = (flat[:, None] >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(each, bitorder="little").tobytes()


def unpack(packed: bytes, bits: int, count: int) -> Array:
    """Unpacks `count` codes that `pack` has packed; returns int8 [count]."""
    each = np.unpackbits(np.frombuffer(packed, np.uint8), count=count * bits, bitorder="little")
    whole = each.reshape(count, bits).astype(np.int16) @ (1 << np.arange(bits, dtype=np.int16))
    return np.where(whole >> (bits - 1), whole - (1 << bits), whole).astype(np.int8)
