"""The definition of an operator: a loop nest over its output's elements.

    for each output element (n, c, y, x):
        for each reduction:  acc = start
                             for its loops:  acc = update(acc, loads), skipped at padding
        out[n, c, y, x] = finish(accs, loads)

Everything else follows from it: which rows a row needs, multiply-adds, the C loops, the numpy
evaluation. `Read.index` is quasi-affine (`index.py`); an index outside the operand is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lowtide.ir.dtype import F32, DType
from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, Var, number, var
from lowtide.ir.value import Call, Load, Number, Value, loads, walk


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
    """Makes the padding of a read explicit.

    Each index that may leave an operand of `shape` is replaced by a guarded variable whose name
    ends in `suffix`.
    """
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
    """An accumulator: it begins with `start`; `update` is applied over `loops`, the last fastest.

    If `inside` is set, it is computed anew in each round of that later reduction, which reads its
    result.
    """

    loops: tuple[Var, ...]
    start: Value
    update: Value
    inside: int | None = None


@dataclass(frozen=True)
class Nest:
    """The definition of one operator; `axes` has one variable for each axis of the output.

    `shape` is the output's. `reads` are the elements loaded, `reductions` the accumulators, and
    `finish` is the value stored. `arithmetic` is float32, and what is loaded becomes a float; or
    int32: numbers, indices and accumulators are int32, and what is loaded is as it is.
    """

    shape: Shape
    axes: tuple[Index, ...]
    reads: tuple[Read, ...]
    reductions: tuple[Reduction, ...]
    finish: Value
    arithmetic: DType = F32

    @property
    def values(self) -> tuple[Value, ...]:
        """All that is computed: what is stored, and each reduction's start and update."""
        return (self.finish, *(v for one in self.reductions for v in (one.start, one.update)))

    @property
    def macs(self) -> int:
        """Multiply-adds of the whole output: summed products of two loads, padding counted."""
        per_element = sum(
            self.rounds(k)
            for k, reduction in enumerate(self.reductions)
            if any(_is_product(value) for value in walk(reduction.update))
        )
        return prod(self.shape) * per_element

    @property
    def factors(self) -> frozenset[int]:
        """The operands whose products with others are summed: activations and weights."""
        updates = (value for one in self.reductions for value in walk(one.update))
        products = (loads(value) for value in updates if _is_product(value))
        return frozenset(self.reads[k].operand for both in products for k in both)

    def rounds(self, reduction: int) -> int:
        """How many times a reduction is updated for one output element."""
        one = self.reductions[reduction]
        own = prod(loop.extent for loop in one.loops)
        return own if one.inside is None else own * self.rounds(one.inside)

    def within(self, reduction: int | None) -> list[int]:
        """The reductions computed anew in each round of `reduction`; None: for each element."""
        return [k for k, one in enumerate(self.reductions) if one.inside == reduction]


def _is_product(value: Value) -> bool:
    """A product of two loads, perhaps above a zero point each; a square is none."""
    if not isinstance(value, Call) or value.function != "mul":
        return False
    loaded = {a.read for a in map(_above, value.arguments) if isinstance(a, Load)}
    return len(loaded) == len(value.arguments)


def _above(value: Value) -> Value:
    """The x of x - number."""
    if (
        isinstance(value, Call)
        and value.function == "sub"
        and isinstance(value.arguments[1], Number)
    ):
        return value.arguments[0]
    return value


AXIS_NAMES: dict[int, tuple[str, ...]] = {
    1: ("c",),
    2: ("n", "c"),
    3: ("n", "c", "x"),
    4: ("n", "c", "y", "x"),
    5: ("n", "c", "z", "y", "x"),
}


def axes_of(shape: Shape) -> tuple[Index, ...]:
    """Returns a loop variable for each axis of an output of `shape`: n, c, y, x for images."""
    names = AXIS_NAMES.get(len(shape), tuple(f"d{i}_" for i in range(len(shape))))
    return tuple(var(name, extent) for name, extent in zip(names, shape, strict=True))


def broadcast(axes: tuple[Index, ...], shape: Shape) -> tuple[Index, ...]:
    """Returns where to read an operand of `shape` that is broadcast over `axes` by numpy's rule."""
    last = axes[len(axes) - len(shape) :]
    return tuple(
        number(0) if extent == 1 else axis for axis, extent in zip(last, shape, strict=True)
    )


def pointwise(shape: Shape, operands: tuple[tuple[int, Shape], ...], finish: Value) -> Nest:
    """Returns the nest of an element-wise operator with an output of `shape`.

    `operands` are pairs (operand number, shape); Load(i) in `finish` is the i-th of them.
    """
    axes = axes_of(shape)
    reads = tuple(Read(operand, broadcast(axes, extents)) for operand, extents in operands)
    return Nest(shape, axes, reads, (), finish)
