"""The order of elements in which kernels and loops read a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.ir.graph import Array

BLOCK = 16
"""Output channels of a block of weights: BLOCK of c/vectors.h."""


@dataclass(frozen=True)
class InOrder:
    """The order of a constant whose axes lie as `axes` lists them, outermost first."""

    constant: str
    axes: tuple[int, ...]

    def pack(self, values: Array) -> Array:
        """The elements of the constant, or of its codes, in that order, in one dimension."""
        return np.ascontiguousarray(values.transpose(self.axes)).ravel()


@dataclass(frozen=True)
class InBlocks:
    """Weights of a convolution in blocks of 16 output channels of a group: [ky][kx][in][16] each.

    The last block of a group is narrower. A vector that begins at its last channel reads up to 15
    elements behind the array: so many zeros follow.
    """

    constant: str
    groups: int

    def pack(self, values: Array) -> Array:
        """Weights [out, in, ky, kx] or [out, in, kx] in that order, in one dimension."""
        taps = values.transpose(*range(2, values.ndim), 1, 0).reshape(-1, values.shape[0])
        each = values.shape[0] // self.groups
        starts = [g * each + m for g in range(self.groups) for m in range(0, each, BLOCK)]
        ends = [*starts[1:], values.shape[0]]
        parts = [taps[:, a:b].ravel() for a, b in zip(starts, ends, strict=True)]
        spare = np.zeros(BLOCK - 1 if each % BLOCK else 0, np.float32)
        return np.concatenate([*parts, spare])


Packing = InOrder | InBlocks
