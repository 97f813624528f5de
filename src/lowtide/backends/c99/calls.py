"""Calls of the kernels that make a row pixel by pixel, and what all calls share.

A kernel gets row pointers (NULL is padding); in what steps it makes its row is checked at its call
in the CHECKED build.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowtide.backends.c99.loops import constant_element
from lowtide.backends.c99.packed import descriptor
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression, if_there, within
from lowtide.ir.dtype import F32
from lowtide.ir.index import Index, number, var
from lowtide.ir.nest import Nest
from lowtide.ir.value import Acc, Load, Value
from lowtide.kernels.calls import EightCall, PixelCall, RowCall
from lowtide.kernels.kernel import Use
from lowtide.kernels.packing import InOrder
from lowtide.layout.lay_out import Place
from lowtide.rows.task import Task


def emit_pixel_call(
    use: Use, call: PixelCall, task: Task, program: Program, lines: Lines, backward: bool
) -> None:
    """Emits the body of a task that calls a kernel for the row in its row variable."""
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
    if use.scratch:
        lines.add(f"float pixel[{use.scratch}];")
        buffer = "pixel"
    row = task.row
    assert row is not None
    row_pointers(call, Index(((row, 1),)), program, lines, "ROW", "in")
    y = ", ".join(place_of_row(call.y, Index(((row, 1),)), program))
    weights, bias, room = constants(use, call, task, program, lines)
    lines.add(f"f32 *y_out = OUT({y});")
    lines.add(f"{use.kernel.name}(&shape, in, {weights}, {bias}, y_out, {buffer}{room});")
    end_scratch(task, program, lines)
    emit_finish(call.y, "y_out", task, program, lines, Acc(0))


def pixel_stride(place: Place) -> int:
    """Elements from a pixel to the next."""
    return place.strided.strides[-1]


def place_of_row(place: Place, row: Index, program: Program, *plane: Index) -> tuple[str, str, str]:
    """Where a row of a tensor begins: in C, the storage's name, the row and the position."""
    address = program.address(place, (number(0), number(0), *plane, row, number(0)))
    return address.storage, address.row.c(), address.at.c()


def row_pointers(
    call: PixelCall | EightCall,
    row: Index,
    program: Program,
    lines: Lines,
    macro: str,
    name: str = "x",
) -> None:
    """Emits where the rows under the windows of a row lie."""
    window, height = call.rows, call.x.strided.shape[2]
    at = row * window.stride - window.before + var("ky", window.kernel) * window.dilation
    inside = within("h", at, height)
    use = f"{macro}({', '.join(place_of_row(call.x, var('h', height), program))})"
    lines.open(f"for (int ky = 0; ky < {window.kernel}; ky++)")
    if inside or height > 1:
        lines.add(f"const int h = {at.c()};")
    lines.add(f"{name}[ky] = {if_there(inside, use)};")
    lines.close()


def constants(
    use: Use, call: PixelCall | RowCall, task: Task, program: Program, lines: Lines
) -> tuple[str, str, str]:
    """The names of the weights, or of what describes packed ones, and of the bias.

    And for packed ones, one argument more: where there is room for what is unpacked.
    """
    bias, graph = bias_of(call.start, task, program), program.plan.layout.graph
    if not use.packings:
        return "NULL", bias, ""
    weight, name = program.weight(use.packings[0]), use.packings[0].constant
    codes = graph.packed.get(name)
    if codes is None:
        return weight, bias, ""
    room = scratch_of(task, program)
    assert room is not None
    fields = descriptor(weight, codes, graph.shape(name)[0], use.arena_bytes // F32.bytes)
    lines.add(f"static const struct packed weights = {{ {fields} }};")
    lines.add(room.made)
    return "&weights", bias, f", {room.begins}"


@dataclass(frozen=True)
class Scratch:
    """What a task keeps in the arena for a step: where it begins in C.

    The judge is told before that it is written, and asks after if nothing else was written there.
    """

    begins: str
    made: str
    used: str


def scratch_of(task: Task, program: Program) -> Scratch | None:
    """The scratch of a task; of a storage with a row for each of the task's the first of a step."""
    name = program.plan.layout.scratch.get(task.output)
    if name is None:
        return None
    held, storage = program.storage(name), program.plan.layout.storages[name]
    row = "first" if storage.rows > 1 else "0"
    whole = f"({held}, {row}, {storage.row_elements});"
    return Scratch(f"{held}({row}, 0)", f"MADE_ROW{whole}", f"USE_ROW{whole}")


def end_scratch(task: Task, program: Program, lines: Lines) -> None:
    """Emits that a step is over, if it keeps anything in the arena."""
    scratch = scratch_of(task, program)
    if scratch:
        lines.add(scratch.used)


def bias_of(start: Value | None, task: Task, program: Program) -> str:
    """The C name of the constant that sums begin with, or NULL."""
    if not isinstance(start, Load):
        return "NULL"
    return program.weight(InOrder(task.operands[task.nest.reads[start.read].operand], (0,)))


def emit_finish(y: Place, row: str, task: Task, program: Program, lines: Lines, acc: Acc) -> None:
    """Emits what is fused onto a task: applies it to a row of sums, `acc`, that a kernel made."""
    nest: Nest = task.nest
    if nest.finish == acc:
        return
    program.use_values(replace(nest, reductions=()))
    columns = nest.axes[-1] if len(nest.axes) > 3 else Index()  # a signal's rows have one pixel
    loops = [v for axis in (columns, nest.axes[1]) for v in axis.variables]
    at = columns * pixel_stride(y) + nest.axes[1]
    for v in loops:
        lines.loop(v.name, v.extent)
    lines.add(f"f32 *v = {row} + {at.c()};")
    value = expression(nest.finish, lambda k: constant_element(task, k, program), lambda _: "*v")
    lines.add(f"*v = {bare(value)};")
    for _ in loops:
        lines.close()
