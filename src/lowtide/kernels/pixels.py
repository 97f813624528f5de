"""Kernels that make a row pixel by pixel, so that it may lie on what it reads.

They compute one row from row pointers (NULL is padding). A pixel of more channels than a kernel
holds is written block by block, and its inputs are read again between.
"""

from __future__ import annotations

from collections.abc import Callable

from lowtide.kernels.calls import PixelCall
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.packing import InOrder
from lowtide.kernels.patterns import convolution, inside_rows
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import PIXEL, Grain, Task

CONV_BLOCK = 32
"""Output channels that the kernels hold at one time: CONV_BLOCK of c/conv.h."""

PACKED_PIXELS = 8
"""Pixels that what is unpacked once serves: that of c/packed.h."""


def _match(
    packed: bool, depthwise: bool, pixels: int
) -> Callable[[Kernel, Task, Layout], Use | None]:
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
        if found.channels != (1, 1) if depthwise else found.groups > 1:
            return None
        rows, columns = found.windows
        call = PixelCall(rows, columns, x.strided.shape[1], x, y, found.start)
        grain = PIXEL if task.channels <= CONV_BLOCK else Grain(pixels)
        buffer = task.channels if task.grain.atomic and task.channels > CONV_BLOCK else 0
        return Use(kernel, call, grain, (InOrder(found.weights, (2, 3, 1, 0)),), scratch=buffer)

    return match


PIXELS = (
    Kernel("conv_row", ("branch.h", "conv.h", "conv_row.c"), _match(False, False, 1)),
    Kernel("depthwise_row", ("branch.h", "conv.h", "depthwise_row.c"), _match(False, True, 1)),
    Kernel(
        "packed_conv_row",
        ("inline.h", "branch.h", "conv.h", "packed_codes.h", "packed.h", "packed_conv_row.c"),
        _match(True, False, PACKED_PIXELS),
    ),
    Kernel(
        "packed_depthwise_row",
        ("inline.h", "branch.h", "conv.h", "packed_codes.h", "packed.h", "packed_depthwise_row.c"),
        _match(True, True, PACKED_PIXELS),
    ),
)
