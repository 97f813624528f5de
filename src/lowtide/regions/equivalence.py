"""Whether one definition is another one's region, element for element."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lowtide.ir.graph import Graph
from lowtide.ir.index import Index, IntArray, Var
from lowtide.ir.nest import Nest, Read
from lowtide.ir.value import Call, Chosen, FromIndex, FromTable, Value, walk
from lowtide.ops.definition import Definition
from lowtide.regions.footprint import ranges_of
from lowtide.regions.region import Region, Span, shape_of


def is_moved(
    old: Definition, new: Definition, region: Region, parts: Mapping[str, Region], graph: Graph
) -> bool:
    """Whether `new` makes just `region` of what `old` makes, reading only `parts` of its operands.

    Everything that the indices say is compared, at all values of their variables: each read must
    find the same element or padding in both, and what depends on the position (how many pixels a
    mean is of) must be the same.
    """
    a, b = old.nest, new.nest
    if old.operands != new.operands or b.shape != shape_of(region):
        return False
    if len(a.reads) != len(b.reads) or len(a.reductions) != len(b.reductions):
        return False
    ranges = ranges_of(a, region)
    for x, y in zip(a.reads, b.reads, strict=True):
        name = old.operands[x.operand]
        if not _same_read(x, y, ranges, parts[name], graph.shape(name)):
            return False
    return all(_same_value(x, y, ranges) for x, y in _values(a, b))


def _same_read(
    old: Read, new: Read, ranges: Mapping[str, Span], part: Region, shape: tuple[int, ...]
) -> bool:
    if old.operand != new.operand or len(old.zero) != len(new.zero):
        return False
    for x, y in zip(old.zero, new.zero, strict=True):
        one, other = _evaluated(x, y, ranges)
        if not np.array_equal(one == 0, other == 0):
            return False
    for x, y, (first, end), size in zip(old.index, new.index, part, shape, strict=True):
        one, other = _evaluated(x, y, ranges)
        there = (one >= 0) & (one < size)
        if not np.array_equal(one, other + first):
            return False
        if not np.array_equal(there, (one >= first) & (one < end)):
            return False
    return True


def _values(old: Nest, new: Nest) -> list[tuple[Value, Value]]:
    """The pairs of what is computed: what comes out, and each reduction's start and update."""
    return list(zip(old.values, new.values, strict=True))


def _same_value(old: Value, new: Value, ranges: Mapping[str, Span]) -> bool:
    one, other = list(walk(old)), list(walk(new))
    return len(one) == len(other) and all(
        _same_part(a, b, ranges) for a, b in zip(one, other, strict=True)
    )


def _same_part(old: Value, new: Value, ranges: Mapping[str, Span]) -> bool:
    """One value without what it is made of, which comes by itself."""
    if isinstance(old, FromIndex) and isinstance(new, FromIndex):
        return np.array_equal(*_evaluated(old.index, new.index, ranges))
    if isinstance(old, FromTable) and isinstance(new, FromTable):
        at = _evaluated(old.index, new.index, ranges)
        return np.array_equal(np.take(old.table, at[0]), np.take(new.table, at[1]))
    if isinstance(old, Call) and isinstance(new, Call):
        return old.function == new.function
    if isinstance(old, Chosen) and isinstance(new, Chosen):
        return (old.table, old.first) == (new.table, new.first)
    return old == new


def _evaluated(old: Index, new: Index, ranges: Mapping[str, Span]) -> tuple[IntArray, IntArray]:
    """Both expressions at all values of their variables, the old one at its place in the whole."""
    variables: dict[str, Var] = {v.name: v for v in (*new.variables, *old.variables)}
    at_old: dict[str, IntArray] = {}
    at_new: dict[str, IntArray] = {}
    for k, name in enumerate(sorted(variables)):
        first, end = ranges.get(name, (0, variables[name].extent))
        values = np.arange(end - first, dtype=np.int64)
        values = values.reshape([-1 if j == k else 1 for j in range(len(variables))])
        at_new[name], at_old[name] = values, values + first
    one, other = np.broadcast_arrays(old.evaluate(at_old), new.evaluate(at_new))
    return one, other
