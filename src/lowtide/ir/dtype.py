"""Element types: one value each, and what they are called elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class DType:
    """An element type: numpy's name, its number of bits, and its name in C ("" if it has none)."""

    name: str
    bits: int
    signed: bool = True
    c: str = ""

    @property
    def bytes(self) -> int:
        """Bytes of one element that is stored by itself."""
        return -(-self.bits // 8)

    def __str__(self) -> str:
        return self.name


F32 = DType("float32", 32, c="float")
F16, BF16, F64 = DType("float16", 16), DType("bfloat16", 16), DType("float64", 64, c="double")
I8, I16 = DType("int8", 8, c="int8_t"), DType("int16", 16, c="int16_t")
I32, I64 = DType("int32", 32, c="int32_t"), DType("int64", 64, c="int64_t")
U8, U16 = DType("uint8", 8, False, "uint8_t"), DType("uint16", 16, False, "uint16_t")
U32, U64 = DType("uint32", 32, False, "uint32_t"), DType("uint64", 64, False, "uint64_t")
BOOL = DType("bool", 8, False, "uint8_t")
STRING = DType("string", 8)

FLOATS = (F16, BF16, F64)
"""Floats that are not computed with; a network of them has its like in float32."""

_ALL = (F32, F16, BF16, F64, I8, I16, I32, I64, U8, U16, U32, U64, BOOL, STRING)
_KNOWN = {one.name: one for one in _ALL}


def dtype_of(dtype: np.dtype[Any] | str) -> DType:
    """The element type of an array; numpy's "object" is ONNX's string."""
    kind = np.dtype(dtype)
    name = STRING.name if kind.kind in "OUS" else str(kind)
    return _KNOWN.get(name) or DType(name, 8 * kind.itemsize)


def as_wide_as(size: int) -> DType:
    """Returns a type of `size` bytes, to plan a network as if its elements had that size."""
    known = (one for one in (I8, I16, F32, F64) if one.bytes == size)
    return next(known, DType(f"{size} bytes", 8 * size))
