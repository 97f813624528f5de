"""Kernels: overrides of the reference loops, chosen by an operator's shape.

A kernel computes one output row from row pointers (NULL is padding), pixel by pixel: in what steps
(`Grain`) is declared here, and checked at its call in the CHECKED build. Its C stands in a file of
its name in `parts/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

from lowtide.backends.c99.loops import constant_element, needs_buffer
from lowtide.backends.c99.packed import descriptor
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression
from lowtide.ir.index import Index, Var, number, var
from lowtide.ir.nest import Acc, Load, Nest
from lowtide.layout.lay_out import Layout, Place
from lowtide.ops import bind
from lowtide.ops.window import Window, windows
from lowtide.rows.task import PIXEL, Grain, Task

BLOCK = 32
"""Output channels that the kernels hold at one time: CONV_BLOCK of parts/conv.h."""

PACKED_PIXELS = 8
"""Pixels that what is unpacked once serves: that of parts/packed.h."""

SMALL_BUFFER = 256
"""Channels of a pixel that the loops may buffer without being told to."""

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


def declared(task: Task, layout: Layout) -> Grain:
    """The steps in which the code that ships makes a row of a task, without a large buffer.

    A pixel of more channels than a kernel holds is written block by block, and its inputs are read
    again between.
    """
    kernel = find_kernel(task, layout)
    if kernel:
        if task.channels <= BLOCK:
            return PIXEL
        return Grain(PACKED_PIXELS if kernel.kernel.startswith("packed") else 1)
    small = task.channels <= SMALL_BUFFER or not needs_buffer(task, layout)
    return PIXEL if small else Grain(pixels=1)


def scratch(task: Task, layout: Layout) -> int:
    """Elements of the buffer that a task keeps on the stack for a pixel."""
    if not task.grain.atomic or task.row is None:
        return 0
    if find_kernel(task, layout):
        return task.channels if task.channels > BLOCK else 0
    return task.channels if needs_buffer(task, layout) else 0


def find_kernel(task: Task, layout: Layout) -> Call | None:
    """The kernel that computes this task's rows, or None: the reference loops do."""
    op = task.operator
    if op.type != "Conv" or task.operands[1] not in layout.graph.constants or task.row is None:
        return None
    bound = bind(op, layout.graph)
    batch, channels, *image = bound.shape(0)
    group, outside = int(bound.attribute("group")), bound.out[1]
    x, y = layout.places.get(op.inputs[0]), layout.places[op.output]
    if batch != 1 or len(image) != 2 or x is None or task.order[0:2] != (0, 2):
        return None
    if not inside_rows(x, layout) or not inside_rows(y, layout) or min(bound.out[2:]) < 2:
        return None
    rows, columns = windows(bound, bound.shape(1)[2:])
    name = "packed_" if task.operands[1] in layout.graph.packed else ""
    if group == 1:
        return Call(f"{name}conv_row", rows, columns, channels, x, y)
    if group == channels == outside:
        return Call(f"{name}depthwise_row", rows, columns, channels, x, y)
    return None


def inside_rows(place: Place, layout: Layout) -> bool:
    """Whether a pixel's channels lie side by side, and a row in one row of its storage.

    Rows of the storage may lie anywhere. And a kernel is said to read all of a row: of an image
    seen through a transposition, whose rows run across the storage's, some pixels may be dead
    where the kernel steps over them.
    """
    _, channels, height, width = place.strided.shape
    if channels > 1 and place.strided.strides[1] != 1:
        return False
    axes = (number(0), var("c", channels), var("h", height), var("w", width))
    row = place.strided.at(axes) // layout.storages[place.storage].row_elements
    return row.variables <= var("h", height).variables


def emit_call(call: Call, task: Task, program: Program, lines: Lines, backward: bool) -> None:
    """Emits the body of a task that calls a kernel for the row in its row variable."""
    program.kernels[call.kernel] = None
    rows, columns = call.rows, call.columns
    shape = call.y.strided.shape
    fields = (
        rows.kernel, columns.kernel, columns.stride, columns.dilation, columns.before,
        columns.size, pixel_stride(call.x), call.channels, shape[3], pixel_stride(call.y), shape[1],
        int(backward), task.grain.pixels or shape[3], int(task.grain.atomic),
    )  # fmt: skip
    lines.add(f"static const struct conv shape = {{ {', '.join(map(str, fields))} }};")
    lines.add(f"ROWS({rows.kernel});")
    buffer = "NULL"
    if scratch(task, program.plan.layout):
        lines.add(f"float pixel[{task.channels}];")
        buffer = "pixel"
    row = task.row
    assert row is not None
    _row_pointers(call, row, program, lines)
    y = ", ".join(place_of_row(call.y, Index(((row, 1),)), program))
    weights, bias = _constants(call, task, program, lines)
    lines.add(f"f32 *y_out = OUT({y});")
    lines.add(f"{call.kernel}(&shape, x, {weights}, {bias}, y_out, {buffer});")
    emit_finish(call.y, "y_out", task, program, lines, Acc(0))


def pixel_stride(place: Place) -> int:
    """Elements from a pixel to the next."""
    return place.strided.strides[3]


def place_of_row(place: Place, row: Index, program: Program) -> tuple[str, str, str]:
    """The C name of the storage, the row and the position where a tensor's row begins."""
    address = program.address(place, (number(0), number(0), row, number(0)))
    return address.storage, address.row.c(), address.at.c()


def _row_pointers(call: Call, row: Var, program: Program, lines: Lines) -> None:
    window, height = call.rows, call.x.strided.shape[2]
    at = (
        Index(((row, 1),)) * window.stride
        - window.before
        + var("ky", window.kernel) * window.dilation
    )
    low, high = at.bounds
    inside = ["h >= 0"] if low < 0 else []
    inside += [f"h < {height}"] if high >= height else []
    use = f"ROW({', '.join(place_of_row(call.x, var('h', height), program))})"
    lines.open(f"for (int ky = 0; ky < {window.kernel}; ky++)")
    lines.add(f"const int h = {at.c()};")
    lines.add(f"x[ky] = {' && '.join(inside)} ? {use} : NULL;" if inside else f"x[ky] = {use};")
    lines.close()


def _constants(call: Call, task: Task, program: Program, lines: Lines) -> tuple[str, str]:
    """Weights as [ky][kx][in][out] (depthwise [ky][kx][channel]), the bias or NULL."""
    start, bias = task.nest.reductions[0].start, "NULL"
    if isinstance(start, Load):
        bias = program.weight(task.operands[task.nest.reads[start.read].operand], (0,))
    weight, graph = program.weight(task.operands[1], (2, 3, 1, 0)), program.plan.layout.graph
    codes = graph.packed.get(task.operands[1])
    if codes is None:
        return weight, bias
    fields = descriptor(weight, codes, graph.shape(task.operands[1])[0])
    lines.add(f"const struct packed weights = {{ {fields} }};")
    return "&weights", bias


def emit_finish(y: Place, row: str, task: Task, program: Program, lines: Lines, acc: Acc) -> None:
    """Emits what is fused onto a task, applied to a row of its results, Acc, by a kernel."""
    nest: Nest = task.nest
    if nest.finish == acc:
        return
    program.use_values(replace(nest, reductions=()))
    channel, column = (next(iter(nest.axes[a].variables), None) for a in (1, 3))
    loops: Sequence[Var] = [v for v in (column, channel) if v is not None]
    at = nest.axes[3] * pixel_stride(y) + nest.axes[1]
    for v in loops:
        lines.loop(v.name, v.extent)
    lines.add(f"f32 *v = {row} + {at.c()};")
    value = expression(nest.finish, lambda k: constant_element(task, k, program), lambda _: "*v")
    lines.add(f"*v = {bare(value)};")
    for _ in loops:
        lines.close()


def kernel_source(name: str) -> str:
    """The C of a kernel."""
    return (PARTS / f"{name}.c").read_text()
