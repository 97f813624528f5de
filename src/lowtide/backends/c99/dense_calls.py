"""Calls of the kernel of dense layers; its C stands in `kernels/c/dense.c`."""

from __future__ import annotations

from dataclasses import replace

from lowtide.backends.c99.loops import constant_element
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.text import Lines, bare, expression
from lowtide.ir.index import Index
from lowtide.ir.value import Acc
from lowtide.kernels.calls import RunCall
from lowtide.kernels.kernel import Use
from lowtide.rows.task import Task


def emit_run_call(use: Use, dense: RunCall, task: Task, program: Program, lines: Lines) -> None:
    """Emits the body of a task that calls the kernel of dense layers."""
    program.use_values(replace(task.nest, reductions=()))
    places, row, channel = program.plan.layout.places, task.row, dense.channel
    still = {v.name: Index() for v in (*dense.run, channel)}
    y = program.address(places[task.output], task.nest.axes)
    x = program.address(places[task.operands[dense.x.operand]], dense.x.index)
    start = expression(
        task.nest.reductions[0].start, lambda k: constant_element(task, k, program), str
    )
    with lines.block(
        f"for (int {channel.name} = 0; {channel.name} < {channel.extent}; {channel.name}++)"
    ):
        if row:
            lines.add(f"if ({row.name} == 0)\n    WRITE({y.c}, {bare(start)});")
            lines.add(f"#ifdef LOWTIDE_CHECKED\nelse\n    USE_ELEMENT({y.c});\n#endif")
        else:
            lines.add(f"WRITE({y.c}, {bare(start)});")
    here, out = x.where(still), y.where(still).pointer
    weight = program.weight(use.packings[0])
    first = f" + (ptrdiff_t){row.name} * {dense.length * channel.extent}" if row else ""
    lines.add(f"USE_RUN({here.c}, {dense.length});")
    given = f"{here.pointer}, {dense.length}, {weight}{first}, {channel.extent}, {out}"
    lines.add(f"{use.kernel.name}({given});")
    if task.nest.finish == Acc(0):
        return
    value = expression(
        task.nest.finish,
        lambda k: constant_element(task, k, program),
        lambda _: f"READ({y.c})",
    )
    if row:
        lines.add(f"if ({row.name} == {row.extent - 1})")
    lines.loop(channel.name, channel.extent)
    lines.add(f"WRITE({y.c}, {bare(value)});")
    lines.close()
