"""Kernels: overrides of the reference loops, chosen by an operator's shape.

A kernel computes one output row from row pointers (NULL is padding). What it reads and writes is
declared beside its call, and checked there in the CHECKED build. Its C stands in a file of its name
in `parts/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from lowtide.backends.c99.loops import constant_element
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression
from lowtide.index import Index, Var, number, var
from lowtide.layout import Layout, Place
from lowtide.nest import Acc, Load, Nest
from lowtide.ops import bind
from lowtide.ops.window import Window, windows
from lowtide.task import Task

PARTS = files("lowtide.backends.c99") / "parts"


@dataclass(frozen=True)
class Call:
    """A convolution row kernel and what it is called with."""

    kernel: str
    rows: Window
    columns: Window
    channels: int
    x: Place
    y: Place


def find_kernel(task: Task, program: Program) -> Call | None:
    """The kernel that computes this task's rows, or None: the reference loops do."""
    op, layout = task.operator, program.plan.layout
    if op.type != "Conv" or task.operands[1] not in layout.graph.constants or task.row is None:
        return None
    bound = bind(op, layout.graph)
    batch, channels, *image = bound.shape(0)
    group, outside = int(bound.attribute("group")), bound.out[1]
    x, y = layout.places.get(op.inputs[0]), layout.places[op.output]
    if batch != 1 or len(image) != 2 or x is None or task.order[0:2] != (0, 2):
        return None
    if not _pixels(x) or not _pixels(y) or min(bound.out[2:]) < 2:
        return None
    if not _within_rows(x, layout):
        return None
    rows, columns = windows(bound, bound.shape(1)[2:])
    if group == 1:
        return Call("conv_row", rows, columns, channels, x, y)
    if group == channels == outside:
        return Call("depthwise_row", rows, columns, channels, x, y)
    return None


def _pixels(place: Place) -> bool:
    """Whether a pixel's channels lie side by side."""
    return place.strided.shape[1] == 1 or place.strided.strides[1] == 1


def _within_rows(place: Place, layout: Layout) -> bool:
    """Whether each row of the image lies in one row of its storage.

    A kernel is said to read all of a row. Of an image seen through a transposition, whose rows run
    across the storage's, some pixels may be dead where the kernel steps over them.
    """
    _, channels, height, width = place.strided.shape
    axes = (number(0), var("c", channels), var("h", height), var("w", width))
    row = place.strided.at(axes) // layout.storages[place.storage].row_elements
    return row.variables <= var("h", height).variables


def emit_call(
    call: Call, task: Task, program: Program, lines: Lines, number_: int, row_name: str
) -> None:
    """Emits the body of a task that calls a kernel for the row in its row variable."""
    program.kernels[call.kernel] = None
    program.use_values(task.nest)
    rows, columns = call.rows, call.columns
    shape = call.y.strided.shape
    fields = (
        rows.kernel, columns.kernel, columns.stride, columns.dilation, columns.before,
        columns.size, _stride(call.x, 3), call.channels, shape[3], _stride(call.y, 3), shape[1],
    )  # fmt: skip
    lines.add(f"static const struct conv shape = {{ {', '.join(map(str, fields))} }};")
    lines.add(f"const f32 *x[{rows.kernel}];")
    lines.add(f"TASK({number_}, {row_name});")
    row = task.row
    assert row is not None
    y = _at(call.y, Index(((row, 1),)), program)
    # Stamped before the inputs are checked: these kernels may not overwrite what they read.
    lines.add(f"MADE({y[0]}, {y[1]}, {y[2]}, {shape[3]}, {_stride(call.y, 3)}, {shape[1]});")
    _row_pointers(call, row, program, lines)
    lines.add(f"f32 *y_out = {y[0]}({y[1]}, {y[2]});")
    weights, bias = _constants(call, task, program)
    lines.add(f"{call.kernel}(&shape, x, {weights}, {bias}, y_out);")
    _epilogue(call, task, program, lines)


def _stride(place: Place, axis: int) -> int:
    return place.strided.strides[axis]


def _at(place: Place, row: Index, program: Program) -> tuple[str, str, str]:
    """The C name of the storage, the row and the position where a tensor's row begins."""
    address = program.address(place, (number(0), number(0), row, number(0)))
    return address.storage, address.row.c(), address.at.c()


def _row_pointers(call: Call, row: Var, program: Program, lines: Lines) -> None:
    window, (_, channels, height, width) = call.rows, call.x.strided.shape
    at = (
        Index(((row, 1),)) * window.stride
        - window.before
        + var("ky", window.kernel) * window.dilation
    )
    low, high = at.bounds
    inside = ["h >= 0"] if low < 0 else []
    inside += [f"h < {height}"] if high >= height else []
    source = _at(call.x, var("h", height), program)
    use = f"USE({', '.join(source)}, {width}, {_stride(call.x, 3)}, {channels})"
    lines.open(f"for (int ky = 0; ky < {window.kernel}; ky++)")
    lines.add(f"const int h = {at.c()};")
    lines.add(f"x[ky] = {' && '.join(inside)} ? {use} : NULL;" if inside else f"x[ky] = {use};")
    lines.close()


def _constants(call: Call, task: Task, program: Program) -> tuple[str, str]:
    """Weights as [ky][kx][in][out] (depthwise [ky][kx][channel]), the bias or NULL."""
    start, bias = task.nest.reductions[0].start, "NULL"
    if isinstance(start, Load):
        bias = program.weight(task.operands[task.nest.reads[start.read].operand], (0,))
    return program.weight(task.operands[1], (2, 3, 1, 0)), bias


def _epilogue(call: Call, task: Task, program: Program, lines: Lines) -> None:
    nest: Nest = task.nest
    if nest.finish == Acc(0):
        return
    channel, column = (next(iter(nest.axes[a].variables), None) for a in (1, 3))
    loops: Sequence[Var] = [v for v in (column, channel) if v is not None]
    at = nest.axes[3] * _stride(call.y, 3) + nest.axes[1]
    for v in loops:
        lines.loop(v.name, v.extent)
    lines.add(f"f32 *v = y_out + {at.c()};")
    value = expression(nest.finish, lambda k: constant_element(task, k, program), lambda _: "*v")
    lines.add(f"*v = {bare(value)};")
    for _ in loops:
        lines.close()


def kernel_source(name: str) -> str:
    """The C of a kernel."""
    return (PARTS / f"{name}.c").read_text()
