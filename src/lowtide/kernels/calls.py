"""What kernels are called with: a value for each of the three ways to call one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lowtide.ir.index import Var
from lowtide.ir.nest import Read, Value
from lowtide.layout.lay_out import Place
from lowtide.ops.window import Window


@dataclass(frozen=True)
class Activation:
    """One that kernels apply themselves, an `enum activation` of c/rows.h."""

    kind: str = "NO_ACTIVATION"
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Pool:
    """A pool of windows that do not overlap, made in the same go as what it reads."""

    kind: str = "NO_POOL"
    height: int = 1
    width: int = 1


@dataclass(frozen=True)
class PixelCall:
    """A convolution that makes one row, pixel by pixel, of `channels` input channels.

    What is fused onto the task is applied to the row behind it.
    """

    rows: Window
    columns: Window
    channels: int
    x: Place
    y: Place
    start: Value


@dataclass(frozen=True)
class RowCall:
    """Windows that make whole rows; `channels` are those in and out of one of `groups`.

    Kernels apply an activation, or None: what is fused onto the task is applied to the row behind
    them. Where sums grow, every row of the input is added to the one output. `start` is what sums
    begin with. A mean is over the padding, too, if `padded`.
    """

    rows: Window
    columns: Window
    channels: tuple[int, int]
    groups: int
    x: Place
    y: Place
    start: Value | None
    activation: Activation | None
    pool: Pool = Pool()
    grows: bool = False
    padded: bool = False


@dataclass(frozen=True)
class RunCall:
    """A dense layer: a run of inputs, its weights, and the channels that they are summed to."""

    x: Read
    w: Read
    run: tuple[Var, ...]
    channel: Var

    @property
    def length(self) -> int:
        """Elements of the run."""
        return prod(v.extent for v in self.run)


Call = PixelCall | RowCall | RunCall
