"""Calls of the kernels that make whole rows; their C stands in `kernels/c/`.

They get pointers to rows (NULL is padding) and make `rows` output rows at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack

from lowtide.backends.c99.calls import (
    constants,
    emit_finish,
    end_scratch,
    pixel_stride,
    place_of_row,
)
from lowtide.backends.c99.loops import constant_element
from lowtide.backends.c99.plane_calls import emit_planes
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression, if_there, literal, within
from lowtide.ir.index import Index, Var, number, var
from lowtide.ir.nest import Nest
from lowtide.ir.value import Acc, FromIndex, FromTable, loads, walk
from lowtide.kernels.calls import Activation, RowCall
from lowtide.kernels.kernel import Use
from lowtide.layout.lay_out import Place
from lowtide.rows.task import Task


def emit_row_call(
    use: Use, call: RowCall, task: Task, program: Program, lines: Lines, most: int
) -> None:
    """Emits the body of a function that makes rows first .. first + rows - 1, at most `most`."""
    y = task.row
    assert y is not None
    shape = _fields(call)
    program.shapes.append(shape)
    if use.arena_bytes:  # packed weights are made part by part: parts go on, and are not the end
        part: dict[str, float | str] = {"ph": call.taps, "on": 1, "act": "NO_ACTIVATION"}
        program.shapes.append({**shape, **part})
    none = (0, "NO_POOL", "NO_ACTIVATION")
    fields = ", ".join(f".{name} = {value}" for name, value in shape.items() if value not in none)
    lines.add(f"static const struct rows shape = {{ {fields} }};")
    if call.planes:
        emit_planes(use, call, task, program, lines)
        return
    lines.add(f"ROW_POINTERS({most * call.rows.kernel * call.pool.height}, {most});")
    with lines.block("for (int j = 0; j < rows; j++)"):
        lines.add(f"const int {y.name} = first + j;")
        _in_rows(call, y, program, lines)
        row = number(0) if call.grows else _at(y)
        lines.add(f"out[j] = OUT_ROW(j, {', '.join(place_of_row(call.y, row, program))});")
    if call.grows:
        begin_sums("first", task, program, lines)
    if call.onto:
        _go_on(call.onto, call.y, y, program, lines)
    weight, bias, room = constants(use, call, task, program, lines)
    lines.add("CHECK_ROWS(&shape, rows);")
    lines.add(f"{use.kernel.name}(&shape, in, out, rows, {weight}, {bias}{room});")
    end_scratch(task, program, lines)
    if call.grows and task.nest.finish != Acc(1):
        with lines.block(f"if (first + rows == {y.extent})"):
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


def begin_sums(row: str, task: Task, program: Program, lines: Lines) -> None:
    """What sums that grow begin with, where `row` is the first, or that they are still there."""
    outer = task.nest.reductions[1]
    load, kind = (lambda k: constant_element(task, k, program)), task.nest.arithmetic
    start = expression(outer.start, load, str, kind)
    place = program.plan.layout.places[task.output]
    address = program.address(place, task.nest.axes).c
    with ExitStack() as loops:
        for channel in task.nest.axes[1].variables:  # none if there is one channel
            lines.loop(channel.name, channel.extent)
            loops.callback(lines.close)
        lines.add(f"if ({row} == 0)")
        lines.add(f"    WRITE({address}, {bare(start)});")
        lines.add(f"#ifdef LOWTIDE_CHECKED\nelse\n    USE_ELEMENT({address});\n#endif")


def _go_on(onto: Place, made: Place, y: Var, program: Program, lines: Lines) -> None:
    """Copies the sums that go on to where they do."""
    _, channels, _, width = made.strided.shape
    x, c = Var("x", width), Var("c", channels)
    at = [program.address(p, (number(0), _at(c), _at(y), _at(x))).c for p in (made, onto)]
    lines.loop(y.name, "first + rows", start="first")
    for v in (x, c):
        lines.loop(v.name, v.extent)
    lines.add(f"WRITE({at[0]}, READ({at[1]}));")
    for _ in range(3):
        lines.close()


def _at(y: Var) -> Index:
    return Index(((y, 1),))


_DECIDE = ("groups", "ph", "pw", "pool", "grows", "on", "padded", "act")
"""Fields of struct rows that kernels branch by."""


def common_fields(program: Program, parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Macros of fields that are the same in all rows of a program, and its kernels' C with these.

    s->pool == MAX_POOL   ->   ALL_POOL == MAX_POOL     of which a compiler leaves nothing
    """
    held = {name: {shape[name] for shape in program.shapes} for name in _DECIDE if program.shapes}
    same = {name: values.pop() for name, values in held.items() if len(values) == 1}
    field = re.compile(rf"\bs->({'|'.join(same) or '-'})\b")

    def settled(part: str) -> str:
        if "struct rows *s" not in part:
            return part
        return field.sub(lambda found: f"ALL_{found[1].upper()}", part)

    text = [settled(part) for part in parts]
    macros = [(f"ALL_{name.upper()}", value) for name, value in same.items()]
    used = [(name, value) for name, value in macros if any(name in part for part in text)]
    return [f"#define {name} {value}" for name, value in used], text


def _fields(call: RowCall) -> dict[str, float | str]:
    """The fields of struct rows."""
    columns, pool, act = call.columns, call.pool, call.activation or Activation()
    inside, outside = call.channels
    width, stride = (
        (call.columns.out, 0) if call.grows else (call.y.strided.shape[-1], pixel_stride(call.y))
    )
    return {
        "kh": call.taps, "kw": columns.kernel, "stride": columns.stride,
        "dilation": columns.dilation, "before": columns.before, "iw": columns.size,
        "is": pixel_stride(call.x), "ci": inside, "ow": width, "os": stride, "co": outside,
        "groups": call.groups, "ph": pool.height, "pw": pool.width, "pool": pool.kind,
        "grows": int(call.grows), "on": int(call.onto is not None), "padded": int(call.padded),
        "act": act.kind,
        "low": act.low and literal(act.low), "high": act.high and literal(act.high),
    }  # fmt: skip


def _in_rows(call: RowCall, y: Var, program: Program, lines: Lines) -> None:
    """Where the rows under the windows lie; several rows of windows where a pool follows."""
    window, pool, height = call.rows, call.pool, call.x.strided.shape[2]
    made, k = _at(y), f"j * {window.kernel} + ky"
    if pool.height > 1:
        made = made * pool.height + var("py", pool.height)
        lines.loop("py", pool.height)
        k = f"(j * {pool.height} + py) * {window.kernel} + ky"
    at = made * window.stride - window.before + var("ky", window.kernel) * window.dilation
    row = ", ".join(place_of_row(call.x, _at(Var("h", height)), program))
    lines.loop("ky", window.kernel)
    lines.add(f"const int h = {at.c()};")
    lines.add(f"in[{k}] = {if_there(within('h', at, height), f'IN_ROW({k}, {row})')};")
    lines.close()
    if pool.height > 1:
        lines.close()
