"""Calls of the kernels that make whole rows for volumes: a row of the task is an image.

    for each image z, for each of its rows y:
        in[kz * kh + ky] = row y * s - p + ky of image z * s - p + kz, or NULL (padding)

Nothing but which rows lie under a window differs from an image.
"""

from __future__ import annotations

from lowtide.backends.c99.calls import bias_of, emit_finish, place_of_row
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, if_there, within
from lowtide.ir.index import Index, Var, index_of, var
from lowtide.ir.value import Acc
from lowtide.kernels.calls import RowCall
from lowtide.kernels.kernel import Use
from lowtide.ops.window import SlidingWindow
from lowtide.rows.task import Task


def emit_planes(use: Use, call: RowCall, task: Task, program: Program, lines: Lines) -> None:
    """Emits the calls for images first .. first + rows - 1, one for each of their rows."""
    z, rows = task.row, task.nest.axes[3]
    assert z is not None
    assert call.planes is not None
    lines.add(f"ROW_POINTERS({call.taps}, 1);")
    lines.loop(z.name, "first + rows", start="first")
    for v in rows.variables:
        lines.loop(v.name, v.extent)
    _in_rows(call, call.planes, (index_of(z), rows), program, lines)
    lines.add(
        f"out[0] = OUT_ROW(0, {', '.join(place_of_row(call.y, rows, program, index_of(z)))});"
    )
    lines.add("CHECK_ROWS(&shape, 1);")
    weight = program.weight(use.packings[0]) if use.packings else "NULL"
    bias = bias_of(call.start, task, program)
    lines.add(f"{use.kernel.name}(&shape, in, out, 1, {weight}, {bias});")
    if call.activation is None:
        emit_finish(call.y, "out[0]", task, program, lines, Acc(0))
    for _ in (z, *rows.variables):
        lines.close()


def _in_rows(
    call: RowCall, planes: SlidingWindow, at: tuple[Index, Index], program: Program, lines: Lines
) -> None:
    """Where the rows under the windows lie, image after image."""
    depth, height = call.x.strided.shape[2:4]
    tests = list[str]()
    for name, window, made, size in (("d", planes, at[0], depth), ("h", call.rows, at[1], height)):
        tap = var(f"k{name}", window.kernel)
        index = made * window.stride - window.before + tap * window.dilation
        lines.loop(f"k{name}", window.kernel)
        lines.add(f"const int {name} = {index.c()};")
        tests.append(within(name, index, size))
    d, h = (Index(((Var(name, size), 1),)) for name, size in (("d", depth), ("h", height)))
    k = f"kd * {call.rows.kernel} + kh"
    row = f"IN_ROW({k}, {', '.join(place_of_row(call.x, h, program, d))})"
    lines.add(f"in[{k}] = {if_there(' && '.join(filter(None, tests)), row)};")
    for _ in range(2):
        lines.close()
