"""Which pixel of an input is the last that each pixel of the output needs.

    3x3 with pads of 1 on 4x4      padded: 6x6; output (0, 0) needs (2, 2), which is pixel 14

Said by the operator's nest, so by no list of operators. -1 stands for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from lowtide.backends.fifo.stream import Stream
from lowtide.ir.graph import Shape
from lowtide.ir.index import Index, IntArray, Var
from lowtide.ir.nest import Nest, Read

MOST_POINTS = 1 << 24

Pads = tuple[tuple[int, int], ...]
"""Pixels before and after, on each axis of a stream."""


class TooMany(Exception):
    """More places than can be looked at one by one."""


def pads_of(reads: Sequence[Read], stream: Stream) -> Pads:
    """How far beyond a stream its reads go: those pixels a layer of its own puts around it.

    Where numbers are spread out, as by a transposed convolution, nothing is put around.
    """
    if any(read.zero for read in reads):
        return ((0, 0),) * len(stream.axes)
    found = []
    for axis, extent in zip(stream.axes, stream.grid, strict=True):
        values = [_values(read.index[axis], ())[1] for read in reads]
        low, high = min(int(v.min()) for v in values), max(int(v.max()) for v in values)
        found.append((max(-low, 0), max(high + 1 - extent, 0)))
    return tuple(found)


def padded(grid: Shape, pads: Pads) -> Shape:
    """The grid of a stream with pads around it."""
    return tuple(n + before + after for n, (before, after) in zip(grid, pads, strict=True))


def direct(read: Read, stream: Stream, pads: Pads, nest: Nest, out: Stream) -> IntArray:
    """The last pixel of the padded input for each of the output, axis by axis."""
    grid = padded(stream.grid, pads)
    total, valid = np.zeros(out.grid, np.int64), np.ones(out.grid, np.bool_)
    for k, axis in enumerate(stream.axes):
        before = pads[k][0]
        variables, values = _values(read.index[axis], read.zero)
        values = np.where((values >= -before) & (values < grid[k] - before), values + before, -1)
        least = _over(variables, values, nest, out)
        total, valid = total + least * prod(grid[k + 1 :]), valid & (least >= 0)
    return np.where(valid, total, -1).reshape(-1)


def through(read: Read, numbers: IntArray, nest: Nest, out: Stream) -> IntArray:
    """The same where the operand is a view, whose elements have these pixel numbers."""
    variables = sorted({v for one in (*read.index, *read.zero) for v in one.variables}, key=_name)
    grid = _grid(variables)
    at, inside = [], np.asarray(True)
    for one, extent in zip(read.index, numbers.shape, strict=True):
        value = one.evaluate(grid)
        inside = inside & (value >= 0) & (value < extent)
        at.append(np.clip(value, 0, extent - 1))
    for zero in read.zero:
        inside = inside & (zero.evaluate(grid) == 0)
    shape = tuple(v.extent for v in variables)
    values = np.broadcast_to(np.where(inside, numbers[tuple(at)], -1), shape)
    return np.broadcast_to(_over(variables, values, nest, out), out.grid).reshape(-1)


def _values(index: Index, zeros: Sequence[Index]) -> tuple[list[Var], IntArray]:
    """All values of an index, an axis for each of its variables; -1 - huge where it is padding."""
    own = [zero for zero in zeros if zero.variables and zero.variables <= index.variables]
    variables = sorted(index.variables, key=_name)
    grid = _grid(variables)
    values = np.broadcast_to(index.evaluate(grid), tuple(v.extent for v in variables))
    for zero in own:
        values = np.where(zero.evaluate(grid) == 0, values, -(1 << 40))
    return variables, values


def _over(variables: Sequence[Var], values: IntArray, nest: Nest, out: Stream) -> IntArray:
    """The greatest value for each pixel of the output, to be broadcast over its grid."""
    streamed = {v: k for k, axis in enumerate(out.axes) for v in nest.axes[axis].variables}
    others = tuple(k for k, v in enumerate(variables) if v not in streamed)
    kept = [v for v in variables if v in streamed]
    values = values.max(axis=others) if others else values
    values = values.transpose(sorted(range(len(kept)), key=lambda k: streamed[kept[k]]))
    extents = {streamed[v]: v.extent for v in kept}
    return values.reshape([extents.get(k, 1) for k in range(len(out.axes))])


def _grid(variables: Sequence[Var]) -> dict[str, IntArray]:
    if prod(v.extent for v in variables) > MOST_POINTS:
        raise TooMany
    rank = len(variables)
    return {
        v.name: np.arange(v.extent, dtype=np.int64).reshape(
            [-1 if i == k else 1 for i in range(rank)]
        )
        for k, v in enumerate(variables)
    }


def _name(variable: Var) -> str:
    return variable.name
