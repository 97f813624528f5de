"""Real numbers that whole ones stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lowtide.ir.dtype import I8, U8, DType
from lowtide.ir.graph import Array
from lowtide.ir.quant import Quant

EIGHT = (I8, U8)


@dataclass(frozen=True, eq=False)
class Whole:
    """(number - zero) * scale of the numbers of a tensor or constant `name`.

    One scale, or one for each place along `axis`.
    """

    name: str
    dtype: DType
    scales: Array
    zeros: Array
    axis: int | None = None

    @property
    def scale(self) -> np.float32:
        """The one scale."""
        return np.float32(self.scales.item())

    @property
    def zero(self) -> int:
        """The one zero point."""
        return int(self.zeros.item())

    @property
    def all(self) -> Array:
        """The 256 numbers there are, from the least up."""
        return np.arange(256) + int(np.iinfo(self.dtype.name).min)

    @property
    def quant(self) -> Quant:
        """What the Graph says of such a tensor."""
        scales = tuple(float(s) for s in self.scales)
        return Quant(scales, tuple(int(z) for z in self.zeros), self.axis)

    def is_like(self, other: Whole) -> bool:
        """Whether the same numbers stand for the same ones."""
        return (self.dtype, self.quant) == (other.dtype, other.quant)

    def named(self, name: str) -> Whole:
        """Other numbers that stand for real ones in the same way."""
        return replace(self, name=name)

    def real(self, numbers: Array) -> Array:
        """The real numbers, in float32."""
        shape = [1] * numbers.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        else:
            shape = []
        above = numbers.astype(np.int64) - self.zeros.reshape(shape)
        return np.asarray(above.astype(np.float32) * self.scales.reshape(shape))

    def numbers(self, real: Array) -> Array:
        """The whole numbers that stand nearest to real ones, halves to even."""
        limits = np.iinfo(self.dtype.name)
        with np.errstate(over="ignore"):
            found = np.rint(np.asarray(real, np.float32) / self.scale) + self.zero
        return np.asarray(np.clip(found, limits.min, limits.max).astype(np.int64))
