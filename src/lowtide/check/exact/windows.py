"""Sliding windows in numpy: a tap of a kernel is a strided view of the padded input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from lowtide.ir.graph import Array

Ints = Sequence[int] | None


@dataclass(frozen=True)
class Axis:
    """One spatial axis: output i reads i * stride + tap * dilation of the input with `before`."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    out: int

    @property
    def reach(self) -> int:
        """How much of the padded input the windows cover."""
        return (self.out - 1) * self.stride + (self.kernel - 1) * self.dilation + 1

    def taps(self, tap: int) -> slice:
        """Where in the padded input the tap of every output lies."""
        first = tap * self.dilation
        return slice(first, first + (self.out - 1) * self.stride + 1, self.stride)


def axes(
    sizes: Sequence[int], kernel: Sequence[int], strides: Ints, dilations: Ints, pads: Ints,
    auto_pad: str | None, ceil_mode: int | None = 0,
) -> list[Axis]:  # fmt: skip
    """The spatial axes as ONNX defines them."""
    rank = len(kernel)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    pads = pads or [0] * (2 * rank)
    found = []
    for a, (size, taps, stride, dilation) in enumerate(
        zip(sizes, kernel, strides, dilations, strict=True)
    ):
        span = (taps - 1) * dilation + 1
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            out = -(-size // stride)
            more = max((out - 1) * stride + span - size, 0)
            before = more // 2 if auto_pad == "SAME_UPPER" else more - more // 2
            after = more - before
        else:
            before, after = (0, 0) if auto_pad == "VALID" else (pads[a], pads[a + rank])
            room = size + before + after - span
            out = (-(-room // stride) if ceil_mode else room // stride) + 1
            if ceil_mode and (out - 1) * stride >= size + before:
                out -= 1  # a window that begins behind the image
        found.append(Axis(size, taps, stride, dilation, before, after, out))
    return found


def padded(x: Array, along: Sequence[Axis], fill: float) -> Array:
    """The input with its padding, and cut or extended to what the windows cover."""
    behind = [max(a.reach - a.before - a.size, 0) for a in along]
    wide = [(0, 0), (0, 0), *((a.before, b) for a, b in zip(along, behind, strict=True))]
    made = np.pad(x, wide, constant_values=fill) if any(map(any, wide)) else x
    return np.asarray(made[spatial(slice(0, a.reach) for a in along)])


def windows(x: Array, along: Sequence[Axis]) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Each tap with what it reads for every output."""
    for taps in product(*(range(a.kernel) for a in along)):
        yield taps, x[spatial(a.taps(t) for a, t in zip(along, taps, strict=True))]


def spatial(where: Iterable[slice | int]) -> Any:
    """An index of the last axes."""
    return (..., *where)
