"""The kernel of sums of two 8-bit numbers, each rescaled before and their sum after.

clamp(rescale(rescale((a - z) * 2^20, ma, na) + rescale((b - z) * 2^20, mb, nb), m, n) + offset)
"""

from __future__ import annotations

from lowtide.ir.dtype import I8, I32
from lowtide.ir.value import Call, Load, Number, Value
from lowtide.kernels.calls import AddCall, Scaled
from lowtide.kernels.ending import by_channel, kept_within
from lowtide.kernels.kernel import Kernel, Types, Use
from lowtide.kernels.patterns import inside_rows
from lowtide.layout.lay_out import Layout, Place
from lowtide.rows.task import PIXEL, Task

_RAISED = Number(float(1 << 20))
"""What differences are multiplied by first, as TFLite does it: RAISED8 of c/add_eight.c."""

_HALF = 1 << 30
"""The factor of one half, which is left out where the differences are raised by half as much."""

_MOST_CHANNELS = 1 << 8
"""Of a pixel that may be kept on the stack."""


def _add(kernel: Kernel, task: Task, layout: Layout) -> Use | None:
    """Sums of whole rows, whose pixels lie side by side in all three."""
    nest, grain = task.nest, task.grain
    if task.port or task.accumulates or nest.reductions or len(nest.shape) != 4 or not task.row:
        return None
    if grain.channels or (grain.atomic and grain.pixels != 1) or task.order[:2] != (0, 2):
        return None
    value, (low, high) = kept_within(nest.finish)
    value, offset = _less(value, "add")
    scaled = _rescaled(value, task, layout)
    if scaled is None or low < -128 or high > 127:
        return None
    both, m, shift = scaled
    if not isinstance(both, Call) or both.function != "add":
        return None
    terms = [_term(one, task, layout) for one in both.arguments]
    first, second = terms
    if first is None or second is None or nest.shape[1] > _MOST_CHANNELS:
        return None
    x, y = (first[0], second[0]), layout.places[task.output]
    if not all(_dense(place, y, layout) for place in (*x, y)):
        return None
    call = AddCall(x, y, (first[1], second[1]), Scaled(offset, m, shift), low, high)
    return Use(kernel, call, PIXEL, limits={"PIXEL8": nest.shape[1]})


def _dense(place: Place, y: Place, layout: Layout) -> bool:
    """Whether a place is of the shape of another, and nothing lies between its pixels."""
    shape, strides = place.strided.shape, place.strided.strides
    same = shape == y.strided.shape and shape[0] == 1 and strides[-1] == shape[1]
    return same and inside_rows(place, layout)


def _less(value: Value, function: str) -> tuple[Value, int]:
    """What a number is added to, or taken from, and that number."""
    if isinstance(value, Call) and value.function == function:
        inner, number = value.arguments
        if isinstance(number, Number):
            return inner, int(number.value)
    return value, 0


def _rescaled(value: Value, task: Task, layout: Layout) -> tuple[Value, int, int] | None:
    """What is rescaled, by which factor, and its shift to the right."""
    if not isinstance(value, Call) or value.function != "rescale":
        return None
    inner, *factor = value.arguments
    m, n = (by_channel(one, task, layout.graph) for one in factor)
    if m is None or n is None or len({*m.tolist()}) > 1 or len({*n.tolist()}) > 1:
        return None
    return (inner, int(m[0]), -int(n[0])) if m[0] >= 0 and -30 <= n[0] <= 0 else None


def _term(value: Value, task: Task, layout: Layout) -> tuple[Place, Scaled] | None:
    """Where one of the two lies, what is taken from its numbers, their factor and its shift."""
    raised, m, shift = _rescaled(value, task, layout) or (value, _HALF, 0)
    if not isinstance(raised, Call) or raised.function != "mul":
        return None
    difference, by = raised.arguments
    if by != (_RAISED if raised is not value else Number(_RAISED.value / 2)):
        return None
    loaded, zero = _less(difference, "sub")
    if not isinstance(loaded, Load):
        return None
    read = task.nest.reads[loaded.read]
    place = layout.places.get(task.operands[read.operand])
    if place is None or read.index != task.nest.axes or read.zero:
        return None
    return place, Scaled(zero, m, shift)


_TYPES = Types(input=(I8,), constants=(I8, I32), sum=I32, output=(I8,))

ADDS = (Kernel("add_eight", ("inline.h", "eight.h", "add_eight.c"), _add, _TYPES),)
