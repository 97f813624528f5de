"""Streams: a tensor as pixels that come one after the other, all channels of a place at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from lowtide.ir.graph import Shape
from lowtide.ir.index import IntArray
from lowtide.ir.view import Permute, Reshape, View
from lowtide.layout.memory_order import Axes, channels_last


@dataclass(frozen=True)
class Stream:
    """The axes of a tensor of `shape`, outermost first; a pixel is all of the innermost one."""

    shape: Shape
    order: Axes

    @property
    def axes(self) -> Axes:
        """The axes that count pixels."""
        return self.order[:-1]

    @property
    def grid(self) -> Shape:
        """Their extents."""
        return tuple(self.shape[axis] for axis in self.axes)

    @property
    def pixels(self) -> int:
        return prod(self.grid)

    @property
    def outer(self) -> int:
        """Where in the grid rows are counted: the outermost axis of more than one."""
        return next((k for k, extent in enumerate(self.grid) if extent > 1), 0)

    @property
    def elements(self) -> int:
        """Those of a pixel."""
        return prod(self.shape) // self.pixels

    @property
    def strides(self) -> tuple[int, ...]:
        """By how many pixels neighbours on each of `axes` are apart."""
        return tuple(prod(self.grid[k + 1 :]) for k in range(len(self.grid)))

    def numbers(self) -> IntArray:
        """Of each element, the number of its pixel."""
        total = np.zeros((1,) * len(self.shape), np.int64)
        for axis, stride in zip(self.axes, self.strides, strict=True):
            at = [1] * len(self.shape)
            at[axis] = self.shape[axis]
            total = total + np.arange(self.shape[axis], dtype=np.int64).reshape(at) * stride
        return np.broadcast_to(total, self.shape)

    def last(self, needed: IntArray) -> IntArray:
        """The greatest number among the elements of each pixel, of one number an element."""
        found: IntArray = needed.transpose(self.order).reshape(self.pixels, -1).max(axis=1)
        return found


def stream_of(shape: Shape, order: Axes) -> Stream:
    """The stream of a tensor whose axes lie in `order`; an image of one channel has pixels too."""
    if len(shape) > 2 and shape[1] == 1:
        order = channels_last(len(shape))
    return Stream(shape, order)


def seen(numbers: IntArray, chain: Sequence[View]) -> IntArray:
    """Pixel numbers of a tensor, seen through views."""
    for view in chain:
        if isinstance(view, Permute):
            numbers = numbers.transpose(view.order)
        elif isinstance(view, Reshape):
            numbers = numbers.reshape(view.to)
        else:
            rows = zip(view.starts, view.steps, view.to, strict=True)
            taken = (start + step * np.arange(extent) for start, step, extent in rows)
            numbers = numbers[np.ix_(*taken)]
    return numbers
