"""Which tasks kernels of whole rows make, and what those are called with.

For steps that are rows: several pixels of several rows are summed in registers, so what they make
must not lie on what they read. An activation and a pool that follow are made in the same go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from lowtide.backends.c99.calls import inside_rows
from lowtide.ir.graph import Operator
from lowtide.ir.nest import Acc, Call, Number, Value
from lowtide.layout.lay_out import Layout, Place
from lowtide.ops import bind
from lowtide.ops.entry import ints
from lowtide.ops.window import Window, windows
from lowtide.rows.task import Task

SPAN = 8
"""Pixels that a depthwise convolution or a pool makes at a time: SPAN of parts/window_rows.c."""

_MOST = {"ZEROS": 1 << 13, "RUNS": 1 << 8, "COLUMNS": 1 << 10}
"""What is more than that would take too much of the stack; loops make it."""


@dataclass(frozen=True)
class Activation:
    """One that kernels apply themselves, an `enum activation` of parts/rows.h."""

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
class RowCall:
    """A kernel and what it is called with; `channels` are those in and out of one of `groups`.

    `weights` names the constant, "" where there is none. Kernels apply an activation, or None:
    what is fused onto the task is applied to the row behind them. Where sums grow, every row of
    the input is added to the one output.
    """

    kernel: str
    rows: Window
    columns: Window
    channels: tuple[int, int]
    groups: int
    x: Place
    y: Place
    weights: str
    activation: Activation | None
    pool: Pool = Pool()
    grows: bool = False
    padded: bool = False


def find_row_kernel(task: Task, layout: Layout) -> RowCall | None:
    """The kernel that makes whole rows of this task, or None."""
    call = _find(task, layout)
    return call if call and all(n <= _MOST[name] for name, n in limits(call).items()) else None


def limits(call: RowCall) -> dict[str, int]:
    """The sizes that parts/ must be compiled with to make a call.

    ZEROS: channels of pixels in the padding, side by side. RUNS: of inputs under a convolution's
    window, a tap each where pixels of two rows are made together. COLUMNS: those that SPAN pixels
    read, in all their rows.
    """
    rows, columns, inside = call.rows, call.columns, call.channels[0] * call.groups
    leaves = any(min(w.counts(False)) < w.kernel for w in (rows, columns))
    if call.kernel != "conv_rows":
        wide = (columns.kernel - 1) * columns.dilation
        each = min(columns.stride, wide + 1) * (SPAN + wide // columns.stride)
        # The last pixels of a span may lie behind the row: zeros stand for what they read.
        return {"ZEROS": inside, "COLUMNS": rows.kernel * each}
    zeros = max(inside, columns.kernel * call.channels[0])
    return {"ZEROS": zeros if leaves else 1, "RUNS": rows.kernel * columns.kernel}


def _find(task: Task, layout: Layout) -> RowCall | None:
    op = task.operator
    if task.row is None or task.grain.pixels or task.port:
        return None
    if op.inlined and op.inlined.type == "Conv":
        find = _adding if task.accumulates else _pooling
        return find(task, op, op.inlined, layout)
    if task.accumulates:
        return None
    if op.type == "Conv":
        return _conv(task, op, task.nest.finish, layout)
    if op.type in ("MaxPool", "AveragePool"):
        return _pool(task, op, layout)
    return None


def _conv(task: Task, op: Operator, finish: Value, layout: Layout) -> RowCall | None:
    """A convolution whose result is Acc(0), and what `finish` makes of it."""
    weights, graph = op.inputs[1], layout.graph
    if weights not in graph.constants or weights in graph.packed:
        return None
    if not np.isfinite(graph.constants[weights]).all():  # zeros of the padding are multiplied
        return None
    places = _places(task, op, layout)
    if places is None:
        return None
    bound = bind(op, graph)
    rows, columns = windows(bound, bound.shape(1)[2:])
    groups, (outside, inside) = int(bound.attribute("group")), bound.shape(1)[:2]
    channels = inside, outside // groups
    kernel = "depthwise_rows" if groups > 1 and channels == (1, 1) else "conv_rows"
    found = _activation(finish, Acc(0))
    return RowCall(kernel, rows, columns, channels, groups, *places, weights, found)


def _places(task: Task, op: Operator, layout: Layout) -> tuple[Place, Place] | None:
    """Where the images lie that a task reads, as operand 0 of `op`, and makes; rows of pixels."""
    x, y = layout.places.get(op.inputs[0]), layout.places[task.output]
    if x is None or len(y.strided.shape) != 4 or x.strided.shape[0] != 1:
        return None
    if not inside_rows(x, layout) or not inside_rows(y, layout):
        return None
    along = [v for axis in task.nest.axes[2:3] for v in axis.variables]
    return (x, y) if task.accumulates or task.row in along else None


def _pooling(task: Task, pool: Operator, op: Operator, layout: Layout) -> RowCall | None:
    """A convolution with the pool that follows it, windows side by side."""
    kinds = {"MaxPool": ("max", "MAX_POOL"), "AveragePool": ("add", "SUM_POOL")}
    bound = bind(replace(pool, epilogue=()), layout.graph)
    if pool.type not in kinds or pool.epilogue or len(bound.out) != 4:
        return None
    rows, columns = windows(bound, ints(bound.attribute("kernel_shape")))
    if any(w.stride != w.kernel or w.dilation > 1 or w.before for w in (rows, columns)):
        return None
    function, kind = kinds[pool.type]
    found = _inside(task, op, function, layout)
    if found is None or found.kernel != "conv_rows" or found.activation is None:
        return None
    return replace(found, pool=Pool(kind, rows.kernel, columns.kernel))


def _adding(task: Task, pool: Operator, op: Operator, layout: Layout) -> RowCall | None:
    """A convolution whose pixels are all added to one, row by row."""
    found = _inside(task, op, "add", layout)
    if found is None or found.kernel != "conv_rows" or found.activation is None:
        return None
    reduction = task.nest.reductions[1]
    loops = [v for v in reduction.loops if v.extent > 1]
    rows, columns = found.rows, found.columns
    if [v.extent for v in loops] != [rows.out, columns.out] or task.row != loops[0]:
        return None
    return replace(found, pool=Pool("SUM_POOL"), grows=True)


def _inside(task: Task, op: Operator, function: str, layout: Layout) -> RowCall | None:
    """The convolution inside the one reduction that `function` makes of its results."""
    nest = task.nest
    if len(nest.reductions) != 2 or nest.reductions[0].inside != 1:
        return None
    update = nest.reductions[1].update
    if not isinstance(update, Call) or update.function != function:
        return None
    if update.arguments[0] != Acc(1):
        return None
    return _conv(task, op, update.arguments[1], layout)


def _pool(task: Task, op: Operator, layout: Layout) -> RowCall | None:
    places = _places(task, op, layout)
    if places is None:
        return None
    bound = bind(replace(op, epilogue=()), layout.graph)
    rows, columns = windows(bound, ints(bound.attribute("kernel_shape")))
    channels, finish = bound.out[1], task.nest.finish
    made = RowCall("max_rows", rows, columns, (1, 1), channels, *places, "", None)
    if op.type == "MaxPool":
        return replace(made, activation=_activation(finish, Acc(0)))
    padded = bool(bound.attribute("count_include_pad"))
    if op.epilogue or (padded and any({*w.counts(True)} != {w.kernel} for w in (rows, columns))):
        return None
    return replace(made, kernel="mean_rows", activation=Activation(), padded=padded)


def _activation(value: Value, acc: Acc) -> Activation | None:
    """What a value makes of an accumulator, if kernels can do that."""
    if value == acc:
        return Activation()
    if not isinstance(value, Call) or len(value.arguments) != 2:
        return None
    inner, number = value.arguments
    if not isinstance(number, Number):
        return None
    if value.function == "leaky" and inner == acc:
        return Activation("LEAKY", low=number.value)
    if value.function == "larger" and inner == acc:
        kind = "RELU" if number.value == 0 else "CLAMP"
        return Activation(kind, number.value, inf)
    if value.function == "smaller":
        held = Activation("CLAMP", -inf) if inner == acc else _activation(inner, acc)
        if held is not None and held.kind in ("RELU", "CLAMP") and held.high in (0.0, inf):
            return Activation("CLAMP", held.low, number.value)
    return None
