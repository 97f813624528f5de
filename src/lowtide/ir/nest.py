"""The definition of an operator: a loop nest over its output's elements.

    for each output element (n, c, y, x):
        for each reduction:  acc = start
                             for its loops:  acc = update(acc, loads), skipped at padding
        out[n, c, y, x] = finish(accs, loads)

Everything else follows from it: which rows a row needs, multiply-adds, the C loops, the numpy
evaluation. `Read.index` is quasi-affine (`index.py`); an index outside the operand is padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from zlib import crc32

from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, Var, number, var


@dataclass(frozen=True)
class Number:
    """A float constant."""

    value: float


@dataclass(frozen=True)
class Load:
    """The element that `Nest.reads[read]` points at."""

    read: int


@dataclass(frozen=True)
class Acc:
    """The result of `Nest.reductions[reduction]` (its running value inside that reduction)."""

    reduction: int


@dataclass(frozen=True)
class FromIndex:
    """An index expression as a float (a pooling window's size, say)."""

    index: Index


@dataclass(frozen=True)
class FromTable:
    """table[index] (the weights of an interpolation, say); `index` stays inside the table."""

    table: tuple[float, ...]
    index: Index

    @cached_property
    def name(self) -> str:
        """The name of the table in C: the same values have the same name."""
        return f"weights_{crc32(repr(self.table).encode()):08x}"


@dataclass(frozen=True)
class Call:
    """A scalar function (`functions.py`) of values."""

    function: str
    arguments: tuple[Value, ...]


Value = Number | Load | Acc | FromIndex | FromTable | Call


def call(function: str, *arguments: Value | float) -> Value:
    """`function` applied to values; plain floats become constants."""
    values = (Number(float(a)) if isinstance(a, float | int) else a for a in arguments)
    return Call(function, tuple(values))


@dataclass(frozen=True)
class Read:
    """One operand's element, as a function of the loop variables.

    `index` has one expression for each axis of operand number `operand`. Where an index falls
    outside the operand, or an expression of `zero` is not 0, the element is padding.
    """

    operand: int
    index: tuple[Index, ...]
    zero: tuple[Index, ...] = ()


IMAGE_INDICES = ("in", "ic", "h", "w")


@dataclass(frozen=True)
class BoundedRead:
    """A read with its padding made explicit: `index` never leaves the operand.

    Where an index could, it is a new variable; `guards` says what it stands for. The element
    exists only where each guarded expression lies in 0 .. extent - 1 of its variable.
    """

    index: tuple[Index, ...]
    guards: tuple[tuple[Var, Index], ...]


def bound_inside(read: Read, shape: Shape, suffix: str = "") -> BoundedRead:
    """Replaces each index that may leave `shape` by a guarded variable."""
    index, guards = [], []
    for axis, (one, extent) in enumerate(zip(read.index, shape, strict=True)):
        low, high = one.bounds
        if low < 0 or high >= extent:
            variable = Var(
                IMAGE_INDICES[axis] + suffix if len(shape) == 4 else f"at{axis}{suffix}",
                extent,
            )
            guards.append((variable, one))
            one = Index(((variable, 1),))
        index.append(one)
    return BoundedRead(tuple(index), tuple(guards))


@dataclass(frozen=True)
class Reduction:
    """Sums, maxima: `update` is applied over `loops`, the last loop fastest.

    With `inside` it is made anew in each round of that later reduction, which reads its result.
    """

    loops: tuple[Var, ...]
    start: Value
    update: Value
    inside: int | None = None


@dataclass(frozen=True)
class Nest:
    """One operator's definition. `axes` has one variable for each axis of the output."""

    shape: Shape
    axes: tuple[Index, ...]
    reads: tuple[Read, ...]
    reductions: tuple[Reduction, ...]
    finish: Value

    @property
    def macs(self) -> int:
        """Multiply-adds: products of two loads that are summed, padding included."""
        per_element = sum(
            self.rounds(k)
            for k, reduction in enumerate(self.reductions)
            if any(_is_product(value) for value in walk(reduction.update))
        )
        return prod(self.shape) * per_element

    def rounds(self, reduction: int) -> int:
        """How often a reduction is updated for one output element."""
        one = self.reductions[reduction]
        own = prod(loop.extent for loop in one.loops)
        return own if one.inside is None else own * self.rounds(one.inside)

    def within(self, reduction: int | None) -> list[int]:
        """The reductions that are made anew in each round of one (of the element, for None)."""
        return [k for k, one in enumerate(self.reductions) if one.inside == reduction]


def _is_product(value: Value) -> bool:
    """A product of two loads; a square is none."""
    if not isinstance(value, Call) or value.function != "mul":
        return False
    loaded = {a.read for a in value.arguments if isinstance(a, Load)}
    return len(loaded) == len(value.arguments)


def walk(value: Value) -> Iterator[Value]:
    """The value and everything it is made of."""
    yield value
    if isinstance(value, Call):
        for argument in value.arguments:
            yield from walk(argument)


def rebuild(value: Value, change: Callable[[Value], Value]) -> Value:
    """The value with `change` applied to each part, leaves first."""
    if isinstance(value, Call):
        value = Call(value.function, tuple(rebuild(a, change) for a in value.arguments))
    return change(value)


def loads(value: Value) -> frozenset[int]:
    """The reads that a value needs."""
    return frozenset(v.read for v in walk(value) if isinstance(v, Load))


AXIS_NAMES: dict[int, tuple[str, ...]] = {
    1: ("c",),
    2: ("n", "c"),
    3: ("n", "c", "x"),
    4: ("n", "c", "y", "x"),
    5: ("n", "c", "z", "y", "x"),
}


def axes_of(shape: Shape) -> tuple[Index, ...]:
    """One loop variable for each axis of an output, named as images name them."""
    names = AXIS_NAMES.get(len(shape), tuple(f"d{i}_" for i in range(len(shape))))
    return tuple(var(name, extent) for name, extent in zip(names, shape, strict=True))


def broadcast(axes: tuple[Index, ...], shape: Shape) -> tuple[Index, ...]:
    """Where an operand of `shape` is read to be broadcast (numpy's rule) over `axes`."""
    last = axes[len(axes) - len(shape) :]
    return tuple(
        number(0) if extent == 1 else axis for axis, extent in zip(last, shape, strict=True)
    )


def pointwise(shape: Shape, operands: tuple[tuple[int, Shape], ...], finish: Value) -> Nest:
    """The nest of an element-wise operator; `operands` are (number, shape), Load(i) the i-th."""
    axes = axes_of(shape)
    reads = tuple(Read(operand, broadcast(axes, extents)) for operand, extents in operands)
    return Nest(shape, axes, reads, (), finish)
