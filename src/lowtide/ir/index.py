"""Quasi-affine index expressions: sums, products with constants, //, % and tables.

An expression knows the range of its variables, so it simplifies itself:

    (y*512 + x*16 + c) // 512   with x < 32, c < 16    ->   y
    (y*512 + x*16 + c) %  512                          ->   x*16 + c

It can be bounded, evaluated on numpy arrays and printed as C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

IntArray = np.ndarray[Any, np.dtype[np.int64]]
Bounds = tuple[int, int]


@dataclass(frozen=True)
class Var:
    """A loop variable: 0 <= var < extent."""

    name: str
    extent: int

    @property
    def bounds(self) -> Bounds:
        return 0, max(self.extent - 1, 0)

    def variables(self) -> frozenset[Var]:
        return frozenset((self,))

    def evaluate(self, at: Mapping[str, IntArray]) -> IntArray:
        return at[self.name]

    def substitute(self, by: Mapping[str, Index]) -> Index:
        return by.get(self.name, Index(((self, 1),)))

    def c(self) -> str:
        return self.name


@dataclass(frozen=True)
class Div:
    """floor(of / by), by > 0."""

    of: Index
    by: int

    @property
    def bounds(self) -> Bounds:
        low, high = self.of.bounds
        return low // self.by, high // self.by

    def variables(self) -> frozenset[Var]:
        return self.of.variables

    def evaluate(self, at: Mapping[str, IntArray]) -> IntArray:
        return self.of.evaluate(at) // self.by

    def substitute(self, by: Mapping[str, Index]) -> Index:
        return self.of.substitute(by) // self.by

    def c(self) -> str:
        # C truncates towards zero: shift a possibly negative numerator up by whole multiples.
        shift = -(min(self.of.bounds[0], 0) // self.by)
        inner = self.of + shift * self.by
        return f"({inner.c()}) / {self.by}" + (f" - {shift}" if shift else "")


@dataclass(frozen=True)
class Mod:
    """of - by * floor(of / by), by > 0."""

    of: Index
    by: int

    @property
    def bounds(self) -> Bounds:
        return 0, self.by - 1

    def variables(self) -> frozenset[Var]:
        return self.of.variables

    def evaluate(self, at: Mapping[str, IntArray]) -> IntArray:
        return self.of.evaluate(at) % self.by

    def substitute(self, by: Mapping[str, Index]) -> Index:
        return self.of.substitute(by) % self.by

    def c(self) -> str:
        shift = -(min(self.of.bounds[0], 0) // self.by)
        return f"({(self.of + shift * self.by).c()}) % {self.by}"


@dataclass(frozen=True)
class Lookup:
    """table[of]; `of` stays inside the table."""

    table: tuple[int, ...]
    of: Index

    @property
    def bounds(self) -> Bounds:
        return min(self.table), max(self.table)

    def variables(self) -> frozenset[Var]:
        return self.of.variables

    def evaluate(self, at: Mapping[str, IntArray]) -> IntArray:
        return np.asarray(self.table, np.int64)[self.of.evaluate(at)]

    def substitute(self, by: Mapping[str, Index]) -> Index:
        return lookup(self.table, self.of.substitute(by))

    @cached_property
    def name(self) -> str:
        """The name of the table in C: the same values have the same name."""
        return f"table_{crc32(repr(self.table).encode()):08x}"

    def c(self) -> str:
        return f"{self.name}[{self.of.c()}]"


Atom = Var | Div | Mod | Lookup


@dataclass(frozen=True, eq=False)
class Index:
    """constant + sum of coefficient * atom; atoms are distinct and coefficients not zero.

    Sums that differ in the order of their terms alone are equal.
    """

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Index):
            return NotImplemented
        return self.constant == other.constant and (
            self.terms == other.terms or self._unordered == other._unordered
        )

    def __hash__(self) -> int:
        return hash((self._unordered, self.constant))

    @cached_property
    def _unordered(self) -> frozenset[tuple[Atom, int]]:
        return frozenset(self.terms)

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.terms, self.constant + other)
        total: dict[Atom, int] = dict(self.terms)
        for atom, factor in other.terms:
            total[atom] = total.get(atom, 0) + factor
        kept = tuple((atom, factor) for atom, factor in total.items() if factor)
        return Index(kept, self.constant + other.constant)

    def __sub__(self, other: Index | int) -> Index:
        return self + other * -1

    def __mul__(self, factor: int) -> Index:
        if factor == 0:
            return Index()
        return Index(tuple((a, f * factor) for a, f in self.terms), self.constant * factor)

    __radd__ = __add__
    __rmul__ = __mul__

    def _split(self, by: int) -> tuple[Index, Index]:
        """(quotient, rest) with self == quotient * by + rest, the quotient large."""
        whole = tuple((a, f // by) for a, f in self.terms if f % by == 0)
        rest = tuple((a, f) for a, f in self.terms if f % by)
        return Index(whole, self.constant // by), Index(rest, self.constant % by)

    def __floordiv__(self, by: int) -> Index:
        quotient, rest = self._split(by)
        low, high = rest.bounds
        if low // by == high // by:
            return quotient + low // by
        return quotient + Index(((Div(rest, by), 1),))

    def __mod__(self, by: int) -> Index:
        rest = self._split(by)[1]
        low, high = rest.bounds
        if low // by == high // by:
            return rest - low // by * by
        return Index(((Mod(rest, by), 1),))

    @cached_property
    def bounds(self) -> Bounds:
        """The least and the greatest value, both inclusive; perhaps too wide, never too narrow."""
        low = high = self.constant
        for atom, factor in self.terms:
            ends = sorted(factor * end for end in atom.bounds)
            low, high = low + ends[0], high + ends[1]
        return low, high

    @cached_property
    def variables(self) -> frozenset[Var]:
        """The loop variables it depends on."""
        found: frozenset[Var] = frozenset()
        return found.union(*(atom.variables() for atom, _ in self.terms))

    def lookups(self) -> Iterable[Lookup]:
        """The tables that it needs, inner ones first."""
        for atom, _ in self.terms:
            if not isinstance(atom, Var):
                yield from atom.of.lookups()
            if isinstance(atom, Lookup):
                yield atom

    def evaluate(self, at: Mapping[str, IntArray]) -> IntArray:
        """Its value where each variable has the value at[its name]; arrays broadcast."""
        total = np.asarray(self.constant, np.int64)
        for atom, factor in self.terms:
            total = total + factor * atom.evaluate(at)
        return total

    def substitute(self, by: Mapping[str, Index]) -> Index:
        """The same expression with the variables named in `by` replaced."""
        total = Index(constant=self.constant)
        for atom, factor in self.terms:
            total = total + atom.substitute(by) * factor
        return total

    def c(self) -> str:
        """C99 text; sums are not bracketed."""
        text = ""
        for atom, factor in self.terms:
            one = atom.c()
            if abs(factor) != 1:
                one = f"{one if isinstance(atom, Var | Lookup) else f'({one})'} * {abs(factor)}"
            elif factor < 0 and not isinstance(atom, Var | Lookup):
                one = f"({one})"
            sign = " - " if factor < 0 else " + "
            text += sign + one if text else ("-" if factor < 0 else "") + one
        if self.constant or not text:
            sign = " - " if self.constant < 0 else " + "
            text = text + sign + str(abs(self.constant)) if text else str(self.constant)
        return text


def var(name: str, extent: int) -> Index:
    """A loop variable as an expression; one of extent 1 is the constant 0."""
    return Index(((Var(name, extent), 1),)) if extent > 1 else Index()


def index_of(variable: Var) -> Index:
    """A loop variable as an expression."""
    return var(variable.name, variable.extent)


def number(value: int) -> Index:
    """A constant as an expression."""
    return Index(constant=value)


def lookup(table: Sequence[int], of: Index) -> Index:
    """The expression table[of]; written as floor(of * a / b) + c where the table is such a line."""
    values = tuple(int(v) for v in table)
    steps = {b - a for a, b in zip(values, values[1:], strict=False)}
    if len(steps) <= 1:
        return of * (steps.pop() if steps else 0) + values[0]
    run = next((i for i, v in enumerate(values) if v != values[0]), len(values))
    if all(v == values[0] + i // run for i, v in enumerate(values)):
        return of // run + values[0]
    return Index(((Lookup(values, of), 1),))


def ravel(index: Sequence[Index], shape: Sequence[int]) -> Index:
    """The position of an element in row-major order."""
    flat = Index()
    for one, extent in zip(index, shape, strict=True):
        flat = flat * extent + one
    return flat


def unravel(flat: Index, shape: Sequence[int]) -> tuple[Index, ...]:
    """The indices of the element at a row-major position."""
    index: list[Index] = []
    for extent in reversed(shape):
        index.append(flat % extent)
        flat = flat // extent
    return tuple(reversed(index))
