"""Kernels of 8-bit numbers: tiles of four pixels, two channels at a time.

    x  [row][column][channel] int8     widened    [word][pixel] of two int16 each
    w  [pair of channels][word] of two inputs of both, a0 b0 a1 b1

A tile reads all that is under its four windows before it writes anything, so a row may lie over
what it is made of as closely as pixel by pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.ir.dtype import F32, I8, I32, U8, DType
from lowtide.ir.graph import Array
from lowtide.ir.value import Acc, Call, Load, Value
from lowtide.kernels.calls import EightCall
from lowtide.kernels.dot import columns_of, copied_bytes, in_blocks, in_room, in_words
from lowtide.kernels.ending import Ending, Sums, added_last, ending
from lowtide.kernels.families import by_family, most_bytes
from lowtide.kernels.helium import FOUR, WIDENED, in_quads, signed_starts, window_bytes
from lowtide.kernels.kernel import Kernel, Types, Use
from lowtide.kernels.packing import InPairs, InQuads, InSixteens, InWords, Numbers, Packing
from lowtide.kernels.patterns import Convolution, convolution, inside_rows
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import PIXEL, ROW, Task

WIDE, NARROW = 4, 2
"""Pixels of a tile, as in c/eight_sums.h."""

MOST_SCRATCH = 1 << 14
"""Bytes of widened numbers that a tile may need; loops make larger ones."""

MOST_COLUMNS = 1 << 8
"""Pointers to columns that may lie on the stack."""

_LIMIT = 1 << 31

_WHOLE = Types(input=(I8, U8), constants=(I8, I32), sum=I32, output=(I8, U8))
_SCALED = replace(_WHOLE, constants=(I8, I32, F32))


def _conv(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """A convolution over two axes, of one group."""
    found = _found(task, layout)
    if found is None or found.groups > 1:
        return None
    sized = _call(found, kernel, task, layout, found.channels[0])
    return None if sized is None else _in_tiles(found, kernel, *sized, layout)


def _growing(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """The same, and each row of it is added to one pixel of sums."""
    nest = task.nest
    if task.port or not task.accumulates or len(nest.reductions) != 2 or nest.finish != Acc(1):
        return None
    found, update = convolution(task, layout), nest.reductions[1].update
    if found is None or found.groups > 1 or not _fits(found, layout):
        return None
    loops = [v for v in nest.reductions[1].loops if v.extent > 1]
    rows, columns = (window.out for window in found.windows)
    if [v.extent for v in loops] != [n for n in (rows, columns) if n > 1] or rows == 1:
        return None
    if nest.shape[2:] != (1, 1) or nest.reductions[0].inside != 1 or task.row != loops[0]:
        return None
    if not isinstance(update, Call) or update.function != "add" or update.arguments[0] != Acc(1):
        return None
    sized = _call(found, kernel, task, layout, found.channels[0], update.arguments[1])
    use = None if sized is None else _in_tiles(found, kernel, *sized, layout)
    if use is None or not isinstance(use.call, EightCall):
        return None
    made = -(-use.call.pixels * nest.shape[1] // 4) * 4
    return replace(use, grain=ROW, arena_bytes=use.arena_bytes + made)


def _in_tiles(
    found: Convolution, kernel: Kernel, call: EightCall, table: Packing, layout: Layout
) -> Use | None:
    columns, inside = call.columns, call.channels
    slides = columns.kernel == 3 and columns.dilation == 1 and columns.stride <= 2
    together = columns.kernel if columns.dilation == 1 else 1
    packing = InPairs(found.weights, together, slides and inside % 4 == 0)
    if tile_bytes(call, packing) > MOST_SCRATCH:
        call = replace(call, pixels=min(call.pixels, NARROW))
    scratch = most_bytes(layout, tile_bytes(call, packing), helium=window_bytes(call))
    if scratch > MOST_SCRATCH:
        return None
    call = in_room(call, scratch)
    scratch = most_bytes(layout, scratch, dot=copied_bytes(call))
    words, quads = in_words(found.weights, call), InQuads(found.weights)
    weights = by_family(layout, packing, dot=words, helium=quads)
    return Use(kernel, call, PIXEL, (weights, table), arena_bytes=scratch)


def _depthwise(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """A convolution of each channel by itself, in steps without order: channels in turn."""
    found = None if task.grain.atomic else _found(task, layout)
    if found is None or found.channels != (1, 1):
        return None
    return _by_channels(found, kernel, task, layout)


def _steps(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """The same tile by tile, in steps of a pixel, and where each channel makes several."""
    found = _found(task, layout)
    if found is None or (found.channels == (1, 1) and not task.grain.atomic):
        return None
    use = _by_channels(found, kernel, task, layout)
    if use is None or not isinstance(use.call, EightCall):
        return None
    call = replace(use.call, pixels=layout.tiles.get(task.output, WIDE))
    columns, channels = call.columns, found.groups * found.channels[1]
    span = (call.pixels - 1) * columns.stride + (columns.kernel - 1) * columns.dilation + 1
    held = call.pixels + (call.rows.kernel * span if found.channels[1] > 1 else 0)
    scratch = -(-held * channels // 4) * 4 + use.arena_bytes
    if scratch > MOST_SCRATCH:
        return None
    limits = {**use.limits, "ROWS8": call.rows.kernel}
    return replace(use, call=call, grain=PIXEL, limits=limits, arena_bytes=scratch)


def _by_channels(found: Convolution, kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """Channels by themselves. A pixel of the zero point stands for those in the padding."""
    if found.channels[0] != 1 or found.groups == 1:
        return None
    sized = _call(found, kernel, task, layout, found.groups)
    if sized is None:
        return None
    call, table = sized
    columns = call.rows.kernel * max(call.columns.kernel, 2 * WIDE + 1)
    if columns > MOST_COLUMNS:
        return None
    words = InWords(found.weights, call.columns.kernel)
    packings = by_family(layout, InSixteens(found.weights), dot=words), table
    # Vectors add two products in 16 bits.
    plain = call.plain and int(layout.graph.constants[found.weights].min()) > -128
    call, padding = replace(call, pixels=1, plain=plain), found.groups * found.channels[1]
    limits = {"COLUMNS8": columns, "COLUMNS_DOT8": columns_of(call)}
    return Use(kernel, call, ROW, packings, limits, arena_bytes=padding)


def _call(
    found: Convolution,
    kernel: Kernel,
    task: Task,
    layout: Layout,
    channels: int,
    grows: Value | None = None,
) -> tuple[EightCall, Packing] | None:
    """How a kernel is called, and the table of how the sums of each channel end.

    That is the finish of the task, or `grows`, what is added to sums that grow.
    """
    x, y = layout.places[found.x], layout.places[task.output]
    rows, columns = found.windows
    made = layout.storages[y.storage].dtype
    ended = ends_of(found, kernel, task, layout, I8 if grows else made, grows or task.nest.finish)
    if ended is None:
        return None
    ends, sums = ended
    name = f"{found.weights}.ends"
    weights = layout.graph.constants[found.weights]
    blocks = Numbers(name, in_blocks(ends, sums, weights))
    given, depthwise = layout.storages[x.storage].dtype, found.groups > 1
    signed = signed_starts(sums, weights, given)
    quads = Numbers(name, in_quads(ends, signed, WIDENED if depthwise else FOUR))
    table = by_family(layout, Numbers(name, ends.numbers(sums)), dot=blocks, helium=quads)
    widest = layout.tiles.get(task.output, WIDE)  # the planner narrows what there is no room for
    call = EightCall(rows, columns, channels, x, y, found.zeros[0], ends, ends.plain(sums), widest)
    return call, table


def ends_of(
    found: Convolution, kernel: Kernel, task: Task, layout: Layout, made: DType, finish: Value
) -> tuple[Ending, Sums] | None:
    """How sums end in `made`, if the kernel ends them so, and between what they may come."""
    given = layout.storages[layout.places[found.x].storage].dtype
    weights = layout.graph.constants[found.weights].astype(int)
    added, finish = added_last(finish)
    sums = _sums(found, weights, _bias(added or found.start, task, layout), given)
    ends = ending(finish, task, layout.graph, made)
    if ends is None or (sums.furthest >= _LIMIT and (added is None or ends.kind != "SCALED")):
        return None
    return (ends, sums) if (ends.kind == "SCALED") == (F32 in kernel.types.constants) else None


def _found(task: Task, layout: Layout) -> Convolution | None:
    """The convolution of a task that a tile can make, pixel by pixel or in steps without order."""
    grain = task.grain
    if task.port or task.accumulates or len(task.nest.reductions) != 1:
        return None
    if grain.channels or (grain.atomic and grain.pixels != 1) or len(task.nest.shape) != 4:
        return None
    found = convolution(task, layout)
    if found is None or not _fits(found, layout):
        return None
    if not inside_rows(layout.places[task.output], layout):
        return None
    along = task.nest.axes[2].variables
    made_in_rows = task.row in along and task.order[:2] == (0, 2)
    return found if made_in_rows or task.nest.shape[2:] == (1, 1) else None


def _fits(found: Convolution, layout: Layout) -> bool:
    """Whether weights and image are such as the kernels read."""
    x = layout.places[found.x]
    if found.onto or found.zeros[1] or found.weights in layout.graph.packed:
        return False
    return len(found.windows) == 2 and x.strided.shape[0] == 1 and inside_rows(x, layout)


def _bias(start: Value, task: Task, layout: Layout) -> Array | int:
    if not isinstance(start, Load):
        return 0
    name = task.operands[task.nest.reads[start.read].operand]
    return layout.graph.constants[name].astype(int)


def _sums(found: Convolution, weights: Array, bias: Array | int, given: DType) -> Sums:
    """What the sums of each channel begin with, and between what they may come.

    The zero point is taken out of all products at once: padding is the zero point, too.
    """
    axes, limits = tuple(range(1, weights.ndim)), np.iinfo(given.name)
    starts = bias - found.zeros[0] * weights.sum(axes)
    ends = [weights * end for end in (int(limits.min), int(limits.max))]
    low, high = np.minimum(*ends).sum(axes), np.maximum(*ends).sum(axes)
    return Sums(*(tuple(one.tolist()) for one in (starts, starts + low, starts + high)))


def tile_bytes(call: EightCall, packing: InPairs) -> int:
    """Bytes of a tile's widened numbers."""
    columns = call.columns
    if packing.slides:
        held = call.pixels + 2 if columns.stride == 1 else 2 * call.pixels + 1
        return 2 * call.rows.kernel * call.channels * held
    runs = call.rows.kernel * columns.kernel // packing.together
    words = runs * -(-packing.together * call.channels // 2)
    return 4 * call.pixels * (words + words % 2)


_DOT = [f"eight_dot{part}.h" for part in ("", "_avx512", "_avx2", "_neon", "_plain", "_end")]
_HELIUM = ("eight_helium.h", "conv_helium.c")
_CONV = ("eight.h", *_DOT, "conv_dot.h", *_HELIUM, "eight_sums.h", "conv_eight.c")
_GROWING = (*_CONV, "conv_eight_sums.c")
_LANES = ("eight_helium.h", "depthwise_helium.c")
_DEPTHWISE = ("eight.h", *_DOT, "depthwise_dot.h", *_LANES, "eight_sums.h", "depthwise_eight.c")
_STEPS = (*_DEPTHWISE, "depthwise_eight_steps.c")

EIGHT = (
    Kernel("conv_eight", ("inline.h", "eight_scaled.h", *_CONV), _conv, _SCALED),
    Kernel("conv_eight", ("inline.h", *_CONV), _conv, _WHOLE),
    Kernel("conv_eight_sums", ("inline.h", *_GROWING), _growing, replace(_WHOLE, output=(I32,))),
    Kernel("depthwise_eight", ("inline.h", "eight_scaled.h", *_DEPTHWISE), _depthwise, _SCALED),
    Kernel("depthwise_eight", ("inline.h", *_DEPTHWISE), _depthwise, _WHOLE),
    Kernel("depthwise_eight_steps", ("inline.h", "eight_scaled.h", *_STEPS), _steps, _SCALED),
    Kernel("depthwise_eight_steps", ("inline.h", *_STEPS), _steps, _WHOLE),
)
