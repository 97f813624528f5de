"""Kernels of whole rows, for steps that are rows: several pixels of several rows are summed in
registers, so what they make must not lie on what they read.

They get pointers to rows (NULL is padding), `rows` output rows at a time, and make an activation
and a pool that follow in the same go. Their C stands in files of their names in `parts/`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from lowtide.backends.c99.kernels import emit_finish, inside_rows, pixel_stride, place_of_row
from lowtide.backends.c99.loops import constant_element
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression, literal
from lowtide.graph import Operator
from lowtide.index import Index, Var, number, var
from lowtide.layout import Layout, Place
from lowtide.nest import Acc, Call, FromIndex, FromTable, Load, Nest, Number, Value, loads, walk
from lowtide.ops import bind
from lowtide.ops.entry import ints
from lowtide.ops.window import Window, windows
from lowtide.task import Task


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
    if pool.type not in kinds or pool.epilogue:
        return None
    bound = bind(pool, layout.graph)
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


def emit_row_call(call: RowCall, task: Task, program: Program, lines: Lines, most: int) -> None:
    """Emits the body of a function that makes rows first .. first + rows - 1, at most `most`."""
    program.row_kernels[call.kernel] = None
    y = task.row
    assert y is not None
    lines.add(f"static const struct rows shape = {{ {_fields(call)} }};")
    lines.add(f"ROW_POINTERS({most * call.rows.kernel * call.pool.height}, {most});")
    with lines.block("for (int j = 0; j < rows; j++)"):
        lines.add(f"const int {y.name} = first + j;")
        _in_rows(call, y, program, lines)
        row = number(0) if call.grows else _at(y)
        lines.add(f"out[j] = OUT_ROW(j, {', '.join(place_of_row(call.y, row, program))});")
    if call.grows:
        _begin(task, program, lines)
    lines.add("CHECK_ROWS(&shape, rows);")
    weight, bias = _constants(call, task, program)
    lines.add(f"{call.kernel}(&shape, in, out, rows, {weight}, {bias});")
    if call.grows and task.nest.finish != Acc(1):
        lines.add(f"if (first + rows == {y.extent})")
        emit_finish(call.y, "out[0]", task, program, lines, Acc(1))
    elif call.activation is None:
        with lines.block("for (int j = 0; j < rows; j++)"):
            if _uses(task.nest, y):
                lines.add(f"const int {y.name} = first + j;")
            emit_finish(call.y, "out[j]", task, program, lines, Acc(0))


def _uses(nest: Nest, y: Var) -> bool:
    """Whether what is fused onto a row differs from row to row: a constant of a number a row."""
    indices = [i for k in loads(nest.finish) for i in nest.reads[k].index]
    indices += [v.index for v in walk(nest.finish) if isinstance(v, FromIndex | FromTable)]
    return any(y in index.variables for index in indices)


def _begin(task: Task, program: Program, lines: Lines) -> None:
    """What the sums that grow begin with, or that they are still there."""
    outer = task.nest.reductions[1]
    start = expression(outer.start, lambda k: constant_element(task, k, program), str)
    place = program.plan.layout.places[task.output]
    address = program.address(place, task.nest.axes).c
    channel = next(iter(task.nest.axes[1].variables))
    lines.loop(channel.name, channel.extent)
    lines.add("if (first == 0)")
    lines.add(f"    WRITE({address}, {bare(start)});")
    lines.add("else")
    lines.add(f"    USE_ELEMENT({address});")
    lines.close()


def _constants(call: RowCall, task: Task, program: Program) -> tuple[str, str]:
    """The names of the weights and of the bias, or NULL."""
    bias = "NULL"
    if not call.weights:
        return "NULL", bias
    start = task.nest.reductions[0].start
    if isinstance(start, Load):
        bias = program.weight(task.operands[task.nest.reads[start.read].operand], (0,))
    if call.kernel == "depthwise_rows":
        return program.weight(call.weights, (2, 3, 1, 0)), bias
    return program.blocks(call.weights, call.groups), bias


def _at(y: Var) -> Index:
    return Index(((y, 1),))


def _fields(call: RowCall) -> str:
    """The fields of struct rows that are not 0."""
    columns, pool, act = call.columns, call.pool, call.activation or Activation()
    inside, outside = call.channels
    width, stride = (
        (call.columns.out, 0) if call.grows else (call.y.strided.shape[3], pixel_stride(call.y))
    )
    fields = {
        "kh": call.rows.kernel, "kw": columns.kernel, "stride": columns.stride,
        "dilation": columns.dilation, "before": columns.before, "iw": columns.size,
        "is": pixel_stride(call.x), "ci": inside, "ow": width, "os": stride, "co": outside,
        "groups": call.groups, "ph": pool.height, "pw": pool.width, "pool": pool.kind,
        "grows": int(call.grows), "padded": int(call.padded), "act": act.kind,
        "low": act.low and literal(act.low), "high": act.high and literal(act.high),
    }  # fmt: skip
    none = (0, "NO_POOL", "NO_ACTIVATION")
    return ", ".join(f".{name} = {value}" for name, value in fields.items() if value not in none)


def _in_rows(call: RowCall, y: Var, program: Program, lines: Lines) -> None:
    """Where the rows under the windows lie; several rows of windows where a pool follows."""
    window, pool, height = call.rows, call.pool, call.x.strided.shape[2]
    made, k = _at(y), f"j * {window.kernel} + ky"
    if pool.height > 1:
        made = made * pool.height + var("py", pool.height)
        lines.loop("py", pool.height)
        k = f"(j * {pool.height} + py) * {window.kernel} + ky"
    at = made * window.stride - window.before + var("ky", window.kernel) * window.dilation
    low, high = at.bounds
    inside = ["h >= 0"] if low < 0 else []
    inside += [f"h < {height}"] if high >= height else []
    row = ", ".join(place_of_row(call.x, _at(Var("h", height)), program))
    lines.loop("ky", window.kernel)
    lines.add(f"const int h = {at.c()};")
    use = f"IN_ROW({k}, {row})"
    lines.add(f"in[{k}] = {' && '.join(inside)} ? {use} : NULL;" if inside else f"in[{k}] = {use};")
    lines.close()
    if pool.height > 1:
        lines.close()
