"""Views: a tensor that is another one seen differently. A view owns nothing and moves nothing.

    Permute   output axis a is input axis order[a]                       Transpose
    Reshape   the same elements, row-major, with other axes              Reshape Flatten Squeeze
    Slice     output index i on an axis is input index start + i*step    Slice Split Gather

Each view answers three questions: which input element an output element is (`index`), whether it
is still a strided view of memory (`strides`), and, if it keeps every element, how its input lies
when its output is wanted somewhere (`inverse`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, ravel, unravel


@dataclass(frozen=True)
class Strided:
    """How a tensor lies: element (i, j, ...) is element offset + i*strides[0] + j*strides[1] + ...

    All count elements, from the first of the storage.
    """

    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0

    def at(self, index: Sequence[Index]) -> Index:
        """The position of the element at `index`, as one expression."""
        total = Index(constant=self.offset)
        for one, stride in zip(index, self.strides, strict=True):
            total = total + one * stride
        return total

    @property
    def order(self) -> tuple[int, ...]:
        """The axes from the outermost in memory to the innermost; axes of extent 1 come first."""
        axes = range(len(self.shape))
        return tuple(sorted(axes, key=lambda a: (self.shape[a] > 1, -self.strides[a], a)))

    @property
    def dense(self) -> bool:
        """Whether the elements fill one run of memory without gaps, each element once."""
        expected = 1
        for axis in reversed(self.order):
            if self.shape[axis] > 1:
                if self.strides[axis] != expected:
                    return False
                expected *= self.shape[axis]
        return True


def contiguous(shape: Shape, order: Sequence[int]) -> Strided:
    """Returns a tensor without gaps whose axes lie in memory in `order`, outermost first."""
    strides = [0] * len(shape)
    step = 1
    for axis in reversed(order):
        strides[axis] = step
        step *= shape[axis]
    return Strided(shape, tuple(strides))


@dataclass(frozen=True)
class Permute:
    """Output axis a is input axis order[a]."""

    order: tuple[int, ...]

    def shape(self, of: Shape) -> Shape:
        return tuple(of[a] for a in self.order)

    def index(self, axes: Sequence[Index], of: Shape) -> tuple[Index, ...]:
        return tuple(axes[self.order.index(a)] for a in range(len(of)))

    def strides(self, of: Strided) -> Strided | None:
        strides = tuple(of.strides[a] for a in self.order)
        return Strided(self.shape(of.shape), strides, of.offset)

    def inverse(self, out: Strided, of: Shape) -> Strided | None:
        back = Permute(tuple(self.order.index(a) for a in range(len(of))))
        return back.strides(out)


@dataclass(frozen=True)
class Reshape:
    """The same elements in row-major order, with the axes `to`."""

    to: Shape

    def shape(self, of: Shape) -> Shape:
        return self.to

    def index(self, axes: Sequence[Index], of: Shape) -> tuple[Index, ...]:
        return unravel(ravel(axes, self.to), of)

    def strides(self, of: Strided) -> Strided | None:
        return _reshaped(of, self.to)

    def inverse(self, out: Strided, of: Shape) -> Strided | None:
        return _reshaped(out, of)


@dataclass(frozen=True)
class Slice:
    """Output index i on each axis is input index starts[axis] + i * steps[axis]."""

    starts: tuple[int, ...]
    steps: tuple[int, ...]
    to: Shape

    def shape(self, of: Shape) -> Shape:
        return self.to

    def index(self, axes: Sequence[Index], of: Shape) -> tuple[Index, ...]:
        rows = zip(axes, self.starts, self.steps, strict=True)
        return tuple(axis * step + start for axis, start, step in rows)

    def strides(self, of: Strided) -> Strided | None:
        offset = of.offset + sum(s * f for s, f in zip(of.strides, self.starts, strict=True))
        strides = tuple(s * t for s, t in zip(of.strides, self.steps, strict=True))
        return Strided(self.to, strides, offset)

    def inverse(self, out: Strided, of: Shape) -> Strided | None:
        return None


View = Permute | Reshape | Slice


def _reshaped(of: Strided, to: Shape) -> Strided | None:
    """The strides of `of` seen with other axes, or None where that takes a copy.

    Both shapes are walked together in groups of equal product, as numpy does:

        (6, 4, 5) -> (2, 3, 20)      groups (6) -> (2, 3) and (4, 5) -> (20), the second needs
                                     strides[1] == 5 * strides[2]
    """
    old = [(n, s) for n, s in zip(of.shape, of.strides, strict=True) if n != 1]
    strides: list[int] = []
    wanted = list(to)
    while wanted:
        if wanted[0] == 1:
            strides.append(0)
            wanted.pop(0)
            continue
        group, size = [old.pop(0)], 1
        count = 0
        while True:
            have = prod(n for n, _ in group)
            if size < have:
                size *= wanted[count]
                count += 1
            elif size > have:
                group.append(old.pop(0))
            else:
                break
        if any(a[1] != b[0] * b[1] for a, b in zip(group, group[1:], strict=False)):
            return None
        strides += row_major_strides(wanted[:count], group[-1][1])
        del wanted[:count]
    return Strided(to, tuple(strides), of.offset)


def row_major_strides(shape: Sequence[int], innermost: int) -> list[int]:
    """Row-major strides of `shape` where neighbours along the last axis are `innermost` apart."""
    strides: list[int] = []
    for extent in reversed(shape):
        strides.insert(0, innermost)
        innermost *= extent
    return strides
