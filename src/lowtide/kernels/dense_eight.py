"""The kernel of dense layers of 8-bit numbers: four inputs of four outputs at a time.

x  a run of int8      w  [four outputs][four inputs][output][input], filled up with zeros
"""

from __future__ import annotations

from dataclasses import replace

from lowtide.ir.dtype import F32, I8, I32, U8
from lowtide.ir.index import Var
from lowtide.ir.view import Strided
from lowtide.kernels.calls import EightCall
from lowtide.kernels.eight import ends_of
from lowtide.kernels.kernel import Kernel, Types, Use
from lowtide.kernels.packing import InFours, Numbers
from lowtide.kernels.patterns import convolution, inside_rows
from lowtide.layout.lay_out import Layout, Place
from lowtide.ops.window import SlidingWindow
from lowtide.rows.task import ROW, Task

_ONE = SlidingWindow(1, 1, 1, 1, 0, 0, 1, Var("", 1))


def _match(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """The sums of all products of one run of inputs, in steps without order."""
    nest, graph = task.nest, layout.graph
    if task.port or task.row or task.accumulates or task.grain.atomic or len(nest.shape) != 2:
        return None
    found = convolution(task, layout) if len(nest.reductions) == 1 and nest.shape[0] == 1 else None
    if found is None or found.onto or found.zeros[1] or found.weights in graph.packed:
        return None
    x, y = (_as_pixel(layout.places[name]) for name in (found.x, task.output))
    if found.groups > 1 or not (inside_rows(x, layout) and inside_rows(y, layout)):
        return None
    made = layout.storages[y.storage].dtype
    ended = ends_of(found, kernel, task, layout, made, nest.finish)
    if ended is None:
        return None
    ends, sums = ended
    call = EightCall(_ONE, _ONE, found.channels[0], x, y, found.zeros[0], ends, ends.plain(sums), 1)
    table = Numbers(f"{found.weights}.ends", ends.numbers(sums))
    return Use(kernel, call, ROW, (InFours(found.weights), table))


def _as_pixel(place: Place) -> Place:
    """A run of numbers as the channels of an image of one pixel."""
    shape, strides = place.strided.shape, place.strided.strides
    pixel = Strided((*shape, 1, 1), (*strides, shape[1], shape[1]), place.strided.offset)
    return replace(place, strided=pixel)


_WHOLE = Types(input=(I8, U8), constants=(I8, I32), sum=I32, output=(I8, U8))
_SOURCES = ("eight.h", "dense_eight.c")

DENSE_EIGHT = (
    Kernel(
        "dense_eight", ("inline.h", "eight_scaled.h", *_SOURCES), _match,
        replace(_WHOLE, constants=(I8, I32, F32)),
    ),
    Kernel("dense_eight", ("inline.h", *_SOURCES), _match, _WHOLE),
)  # fmt: skip
