"""What an operator's loops compute, as values: constants, what is loaded, functions of values.

`nest.py` has the loops around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from zlib import crc32

import numpy as np

from lowtide.ir.graph import Array
from lowtide.ir.index import Index


@dataclass(frozen=True)
class Number:
    """A float constant."""

    value: float


@dataclass(frozen=True)
class Load:
    """The element that read number `read` of the nest gives."""

    read: int


@dataclass(frozen=True)
class Acc:
    """The result of reduction number `reduction`; inside that reduction, its running value."""

    reduction: int


@dataclass(frozen=True)
class FromIndex:
    """The value of an index expression as a float (the size of a pooling window, say)."""

    index: Index


@dataclass(frozen=True)
class FromTable:
    """table[index], as in the weights of an interpolation; `index` never leaves the table."""

    table: tuple[float, ...]
    index: Index

    @cached_property
    def name(self) -> str:
        """The name of the table in C; tables of the same values share a name."""
        return f"weights_{crc32(repr(self.table).encode()):08x}"


@dataclass(frozen=True)
class Chosen:
    """table[at - first]: one of a few numbers, by a value that never leaves the table.

    So a function of 8 bits is 256 numbers: whole ones, or in float32.
    """

    table: tuple[float, ...]
    first: int
    at: Value

    @cached_property
    def name(self) -> str:
        """The name of the table in C; tables of the same values share a name."""
        return f"table_{crc32(repr(self.table).encode()):08x}"

    @cached_property
    def array(self) -> Array:
        """The table as it is stored, in the smallest type that has its numbers."""
        return smallest(self.table)


@dataclass(frozen=True)
class Call:
    """A scalar function, by its name in `functions.py`, of values."""

    function: str
    arguments: tuple[Value, ...]


Value = Number | Load | Acc | FromIndex | FromTable | Chosen | Call


def smallest(numbers: Sequence[float]) -> Array:
    """Whole numbers in the smallest type that has them all, others in float32."""
    if not all(number == int(number) for number in numbers):
        return np.asarray(numbers, np.float32)
    for kind in (np.int8, np.uint8, np.int16, np.uint16):
        if np.iinfo(kind).min <= min(numbers) and max(numbers) <= np.iinfo(kind).max:
            return np.asarray(numbers, kind)
    return np.asarray(numbers, np.int32)


def call(function: str, *arguments: Value | float) -> Value:
    """`function` applied to values; plain floats become constants."""
    values = (Number(float(a)) if isinstance(a, float | int) else a for a in arguments)
    return Call(function, tuple(values))


IN_A_ROW = 16
"""Operands that are taken one after the other."""


def together(function: str, values: Sequence[Value]) -> Value:
    """All values in one: ((a b) c) d, as onnxruntime does it, or in pairs of pairs if many.

    So a value is never as deep as an operator has operands.
    """
    left = list(values)
    while len(left) > IN_A_ROW:
        pairs = [call(function, a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
        left = pairs + left[2 * len(pairs) :]
    return reduce(lambda a, b: call(function, a, b), left)


def walk(value: Value) -> Iterator[Value]:
    """Yields a value and all values that it is made of."""
    yield value
    if isinstance(value, Call):
        for argument in value.arguments:
            yield from walk(argument)
    if isinstance(value, Chosen):
        yield from walk(value.at)


def rebuild(value: Value, change: Callable[[Value], Value]) -> Value:
    """Returns the value with `change` applied to each of its parts, leaves first."""
    if isinstance(value, Call):
        value = Call(value.function, tuple(rebuild(a, change) for a in value.arguments))
    if isinstance(value, Chosen):
        value = Chosen(value.table, value.first, rebuild(value.at, change))
    return change(value)


def loads(value: Value) -> frozenset[int]:
    """The numbers of the reads that a value uses."""
    return frozenset(v.read for v in walk(value) if isinstance(v, Load))
