"""Regions: boxes of a tensor's elements, and the little algebra that cutting into tiles needs.

hull   the least box around two          meet    what two have in common
minus  the least box around what is in one and not in the other
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from lowtide.ir.graph import Shape
from lowtide.ir.index import Div, Index, Mod, Var

Span = tuple[int, int]
"""first .. end - 1 along one axis."""

Region = tuple[Span, ...]
"""One span for each axis of a tensor, none of them empty."""


def whole(shape: Shape) -> Region:
    """The region of all elements."""
    return tuple((0, extent) for extent in shape)


def shape_of(region: Region) -> Shape:
    """The shape of a region."""
    return tuple(end - first for first, end in region)


def elements(region: Region) -> int:
    """How many elements a region has."""
    return prod(end - first for first, end in region)


# Plain loops: a search asks for these millions of times.


def inside(a: Region, b: Region) -> bool:
    """Whether all of `a` lies in `b`."""
    for x, y in zip(a, b):  # noqa: B905, SIM110
        if x[0] < y[0] or x[1] > y[1]:
            return False
    return True


def hull(a: Region, b: Region) -> Region:
    """The smallest region that contains both."""
    pairs = zip(a, b, strict=True)
    return tuple((min(x[0], y[0]), max(x[1], y[1])) for x, y in pairs)


def meet(a: Region, b: Region) -> Region | None:
    """The region that two have in common; None if there is none."""
    both = []
    for x, y in zip(a, b):  # noqa: B905
        first = x[0] if x[0] > y[0] else y[0]
        end = x[1] if x[1] < y[1] else y[1]
        if first >= end:
            return None
        both.append((first, end))
    return tuple(both)


def minus(a: Region, b: Region) -> Region | None:
    """The smallest region that contains all of `a` that is not in `b`; None if nothing is left."""
    open_axes = [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if x[0] < y[0] or y[1] < x[1]]
    if not open_axes:
        return None
    if len(open_axes) > 1:
        return a
    axis = open_axes[0]
    (first, end), (low, high) = a[axis], b[axis]
    if low <= first:
        first = max(first, high) if high < end else first
    elif high >= end:
        end = min(end, low) if low > first else end
    return with_span(a, axis, (first, end))


def with_span(region: Region, axis: int, span: Span) -> Region:
    """The region with another range along one axis."""
    return (*region[:axis], span, *region[axis + 1 :])


def bounds_within(index: Index, ranges: Mapping[str, Span]) -> Span:
    """The range of an expression, first to end - 1, when its variables lie in `ranges`.

    A variable that `ranges` does not name takes all its values. The range may be too wide, never
    too narrow.
    """
    low = high = index.constant
    for atom, factor in index.terms:
        first, last = _atom_within(atom, ranges)
        low += min(factor * first, factor * last)
        high += max(factor * first, factor * last)
    return low, high + 1


def _atom_within(atom: object, ranges: Mapping[str, Span]) -> tuple[int, int]:
    """The least and the greatest value, both inclusive."""
    if isinstance(atom, Var):
        first, end = ranges.get(atom.name, (0, max(atom.extent, 1)))
        return first, end - 1
    first, end = bounds_within(atom.of, ranges)  # type: ignore[attr-defined]
    last = end - 1
    if isinstance(atom, Div):
        return first // atom.by, last // atom.by
    if isinstance(atom, Mod):
        same = first // atom.by == last // atom.by
        return (first % atom.by, last % atom.by) if same else (0, atom.by - 1)
    table = atom.table[first : last + 1]  # type: ignore[attr-defined]
    return min(table), max(table)
