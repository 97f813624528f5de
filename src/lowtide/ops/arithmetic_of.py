"""What a definition computes in: int32 where all that it reads and makes is whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import isinf

from lowtide.ir.dtype import F32, I32, I64, DType
from lowtide.ir.graph import STORED
from lowtide.ir.nest import Nest
from lowtide.ir.value import Call, FromTable, Number, Value, walk
from lowtide.ir.whole import functions


def in_whole_numbers(nest: Nest, read: Collection[DType], made: DType) -> Nest:
    """The nest in int32, where what it reads and makes is whole and int32 has its functions.

    `read` and `made` are the types. So what only moves or chooses elements needs no floats where
    there are none.
    """
    whole = bool(read) and all(dtype in STORED for dtype in read) and made in (*STORED, I64)
    if nest.arithmetic != F32 or not whole:
        return nest
    fits = all(_is_whole(part) for value in nest.values for part in walk(value))
    return replace(nest, arithmetic=I32) if fits else nest


def _is_whole(part: Value) -> bool:
    """Whether int32 has this part of a value, without what it is made of."""
    if isinstance(part, Call):
        return part.function in functions(I32)
    numbers = part.table if isinstance(part, FromTable) else ()
    numbers = (part.value,) if isinstance(part, Number) else numbers
    return all(isinf(number) or number == int(number) for number in numbers)
