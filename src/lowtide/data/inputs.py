"""One input of a network, and how pictures and arrays become its numbers.

pixels 0..255   ->  (pixel - mean) / std, reals       ->  round(real / scale) + zero
                    without mean and std, of a type of 8 bits: over all of its range
bytes           ->  are pixels
whole numbers   ->  as they are
reals           ->  round(real / scale) + zero; as they are where the input takes floats
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.errors import UnreadableModel, UsageError
from lowtide.ir.graph import Array, Graph, Shape

Numbers = Sequence[float] | None


@dataclass(frozen=True)
class Input:
    """Its name, shape and type; whole numbers stand for (number - zero) * scale, if scale is not 0.

    An image has its channels last or second.
    """

    name: str
    shape: Shape
    dtype: str
    scale: float = 0.0
    zero: int = 0
    channels_last: bool = False

    @property
    def image(self) -> Shape:
        """Channels, height and width; empty if it is no image."""
        if len(self.shape) != 4:
            return ()
        _, *rest = self.shape
        return (rest[2], rest[0], rest[1]) if self.channels_last else (rest[0], rest[1], rest[2])

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers."""
        return np.dtype(self.dtype).kind in "iu"

    def of_pixels(self, pixels: Array, mean: Numbers, std: Numbers) -> Array:
        """Pixels [N, C, H, W] or, of no image, [N, ...] as its numbers."""
        if self.whole and mean is None and std is None and np.dtype(self.dtype).itemsize == 1:
            made = (pixels.astype(np.int16) + np.iinfo(self.dtype).min).astype(self.dtype)
        else:
            wide = (1, -1, *[1] * (pixels.ndim - 2))
            less, by = (
                np.asarray(given or default, np.float32).reshape(wide)
                for given, default in ((mean, (0.0,)), (std, (1.0,)))
            )
            with np.errstate(over="ignore"):
                made = self.of_reals((pixels.astype(np.float32) - less) / by)
        return np.ascontiguousarray(made.transpose(0, 2, 3, 1) if self.channels_last else made)

    def of_reals(self, reals: Array) -> Array:
        """Reals as its numbers, to nearest, halves away from zero; raises UsageError."""
        if not self.whole:
            with np.errstate(over="ignore"):
                return reals.astype(np.float32)
        if not self.scale:
            raise UsageError(f"input '{self.name}' takes {self.dtype} numbers that have no scale")
        ends = np.iinfo(self.dtype)
        steps = reals.astype(np.float64) / self.scale
        near = np.trunc(steps + np.copysign(0.5, steps)) + self.zero
        return np.asarray(np.clip(near, ends.min, ends.max)).astype(self.dtype)

    def of_array(self, values: Array, mean: Numbers, std: Numbers, file: str) -> Array:
        """One set of it; of an image with its channels last also one that has them first."""
        if self.channels_last and values.shape[-3:] == self.image != self.shape[1:]:
            values = np.moveaxis(values, -3, -1)
        if values.dtype.kind not in "fiu" or _long(values.shape) != _long(self.shape):
            raise UsageError(
                f"{file}: holds {values.dtype} {values.shape}; numbers of shape {self.shape} are "
                "needed"
            )
        values = values.reshape(self.shape)
        if self.whole and values.dtype == np.uint8:
            return self.of_pixels(values.transpose(0, 3, 1, 2) if self.channels_last else values,
                                  mean, std)  # fmt: skip
        if not self.whole or values.dtype.kind == "f":
            check_finite(self.name, values, file)
            return self.of_reals(values)
        kept = values.astype(self.dtype)
        if not np.array_equal(kept, values):
            raise UsageError(f"{file}: numbers beyond {self.dtype}, which '{self.name}' takes")
        return kept


def check_finite(name: str, values: Array, file: str) -> None:
    """Raises UnreadableModel where there are numbers that float32 has not."""
    with np.errstate(over="ignore"):
        if np.isfinite(values.astype(np.float32)).all():
            return
    raise UnreadableModel(
        f"holds NaN, infinity or a number beyond float32 for input '{name}'",
        file=file,
        hint="nothing could be compared on it",
    )


def _long(shape: Shape) -> Shape:
    """Without the axes that are 1 long."""
    return tuple(size for size in shape if size != 1)


def input_of(graph: Graph, name: str) -> Input:
    """An input of a graph."""
    held = graph.tensors[name]
    quant = held.quant
    one = quant is not None and len(quant.scales) == 1
    return Input(
        name, held.shape, held.dtype.name, quant.scales[0] if quant and one else 0.0,
        quant.zeros[0] if quant and one else 0, held.channels_last,
    )  # fmt: skip
