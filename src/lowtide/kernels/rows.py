"""Kernels that make whole rows.

For steps that are rows: several pixels of several rows are summed in registers, so what they make
must not lie on what they read. An activation and a pool that follow are made in the same go.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np

from lowtide.ir.dtype import F32
from lowtide.ir.index import Var
from lowtide.ir.value import Acc, Call, Load, Number
from lowtide.kernels.calls import Activation, Pool, RowCall
from lowtide.kernels.finish import activation, counts
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.packing import BLOCK, InBlocks, InOrder, Packing, bits
from lowtide.kernels.patterns import Convolution, as_image, convolution, inside_rows, windows
from lowtide.layout.lay_out import Layout, Place
from lowtide.ops.window import SlidingWindow
from lowtide.rows.task import ROW, Task

SPAN = 8
"""Pixels that a depthwise convolution or a pool makes at a time: SPAN of c/window_rows.c."""

MOST = {"ZEROS": 1 << 13, "RUNS": 1 << 8, "COLUMNS": 1 << 10}
"""What is more than that would take too much of the stack; loops make it."""


def _conv(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """A convolution, alone, with the pool that follows it, or added up to one pixel."""
    found = _found(task, layout)
    if found is None or (found.channels == (1, 1) and found.groups > 1):
        return None
    call = _call(found, task, layout)
    if call is None:
        return None
    beside = (bool(found.onto), call.planes is not None, len(task.nest.reductions) > 1)
    if sum(beside) > 1:
        return None
    if len(task.nest.reductions) > 1:
        call = _growing(call, task) if task.accumulates else _pooling(call, found.pool, task)
    elif task.accumulates:
        return None
    if call is None:
        return None
    return _use(kernel, call, _runs(found, call), InBlocks(found.weights, found.groups))


MANY_CODES = 1 << 14
"""Bytes of packed weights from which on tiles are worth the flash of their code, some 6 KiB more
than that of pixels. Who stores weights in few bits has little of it."""


def _packed_conv(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """A convolution, alone, whose weights are packed codes, in a network of many such."""
    graph = layout.graph
    if sum(map(graph.constant_bytes, graph.packed)) < MANY_CODES:
        return None
    found = _found(task, layout, packed=True)
    if found is None or (found.channels == (1, 1) and found.groups > 1):
        return None
    call = _call(found, task, layout)
    few = found.groups > 1 and found.channels[1] < BLOCK  # loops unpack no more than these
    if few or call is None or call.onto or call.planes or len(task.nest.reductions) > 1:
        return None
    if task.accumulates:
        return None
    order = (*range(2, 2 + len(found.windows)), 1, 0)
    codes = bits(graph.packed[found.weights], found.channels[1])
    limits = {**_runs(found, call), "RUNS": call.columns.kernel, **codes}
    use = _use(kernel, call, limits, InOrder(found.weights, order))
    return use and replace(use, arena_bytes=F32.bytes * _unpacked(found, task, layout))


UNPACKED = 512
"""Floats of the arena for what is unpacked: 32 inputs of 16 channels."""

LEAST_UNPACKED = 256
"""The same where memory is short."""


def _unpacked(found: Convolution, task: Task, layout: Layout) -> int:
    """Floats for a row of a window of a block, and what a vector reads behind it."""
    row = found.windows[-1].kernel * found.channels[0] * BLOCK
    return min(row, layout.tiles.get(task.output, UNPACKED))


def _runs(found: Convolution, call: RowCall) -> dict[str, int]:
    """The zeros of a padding, and the runs of inputs under a window."""
    wide = max(found.channels[0] * found.groups, call.columns.kernel * found.channels[0])
    zeros = wide if any(min(w.counts(False)) < w.kernel for w in found.windows) else 1
    return {"ZEROS": zeros, "RUNS": call.taps * call.columns.kernel}


def _depthwise(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """A convolution of each channel by itself."""
    found = _found(task, layout)
    if found is None or found.channels != (1, 1) or found.groups == 1:
        return None
    call = _call(found, task, layout)
    if call is None or call.onto or len(task.nest.reductions) > 1 or task.accumulates:
        return None
    return _use(
        kernel,
        call,
        _spans(call),
        InOrder(found.weights, (*range(2, 2 + len(found.windows)), 1, 0)),
    )


def _largest(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """The largest element of each window."""
    call = _window(task, layout, "max")
    if call is None or task.nest.reductions[0].start != Number(float("-inf")):
        return None
    call = replace(call, activation=activation(task.nest.finish, Acc(0)))
    return _use(kernel, call, _spans(call))


def _mean(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """The mean of each window: of its pixels in the image, or of all its taps."""
    call = _window(task, layout, "add")
    finish = task.nest.finish
    if call is None or not isinstance(finish, Call) or finish.function != "div":
        return None
    if finish.arguments[0] != Acc(0):
        return None
    windows = [one for one in (call.planes, call.rows, call.columns) if one]
    inside = reduce(np.multiply.outer, (np.asarray(one.counts(False)) for one in windows))
    number = counts(finish.arguments[1], task.nest.axes[2:], task.nest.shape[2:])
    number = None if number is None else number.reshape(inside.shape)
    taps = call.taps * call.columns.kernel
    if number is None or not ((number == inside).all() or (number == taps).all()):
        return None
    padded = not (number == inside).all()
    call = replace(call, activation=Activation(), padded=padded)
    return _use(kernel, call, _spans(call))


def _use(kernel: Kernel, call: RowCall, limits: dict[str, int], *packings: Packing) -> Use | None:
    if any(limits.get(name, 0) > most for name, most in MOST.items()):
        return None
    return Use(kernel, call, ROW, packings, limits)


def _found(task: Task, layout: Layout, *, packed: bool = False) -> Convolution | None:
    """The convolution of a task that goes row by row, of finite numbers, packed or not."""
    if task.row is None or task.grain.pixels or task.port:
        return None
    found, graph = convolution(task, layout), layout.graph
    if found is None or (found.weights in graph.packed) != packed:
        return None
    # zeros of the padding are multiplied
    return found if np.isfinite(graph.constants[found.weights]).all() else None


def _call(found: Convolution, task: Task, layout: Layout) -> RowCall | None:
    places = _places(found.x, task, layout)
    if places is None:
        return None
    onto = None
    if found.onto:
        going_on = _places(found.onto, task, layout)
        if going_on is None:
            return None
        onto = going_on[0]
    applied = activation(task.nest.finish, Acc(0))
    (planes, rows, columns), (x, y) = _three(found.windows), places
    start = None if onto else found.start
    return RowCall(
        rows, columns, found.channels, found.groups, x, y, start, applied, onto=onto, planes=planes
    )


def _three(
    windows: tuple[SlidingWindow, ...],
) -> tuple[SlidingWindow | None, SlidingWindow, SlidingWindow]:
    """Windows over planes, rows and columns; images have no planes, signals rows of one pixel."""
    if len(windows) == 1:
        return None, windows[0], SlidingWindow(1, 1, 1, 1, 0, 0, 1, Var("", 1))
    return windows[0] if len(windows) > 2 else None, windows[-2], windows[-1]


def _places(x: str, task: Task, layout: Layout) -> tuple[Place, Place] | None:
    """Where the images lie that a task reads and makes: rows of pixels."""
    read, made = (as_image(layout.places[name]) for name in (x, task.output))
    if read is None or made is None or read.strided.shape[0] != 1:
        return None
    if not inside_rows(read, layout) or not inside_rows(made, layout):
        return None
    along = task.nest.axes[2].variables
    return (read, made) if task.accumulates or task.row in along else None


def _pooling(call: RowCall, pool: tuple[int, ...], task: Task) -> RowCall | None:
    """A convolution with the pool that follows it, windows side by side."""
    for function, kind, start, finish in (
        ("max", "MAX_POOL", Number(float("-inf")), Acc(1)),
        ("add", "SUM_POOL", Number(0.0), Call("div", (Acc(1), Number(float(prod(pool)))))),
    ):
        applied = _inside(task, function)
        if applied and task.nest.reductions[1].start == start and task.nest.finish == finish:
            return replace(call, activation=applied, pool=Pool(kind, *pool))
    return None


def _growing(call: RowCall, task: Task) -> RowCall | None:
    """A convolution whose pixels are all added to one, row by row.

    Of one row alone the pixels are the steps: they are no rows of the kernel's.
    """
    applied, reduction = _inside(task, "add"), task.nest.reductions[1]
    loops = [v for v in reduction.loops if v.extent > 1]
    over = [n for n in (call.rows.out, call.columns.out) if n > 1]
    if applied is None or [v.extent for v in loops] != over:
        return None
    if call.rows.out == 1 or task.row != loops[0]:
        return None
    return replace(call, activation=applied, pool=Pool("SUM_POOL"), grows=True)


def _inside(task: Task, function: str) -> Activation | None:
    """What is applied to the convolution in the one reduction that `function` makes of it."""
    nest = task.nest
    if len(nest.reductions) != 2 or nest.reductions[0].inside != 1:
        return None
    update = nest.reductions[1].update
    if not isinstance(update, Call) or update.function != function:
        return None
    return activation(update.arguments[1], Acc(0)) if update.arguments[0] == Acc(1) else None


def _window(task: Task, layout: Layout, function: str) -> RowCall | None:
    """What `function` makes of the elements of each window in each channel by itself."""
    nest = task.nest
    if task.row is None or task.grain.pixels or task.port or task.accumulates:
        return None
    if len(nest.reductions) != 1 or not nest.reads or nest.reads[0].zero:
        return None
    x, loops = task.operands[nest.reads[0].operand], nest.reductions[0].loops
    if nest.reductions[0].update != Call(function, (Acc(0), Load(0))) or x not in layout.places:
        return None
    if nest.reads[0].index[:2] != nest.axes[:2]:
        return None
    found, places = windows(nest.reads[0], nest, layout.graph.shape(x), loops), None
    if found and len(found[0]) in (1, 2, 3):
        places = _places(x, task, layout)
    if found is None or places is None:
        return None
    (planes, rows, columns), (read, made) = _three(found[0]), places
    return RowCall(rows, columns, (1, 1), nest.shape[1], read, made, None, None, planes=planes)


def _spans(call: RowCall) -> dict[str, int]:
    """The columns that SPAN pixels read, in all their rows, and the zeros of a padding.

    The last pixels of a span may lie behind the row: zeros stand for what they read.
    """
    columns = call.columns
    wide = (columns.kernel - 1) * columns.dilation
    each = min(columns.stride, wide + 1) * (SPAN + wide // columns.stride)
    return {"ZEROS": call.groups, "COLUMNS": call.taps * each}


_QUADS = ("vectors.h", "rows.h", "quads.h")
_TILES = (*_QUADS, "runs.h", "quad_sums.h", "conv_tiles.h", "conv_pixels.h")
_WINDOWS = (*_QUADS, "quad_taps.h", "window_rows.c")

ROWS = (
    Kernel("conv_rows", (*_TILES, "conv_rows.c"), _conv),
    Kernel("packed_conv_rows", (*_TILES, "packed_codes.h", "packed_conv_rows.c"), _packed_conv),
    Kernel("depthwise_rows", (*_WINDOWS, "depthwise_rows.c"), _depthwise),
    Kernel("max_rows", (*_WINDOWS, "max_rows.c"), _largest),
    Kernel("mean_rows", (*_WINDOWS, "mean_rows.c"), _mean),
)
