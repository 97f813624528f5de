"""Kernels that make a row pixel by pixel, so that it may lie on what it reads.

They compute one row from row pointers (NULL is padding). A pixel of more channels than a kernel
holds is written block by block, and its inputs are read again between.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from lowtide.ir.dtype import F32
from lowtide.kernels.calls import PixelCall
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.packing import InOrder, bits
from lowtide.kernels.patterns import Convolution, convolution, inside_rows
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import PIXEL, Grain, Task

CONV_BLOCK = 32
"""Output channels that the kernels hold at one time: CONV_BLOCK of c/conv.h."""

PACKED_PIXELS = 8
"""Pixels that what is unpacked once serves, and so many inputs are: those of c/packed.h."""

MOST_UNPACKED = 1 << 10
"""Floats of all taps of some channels by themselves: fewer channels, but 8, where it were more."""


def _match(packed: bool, depthwise: bool) -> Callable[[Kernel, Task, Layout], Use | None]:
    """Convolutions over two axes whose weights are packed codes or are not."""

    def match(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
        found = convolution(task, layout) if len(task.nest.reductions) == 1 else None
        if (
            found is None
            or found.onto
            or task.row is None
            or (found.weights in layout.graph.packed) != packed
        ):
            return None
        x, y = layout.places[found.x], layout.places[task.output]
        shape = task.nest.shape
        if len(shape) != 4 or x.strided.shape[0] != 1 or task.order[0:2] != (0, 2):
            return None
        if not inside_rows(x, layout) or not inside_rows(y, layout) or min(shape[2:]) < 2:
            return None
        each, made = found.channels
        if made > 1 or (each > 1 and not packed) if depthwise else found.groups > 1:
            return None
        rows, columns = found.windows
        call = PixelCall(rows, columns, x.strided.shape[1], x, y, found.start)
        weights = InOrder(found.weights, (2, 3, 1, 0))
        wide, floats = _unpacked(found, task.channels, depthwise) if packed else (CONV_BLOCK, 0)
        grain = PIXEL if task.channels <= wide else Grain(PACKED_PIXELS if packed else 1)
        buffer = task.channels if task.grain.atomic and task.channels > wide else 0
        limits = bits(layout.graph.packed[found.weights], task.channels) if packed else {}
        room = F32.bytes * floats
        return Use(kernel, call, grain, (weights,), limits, scratch=buffer, arena_bytes=room)

    return match


def _unpacked(found: Convolution, channels: int, depthwise: bool) -> tuple[int, int]:
    """Channels at a time, and the floats for them: scales, and sums and inputs, or all taps."""
    wide, rows = min(channels, CONV_BLOCK), 1 + 2 * PACKED_PIXELS
    if depthwise:
        rows = 1 + prod(window.kernel for window in found.windows) * found.channels[0]
        while wide > 8 and rows * wide > MOST_UNPACKED:
            wide = max(wide // 16 * 8, 8)
    return wide, rows * wide


PIXELS = (
    Kernel("conv_row", ("branch.h", "conv.h", "conv_row.c"), _match(False, False)),
    Kernel("depthwise_row", ("branch.h", "conv.h", "depthwise_row.c"), _match(False, True)),
    Kernel(
        "packed_conv_row",
        ("inline.h", "branch.h", "conv.h", "packed_codes.h", "packed.h", "packed_conv_row.c"),
        _match(True, False),
    ),
    Kernel(
        "packed_depthwise_row",
        ("inline.h", "branch.h", "conv.h", "packed_codes.h", "packed.h", "packed_depthwise_row.c"),
        _match(True, True),
    ),
)
