"""A plan as one C99 program.

net.c, net.h                       what ships ..
net_weights.c, net_weights.bin     .. with its constants: C that net.c includes, or a file if large
checks/net.c                       the same with the judge woven in
checks/reference.c                 the same plan computed by the definitions alone, judged
main.c                             an example of a caller
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from lowtide.backends.c99.arena import ALIGNED, NO_ALIGNED, emit_own_arena
from lowtide.backends.c99.calls import emit_pixel_call
from lowtide.backends.c99.claim import emit_claim
from lowtide.backends.c99.dense_calls import emit_run_call
from lowtide.backends.c99.driver import emit_driver, most_rows
from lowtide.backends.c99.eight_calls import emit_add_call, emit_eight_call
from lowtide.backends.c99.example import example
from lowtide.backends.c99.header import header
from lowtide.backends.c99.loops import reference_loops
from lowtide.backends.c99.program import Program, operator_function
from lowtide.backends.c99.row_calls import common_fields, emit_row_call
from lowtide.backends.c99.ship import shipped
from lowtide.backends.c99.storages import emit_storages
from lowtide.backends.c99.text import LICENCE, Lines, calls_libm, comment
from lowtide.backends.c99.types import only_floats, only_whole, typedefs
from lowtide.backends.c99.weights import (
    Held,
    emit_numbers,
    emit_weights,
    measure_held,
    place_constants,
)
from lowtide.backends.c99.without import without
from lowtide.ir.dtype import F32
from lowtide.kernels.calls import AddCall, EightCall, PixelCall, RowCall, RunCall
from lowtide.kernels.choose import source, sources
from lowtide.kernels.cpus import PORTABLE, find_cpu
from lowtide.kernels.families import never
from lowtide.kernels.kernel import Use
from lowtide.planner.costs import label
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c, own
from lowtide.rows.task import Task

_PRELUDE = """\
#include "net.h"

#ifdef LOWTIDE_CHECKED
#include "net_check.h"
#endif
{}#include <stddef.h>
#include <stdint.h>

{}

{}
"""

_ALIGNED = f"""\
{ALIGNED}
#if defined __GNUC__
#define MAY_ALIAS __attribute__((may_alias))
#else
#define MAY_ALIAS
#endif"""

_PORTABLE = f"""\
{NO_ALIGNED}
#ifndef MAY_ALIAS /* types of which several use the same bytes, one after the other */
#define MAY_ALIAS
#endif"""

_CHECK = """\
/* What the judge of net.c and reference.c saw, built with -DLOWTIDE_CHECKED: elements are numbered
   through all storages, from 1. */
#ifndef NET_CHECK_H
#define NET_CHECK_H

#ifdef __cplusplus
extern "C" {
#endif

struct net_check {
    unsigned long long reads;
    unsigned long faults;
    int task, row;
    long byte;
    unsigned long wanted, found;
};
extern struct net_check net_check;

#ifdef __cplusplus
}
#endif
#endif
"""

_PARTS = files("lowtide.backends.c99")


def emit(plan: Plan) -> dict[str, bytes]:
    """Writes a plan as C; returns the files' contents by name."""
    name = plan.options.name
    net, reference = _source(plan, kernels=True), _source(plan, kernels=False)
    text = reference.text
    if reference.weights != net.weights:
        text = text.replace(f'"{name}_weights.bin"', '"checks/reference.bin"')
    ships = shipped(net.text)
    files = {
        f"{name}.c": ships.encode(),
        f"{name}.h": header(plan, net.held, calls_libm(ships)).encode(),
        f"checks/{name}.c": net.text.encode(),
        f"checks/{name}_check.h": own(_CHECK, name).encode(),
        "checks/reference.c": text.encode(),
        "main.c": example(plan).encode(),
    }
    if net.constants is not None:
        files[f"{name}_weights.c"] = net.constants.encode()
    if net.weights is not None:
        files[f"{name}_weights.bin"] = net.weights
    if reference.weights not in (None, net.weights):
        files["checks/reference.bin"] = reference.weights
    return files


@dataclass(frozen=True)
class _Source:
    """A program, its constants where they are C apart from it, its weights where in a file."""

    text: str
    constants: str | None
    weights: bytes | None
    held: Held


def _source(plan: Plan, kernels: bool) -> _Source:
    program, body, called = Program(plan), Lines(), plan.options.name
    names = [operator_function(k, task) for k, task in enumerate(plan.tasks)]
    for k, task in enumerate(plan.tasks):
        if not task.port:
            _task(k, names[k], task, program, body, kernels)
    body.add()
    emit_driver(program, names, body)
    emit_own_arena(plan, body)
    lines = Lines()
    what = "the kernels that ship" if kernels else "the definitions alone, the judge's reference"
    lines.add(f"/* {called if kernels else 'reference'}.c: {for_c(plan.source.file)}, {what}.")
    lines.add(f"   Made by lowtide; see {called}.h.\n{LICENCE} */")
    maths = "" if only_whole(program) else "#include <math.h>\n"
    cpu = None if plan.options.cpu is None else find_cpu(plan.options.cpu)
    ways = _PORTABLE if plan.options.cpu == PORTABLE else _ALIGNED
    lines.add(own(_PRELUDE, called).format(maths, ways, typedefs(program)))
    emit_storages(program, lines)
    lines.add(own(_checked(program), called))
    if not only_floats(plan):
        lines.add((_PARTS / "keep_call.h").read_text())
    constants = Lines()
    weights = emit_weights(program, lines, constants)
    if program.packed:
        lines.add(source("unpack.h"))
    for name, table in sorted(program.tables.items()):
        lines.add(f"static const int {name}[{len(table)}] = {{ {', '.join(map(str, table))} }};")
    emit_numbers(program, constants)
    apart = place_constants(constants, lines, called, kernels and weights is None)
    for _, text in sorted(program.functions.items()):
        lines.add(text)
    if program.limits:
        limits = ", ".join(f"{name} = {n}" for name, n in sorted(program.limits.items()))
        lines.add("/* The sizes that the kernels of rows are compiled with. */")
        lines.add(f"enum {{ {limits} }};")
    (same, parts), branch = common_fields(program, sources(program.kernels)), source("branch.h")
    if same:
        lines.add("/* What all rows of kernels have in common; the rest is in their shapes. */")
        lines.add("\n".join(same))
    if program.branches and branch not in parts:
        lines.add(branch)
    for text in parts:
        lines.add(text)
    text = lines.text() + body.text()
    if cpu:
        pattern = f"{cpu.never}|{never(cpu.name)}"
        text, apart = without(text, pattern), apart and without(apart, pattern)
    size = len(weights) if weights else None
    return _Source(text, apart, weights, measure_held(program, size, apart is not None))


def _checked(program: Program) -> str:
    """The judge: of float32 elements, or, where others lie in the arena as well, of bytes."""
    parts, owners = ["begin", "bytes"], "NET_ARENA_BYTES"
    if only_floats(program.plan):
        parts, owners = ["begin", "floats"], "NET_ARENA_BYTES / sizeof(f32) + 1"
    elif any(F32 in kernel.types.input for kernel in program.kernels):
        parts.append("kernels")
    text = "".join((_PARTS / f"checked_{part}.c").read_text() for part in (*parts, "end"))
    return text.replace("OWNERS", owners)


def _task(
    number: int, name: str, task: Task, program: Program, lines: Lines, kernels: bool
) -> None:
    graph, program.layer = program.plan.layout.graph, task.operator.name
    shapes = ["x".join(map(str, graph.shape(n))) for n in task.operands if n][:1]
    made = "x".join(map(str, graph.shape(task.output)))
    backward = number in program.plan.schedule.backward
    way = ", last pixel first" if backward else ""
    lines.add()
    lines.add(
        comment(
            f"{for_c(task.operator.name)}: {for_c(label(task))} {' '.join(shapes)} -> {made}{way}"
        )
    )
    rows = ", const int first, const int rows" if task.row else ""
    use = program.plan.uses[number] if kernels else None
    apart = kernels and any(map(_goes_deep, program.plan.uses))
    lines.open(f"{'APART' if apart else 'static'} void {name}(unsigned char *const arena{rows})")
    if not only_floats(program.plan):
        lines.add("KEEP_CALL;")
    if use:
        program.use(use)
    if use and isinstance(use.call, RowCall):
        lines.add(f"TASK({number}, first);")
        emit_row_call(use, use.call, task, program, lines, most_rows(program.plan, number))
    elif task.row:
        y = task.row.name
        if most_rows(program.plan, number) > 1:
            emit_claim(number, task, program, lines)
        with lines.block(f"for (int {y} = first; {y} < first + rows; {y}++)"):
            _row(number, y, task, use, program, lines)
    else:
        _row(number, "0", task, use, program, lines)
    lines.close()


def _goes_deep(use: Use | None) -> bool:
    """Whether a kernel calls others that call others: it unpacks, then makes tiles.

    In a program with such, each operator is a function by itself, so that what others keep on the
    stack does not lie above it.
    """
    return use is not None and isinstance(use.call, RowCall) and use.arena_bytes > 0


def _row(
    number: int, row: str, task: Task, use: Use | None, program: Program, lines: Lines
) -> None:
    """One row of an operator, by a kernel or by its definition."""
    backward = number in program.plan.schedule.backward
    lines.add(f"TASK({number}, {row});")
    if use and isinstance(use.call, PixelCall):
        emit_pixel_call(use, use.call, task, program, lines, backward)
    elif use and isinstance(use.call, EightCall):
        emit_eight_call(use, use.call, task, program, lines, backward)
    elif use and isinstance(use.call, AddCall):
        emit_add_call(use, use.call, task, program, lines, backward)
    elif use and isinstance(use.call, RunCall):
        emit_run_call(use, use.call, task, program, lines)
    else:
        reference_loops(task, program, lines, backward)
