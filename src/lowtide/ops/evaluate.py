"""The definition of an operator, evaluated: what it makes of constants, in float64 or int64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from lowtide.ir.dtype import F32
from lowtide.ir.functions import Function
from lowtide.ir.graph import Array
from lowtide.ir.index import IntArray, Var
from lowtide.ir.nest import Nest, Read
from lowtide.ir.value import Acc, Call, Chosen, FromIndex, FromTable, Load, Number, Value
from lowtide.ir.whole import LEAST, MOST, functions

MOST_POINTS = 1 << 22
"""Rounds of all loops together: a second or so."""

_AT_ONCE = 1 << 20

Grid = dict[str, IntArray]


def evaluate(
    nest: Nest,
    operands: Sequence[Array | None],
    most_points: int = MOST_POINTS,
    real: type[np.floating[Any]] = np.float64,
) -> Array | None:
    """The operator's result for its operands; None where it takes more than `most_points`.

    Floats are computed as `real`.
    """
    rounds = max((nest.rounds(k) for k in range(len(nest.reductions))), default=1)
    if prod(nest.shape) * rounds > most_points:
        return None
    if 0 in nest.shape:
        return np.zeros(nest.shape)
    held = [None if a is None else _number(a, nest, real) for a in operands]
    rows = max(nest.shape, default=1)
    axis = nest.shape.index(rows) if nest.shape else 0
    step = max(_AT_ONCE * rows // max(prod(nest.shape) * rounds, 1), 1)
    with np.errstate(all="ignore"):
        parts = [
            _Part(nest, held, real, axis, range(first, min(first + step, rows))).made()
            for first in range(0, rows, step)
        ]
    return np.concatenate(parts, axis) if nest.shape else parts[0]


def _number(value: Any, nest: Nest, real: type[np.floating[Any]]) -> Array:
    """Numbers as the nest computes with them; factors that are floats stay floats."""
    held = np.asarray(value)
    whole = nest.arithmetic != F32 and held.dtype.kind in "iub"
    return held.astype(np.int64 if whole else real)


@dataclass(frozen=True)
class _Part:
    """Some places of one axis of the result, all their elements at once."""

    nest: Nest
    operands: Sequence[Array | None]
    real: type[np.floating[Any]]
    axis: int
    rows: range

    def made(self) -> Array:
        whole = self.nest.shape
        shape = tuple(len(self.rows) if a == self.axis else n for a, n in enumerate(whole))
        grid: Grid = {}
        for a, (axis, extent) in enumerate(zip(self.nest.axes, self.nest.shape, strict=True)):
            places = np.asarray(self.rows) if a == self.axis else np.arange(extent)
            grid |= {v.name: _along(places, a, len(shape)) for v in axis.variables}
        accs: dict[int, Array] = {}
        for k in self.nest.within(None):
            accs[k] = self._reduced(k, grid, shape, accs)
        return np.broadcast_to(self._value(self.nest.finish, grid, accs, []), shape)

    def _reduced(
        self, number: int, grid: Grid, shape: tuple[int, ...], accs: Mapping[int, Array]
    ) -> Array:
        """start, then function(acc, rest) over the loops: all reductions have that form."""
        one = self.nest.reductions[number]
        start = np.broadcast_to(self._value(one.start, grid, accs, []), shape)
        wide, earlier, full = _widened(grid, accs, shape, one.loops)
        for k in self.nest.within(number):
            earlier[k] = self._reduced(k, wide, full, earlier)
        masks: list[Array] = []
        if isinstance(one.update, Call) and one.update.arguments[0] == Acc(number):
            if 0 in full:
                return start
            function = self._function(one.update.function)
            terms = self._value(one.update.arguments[1], wide, earlier, masks)
            terms = np.broadcast_to(_masked(terms, masks, function.neutral), full)
            ufunc = function.numpy
            assert isinstance(ufunc, np.ufunc)
            terms = terms.reshape(*shape, -1)
            if terms.dtype == np.float32:  # in the order of loops, as programs do it
                every = np.concatenate([start[..., None], terms], -1)
                return np.asarray(ufunc.accumulate(every, axis=-1)[..., -1])
            return np.asarray(ufunc(start, ufunc.reduce(terms, axis=-1)))
        assert not one.loops
        return _masked(self._value(one.update, wide, earlier, masks), masks, start)

    def _function(self, name: str) -> Function:
        return functions(self.nest.arithmetic)[name]

    def _number(self, value: Any) -> Array:
        if self.nest.arithmetic == F32:
            return np.asarray(value, self.real)
        return np.asarray(np.clip(value, LEAST, MOST), np.int64)

    def _value(
        self, value: Value, grid: Grid, accs: Mapping[int, Array], masks: list[Array]
    ) -> Array:
        if isinstance(value, Number):
            return self._number(value.value)
        if isinstance(value, Acc):
            return accs[value.reduction]
        if isinstance(value, FromIndex):
            return self._number(value.index.evaluate(grid))
        if isinstance(value, FromTable):
            return self._number(value.table)[value.index.evaluate(grid)]
        if isinstance(value, Load):
            return self._read(self.nest.reads[value.read], grid, masks)
        if isinstance(value, Chosen):
            at = self._value(value.at, grid, accs, masks)
            kind = self.real if self.nest.arithmetic == F32 else None
            return np.asarray(value.table, kind)[at.astype(np.int64) - value.first]
        parts = [self._value(a, grid, accs, masks) for a in value.arguments]
        return self._number(self._function(value.function).numpy(*parts))

    def _read(self, read: Read, grid: Grid, masks: list[Array]) -> Array:
        array = self.operands[read.operand]
        assert array is not None
        index, exists = [], np.asarray(True)
        for zero in read.zero:
            exists = exists & (zero.evaluate(grid) == 0)
        for one, extent in zip(read.index, array.shape, strict=True):
            at = one.evaluate(grid)
            exists = exists & (at >= 0) & (at < extent)
            index.append(np.clip(at, 0, max(extent - 1, 0)))
        if not exists.all():
            masks.append(exists)
        if not array.size:  # all is padding
            return np.zeros(exists.shape)
        return np.asarray(array[tuple(index)])


def _widened(
    grid: Grid, accs: Mapping[int, Array], shape: tuple[int, ...], loops: Sequence[Var]
) -> tuple[Grid, dict[int, Array], tuple[int, ...]]:
    """Variables and accumulators with an axis more for each loop."""
    rank, extra = len(shape), (1,) * len(loops)
    wide = {name: v.reshape(v.shape + extra) if v.ndim else v for name, v in grid.items()}
    for i, loop in enumerate(loops):
        wide[loop.name] = _along(np.arange(loop.extent), rank + i, rank + len(loops))
    earlier = {k: np.asarray(a).reshape(np.shape(a) + extra) for k, a in accs.items()}
    return wide, earlier, (*shape, *(loop.extent for loop in loops))


def _masked(value: Array, masks: list[Array], otherwise: Any) -> Array:
    """The value where every read exists; `otherwise` is what stands for padding."""
    for mask in masks:
        value = np.where(mask, value, otherwise)
    return np.asarray(value)


def _along(values: IntArray, axis: int, rank: int) -> IntArray:
    return values.reshape([-1 if a == axis else 1 for a in range(rank)])
