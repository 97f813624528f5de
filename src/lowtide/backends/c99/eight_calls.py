"""Calls of the kernels of 8-bit numbers; their C stands in `kernels/c/`."""

from __future__ import annotations

from lowtide.backends.c99.calls import pixel_stride, place_of_row, row_pointers, scratch_of
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.row_calls import begin_sums
from lowtide.backends.c99.text import Lines
from lowtide.ir.dtype import U8
from lowtide.ir.index import Index, index_of
from lowtide.kernels.calls import AddCall, EightCall
from lowtide.kernels.kernel import Use
from lowtide.rows.task import Task


def emit_eight_call(
    use: Use, call: EightCall, task: Task, program: Program, lines: Lines, backward: bool
) -> None:
    """Emits the body of a task that calls a kernel for the row in its row variable."""
    row = index_of(task.row) if task.row else Index()
    lines.add(f"static const struct eight shape = {{ {_fields(call, task, program, backward)} }};")
    lines.add(f"EIGHT_ROWS({call.rows.kernel});")
    row_pointers(call, row, program, lines, "EIGHT_ROW")
    weights, ends = (program.weight(packing) for packing in use.packings)
    if task.accumulates and task.row:
        begin_sums(task.row.name, task, program, lines)
        lines.add("EIGHT_READ;")
        out = program.address(call.y, [Index()] * 4).pointer
    else:
        out = f"EIGHT_OUT({', '.join(place_of_row(call.y, row, program))})"
    arguments = f"&shape, x, {weights}, (const struct ending8 *)(const void *){ends}, {out}"
    scratch = scratch_of(task, program)
    if scratch is None:
        lines.add(f"{use.kernel.name}({arguments}, NULL);")
        return
    lines.add(scratch.made)
    lines.add(f"{use.kernel.name}({arguments}, (wide16 *)(void *){scratch.begins});")
    lines.add(scratch.used)


def emit_add_call(
    use: Use, call: AddCall, task: Task, program: Program, lines: Lines, backward: bool
) -> None:
    """Emits the body of a task that adds two rows: for the judge, those of windows of a column."""
    row = index_of(task.row) if task.row else Index()
    _, channels, _, columns = call.y.strided.shape
    fields = {
        "kh": 2, "kw": 1, "stride": 1, "iw": columns, "is": channels, "ci": channels,
        "ow": columns, "os": channels, "co": channels, "back": int(backward),
        "group": task.grain.pixels or columns, "atomic": int(task.grain.atomic),
    }  # fmt: skip
    written = ", ".join(f".{name} = {value}" for name, value in fields.items() if value)
    x = ", ".join(f"{{ {one.zero}, {one.m}, {one.shift} }}" for one in call.terms)
    y = f"{call.sum.zero}, {call.sum.m}, {call.sum.shift}"
    numbers = f"{{ {x} }}, {{ {y} }}, {call.low}, {call.high}"
    lines.add(f"static const struct eight shape = {{ {written} }};")
    lines.add(f"static const struct add8 numbers = {{ {numbers} }};")
    lines.add("EIGHT_ROWS(2);")
    first, second = (", ".join(place_of_row(place, row, program)) for place in call.x)
    lines.open("for (int ky = 0; ky < 2; ky++)")
    lines.add(f"x[ky] = ky == 0 ? EIGHT_ROW({first}) : EIGHT_ROW({second});")
    lines.close()
    out = f"EIGHT_OUT({', '.join(place_of_row(call.y, row, program))})"
    lines.add(f"{use.kernel.name}(&shape, &numbers, x, {out});")


def _fields(call: EightCall, task: Task, program: Program, backward: bool) -> str:
    """The fields of struct eight that are not 0."""
    columns, ends, channels = call.columns, call.ending, call.y.strided.shape[1]
    given = program.plan.layout.storages[call.x.storage].dtype
    fields = {
        "kh": call.rows.kernel, "kw": columns.kernel, "stride": columns.stride,
        "dilation": columns.dilation, "before": columns.before, "iw": columns.size,
        "is": pixel_stride(call.x), "ci": call.channels, "zero": call.zero,
        "from_zero": int(given == U8), "ow": columns.out, "os": pixel_stride(call.y),
        "co": channels, "pixels": call.pixels, "ending": ends.kind, "offset": ends.offset,
        "low": ends.low, "high": ends.high,
        "plain": int(call.plain), "back": int(backward),
        "group": task.grain.pixels or columns.out, "atomic": int(task.grain.atomic),
        "wide": call.wide,
    }  # fmt: skip
    return ", ".join(
        f".{name} = {value}" for name, value in fields.items() if value not in (0, "TWICE")
    )
