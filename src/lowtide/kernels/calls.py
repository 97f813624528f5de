"""What kernels are called with: a value for each of the ways to call one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lowtide.ir.index import Var
from lowtide.ir.nest import Read
from lowtide.ir.value import Value
from lowtide.kernels.ending import Ending
from lowtide.layout.lay_out import Place
from lowtide.ops.window import SlidingWindow


@dataclass(frozen=True)
class Activation:
    """A function that kernels apply themselves; `kind` is an `enum activation` of c/rows.h."""

    kind: str = "NO_ACTIVATION"
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Pool:
    """A pool of windows side by side that a kernel makes together with the convolution it reads."""

    kind: str = "NO_POOL"
    height: int = 1
    width: int = 1


@dataclass(frozen=True)
class PixelCall:
    """Arguments of a kernel that makes one row of a convolution, pixel by pixel.

    `channels` are those of the input. What is fused onto the task is applied to the row afterwards.
    """

    rows: SlidingWindow
    columns: SlidingWindow
    channels: int
    x: Place
    y: Place
    start: Value


@dataclass(frozen=True)
class RowCall:
    """Arguments of a kernel that makes whole rows of a convolution or pool.

    `channels` are those in and out of each of `groups`. `start` is what sums begin with.
    `activation` is applied by the kernel; None: what is fused onto the task is applied to the row
    afterwards. If the sum `grows`, every row of the input is added to the one output. A mean counts
    the padding, too, if `padded`. Sums go on from those that lie `onto`, which are copied first.
    With `planes`, the window's third axis, a row of the task is an image, made row by row.
    """

    rows: SlidingWindow
    columns: SlidingWindow
    channels: tuple[int, int]
    groups: int
    x: Place
    y: Place
    start: Value | None
    activation: Activation | None
    pool: Pool = Pool()
    grows: bool = False
    padded: bool = False
    onto: Place | None = None
    planes: SlidingWindow | None = None

    @property
    def taps(self) -> int:
        """The rows of the input under one window."""
        return self.rows.kernel * (self.planes.kernel if self.planes else 1)


@dataclass(frozen=True)
class RunCall:
    """Arguments of the kernel of dense layers.

    That is: a run of inputs, the weights, and the output channel that each sum is of.
    """

    x: Read
    w: Read
    run: tuple[Var, ...]
    channel: Var

    @property
    def length(self) -> int:
        """How many elements the run has."""
        return prod(v.extent for v in self.run)


@dataclass(frozen=True)
class EightCall:
    """Arguments of a kernel that makes a row of 8-bit numbers, tile by tile.

    `channels` are those of the input; padding is its `zero` point. So many `pixels` are widened
    at a time, or so `wide` is what is copied as it is. All channels end in the same way, without a
    clamp, if `plain`.
    """

    rows: SlidingWindow
    columns: SlidingWindow
    channels: int
    x: Place
    y: Place
    zero: int
    ending: Ending
    plain: bool
    pixels: int
    wide: int = 1


@dataclass(frozen=True)
class Scaled:
    """Numbers that are rescaled: by a factor, then by a shift to the right.

    The `zero` point is taken from what is read before, or added to what is made after.
    """

    zero: int
    m: int
    shift: int


@dataclass(frozen=True)
class AddCall:
    """Arguments of the kernel that makes a row of sums of two 8-bit numbers."""

    x: tuple[Place, ...]
    y: Place
    terms: tuple[Scaled, Scaled]
    sum: Scaled
    low: int
    high: int


KernelCall = PixelCall | RowCall | RunCall | EightCall | AddCall
