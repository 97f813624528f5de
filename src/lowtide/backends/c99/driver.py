"""What calls the operators: net_run_in() layer by layer, or the driver of a streamed plan.

The driver is one loop over the order of rows, which can stop at any row that the caller has to hand
in or take; everything else (whole images, push, pull) is a thin wrapper around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lowtide.backends.c99.arena import by_rows, head, row_type
from lowtide.backends.c99.program import Program
from lowtide.backends.c99.states import emit_reset, storages
from lowtide.backends.c99.storages import table
from lowtide.backends.c99.text import Lines
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.quoting import own
from lowtide.rows.task import Task

_DRIVER_IS_NEXT = "NET_AT(NET_OPERATORS);"
_ARENA = "unsigned char *const arena = (unsigned char *)memory;"


def emit_driver(program: Program, names: Sequence[str], lines: Lines) -> None:
    """Emits net_run_in(), where ports lie, and the functions for rows that are handed over.

    `names` are the C functions of the operators.
    """
    driver = Lines()
    _driver(program, names, driver)
    lines.add(own(driver.text(), program.plan.options.name).rstrip("\n"))


def _driver(program: Program, names: Sequence[str], lines: Lines) -> None:
    plan = program.plan
    _ports(program, lines)
    emit_reset(program, lines)
    lines.add()
    if not plan.streamed:
        _layer_by_layer(program, names, lines)
        return
    order = order_table(program)
    kind = "unsigned char" if len(plan.tasks) <= 256 else "unsigned short"
    lines.add("/* The order of the steps: in step k operator order[k] makes its next rows. */")
    lines.add(table(f"{kind} order", order))
    lines.add()
    if not by_rows(plan):
        _resident(program, names, len(order), lines)
        return
    _resumable(program, names, len(order), lines)
    lines.add("\n".join(["", head(plan, "net_pull"), _PULL, head(plan, "net_push"), _push(plan)]))
    _whole_images(plan, lines)


def most_rows(plan: Plan, task: int) -> int:
    """The most rows that an operator's function is asked for in one call."""
    return plan.schedule.together[task]


def _layer_by_layer(program: Program, names: Sequence[str], lines: Lines) -> None:
    plan = program.plan
    lines.open(head(plan, "net_run"))
    lines.add(_ARENA)
    _start(program, lines)
    for run in plan.schedule.runs:
        task, name = plan.tasks[run.task], names[run.task]
        lines.add(f"NET_AT({run.task});")
        if task.row is None:
            lines.add(f"{name}(arena);")
        elif run.rows == 1:
            lines.add(f"{name}(arena, {run.first}, 1);")
        else:
            row, stop = task.row.name, run.first + run.rows
            upward = f"int {row} = {run.first}; {row} < {stop}; {row}++"
            downward = f"int {row} = {stop - 1}; {row} >= {run.first}; {row}--"
            lines.add(f"for ({downward if run.backward else upward})")
            lines.add(f"    {name}(arena, {row}, 1);")
    lines.add(_DRIVER_IS_NEXT)
    _end(program, lines)
    lines.close()


def _ports(program: Program, lines: Lines) -> None:
    """Where inputs and outputs lie in the arena."""
    plan = program.plan
    for way, ports in (("input", plan.inputs), ("output", plan.outputs)):
        for port in ports:
            if not port.streamed:
                at = f"return {_storage(program, port)}(0, 0);"
                declared = head(plan, f"net_{way}_{port.identifier}")
                lines.add(f"{declared} {{ {_ARENA} {at} }}")


def _start(program: Program, lines: Lines) -> None:
    """The inputs that the caller has written are there, and what the last call left is still."""
    lines.add("JUDGED(arena);")
    for port in program.plan.inputs:
        if not port.streamed:
            lines.add(f"MADE({_storage(program, port)}, {port.elements});")
    for one in program.plan.states:
        read, written = storages(program, one)
        lines.add(f"KEPT({read}, {written}, {one.input.elements});")


def _end(program: Program, lines: Lines) -> None:
    """The outputs that the caller, or the next call, will read are there."""
    plan = program.plan
    states = (one.output for one in plan.states if one.output not in plan.outputs)
    for port in (*plan.kept_inputs, *plan.outputs, *states):
        if not port.streamed:
            lines.add(f"USE({_storage(program, port)}, {port.elements});")


def _storage(program: Program, port: Port) -> str:
    return program.storage(program.plan.layout.places[port.tensor].storage)


def order_table(program: Program) -> list[int]:
    """The order of a streamed plan: for each step the number of the operator that runs."""
    return [run.task for run in program.plan.schedule.runs for _ in range(run.steps)]


def _resident(program: Program, names: Sequence[str], steps: int, lines: Lines) -> None:
    with lines.block(head(program.plan, "net_run")):
        lines.add(_ARENA)
        tasks, together = program.plan.tasks, program.plan.schedule.together
        counts = any(task.rows > together[k] for k, task in enumerate(tasks))
        lines.add(f"int steps_made[{len(names)}] = {{ 0 }};" if counts else "")
        _start(program, lines)
        lines.loop("k", steps)
        lines.add("const int s = steps_made[order[k]]++;" if counts else "")
        _switch(program, names, "order[k]", lines)
        lines.close()
        _end(program, lines)


def _resumable(program: Program, names: Sequence[str], steps: int, lines: Lines) -> None:
    with lines.block(head(program.plan, "net_start")):
        lines.add(_ARENA)
        lines.add("state->memory = memory;\nstate->next_step = state->waiting = 0;")
        lines.loop("k", len(names))
        lines.add("state->steps_made[k] = 0;")
        lines.close()
        _start(program, lines)
        lines.add("(void)arena;")
    lines.add()
    with lines.block(head(program.plan, "net_step")):
        lines.add(_ARENA.replace("memory", "state->memory"))
        lines.add("JUDGED(arena);")
        lines.open(f"for (; state->next_step < {steps}; state->next_step++)")
        lines.add("const int op = order[state->next_step], s = state->steps_made[op];")
        _switch(program, names, "op", lines)
        lines.add("state->steps_made[op]++;")
        lines.close()
        _end(program, lines)
        lines.add("return NET_DONE;")


def _switch(program: Program, names: Sequence[str], op: str, lines: Lines) -> None:
    lines.add(f"switch ({op}) {{")
    together = program.plan.schedule.together
    for number, (task, name) in enumerate(zip(program.plan.tasks, names, strict=True)):
        if task.port:
            _port(program, number, task, lines)
        else:
            call = f"{name}(arena{_rows(task, together[number])});"
            lines.add(f"case {number}: NET_AT({number}); {call} break;")
    lines.add("}")
    lines.add(_DRIVER_IS_NEXT)


def _rows(task: Task, together: int) -> str:
    """The first row of step s, and how many it makes: the last step takes what is left."""
    if task.row is None:
        return ""
    if together >= task.rows:
        return f", 0, {task.rows}"
    last, rest = divmod(task.rows - 1, together)
    count = f"{together}" if rest + 1 == together else f"s < {last} ? {together} : {rest + 1}"
    return f", {together} * s, {count}" if together > 1 else ", s, 1"


def _port(program: Program, number: int, task: Task, lines: Lines) -> None:
    """The caller's row s: hands it out, or waits for it."""
    plan = program.plan
    layout, names = plan.layout, [port.name for port in plan.inputs]
    place, crop = layout.places[task.output], layout.graph.crops.get(task.output)
    if task.port == "out":
        k = next(k for k, port in enumerate(plan.outputs) if port.tensor == task.output)
    else:
        k = names.index(crop.input if crop else task.output)
    storage, elements = program.storage(place.storage), layout.storages[place.storage].row_elements
    first, image_row, pieces = 0, "s", 1
    if crop:  # its rows and columns are some of the image's
        rows, columns = (1, 2) if layout.graph.tensors[task.output].channels_last else (2, 3)
        first = crop.region[columns][0] * place.strided.strides[columns]
        above = crop.region[rows][0]
        image_row = f"s + {above}" if above else "s"
    elif task.port == "out":  # a view's rows may be several of its storage's
        pieces = max(prod(place.strided.shape) // task.rows // elements, 1)
    row = "s" if pieces == 1 else f"{pieces} * s + state->waiting"
    status = "NET_NEED_ROW" if task.port == "in" else "NET_HAVE_ROW"
    lines.open(f"case {number}:")
    lines.add(f"NET_AT({number});")
    with lines.block(f"if (state->waiting < {pieces})" if pieces > 1 else "if (!state->waiting)"):
        if task.port == "out":
            lines.add(f"USE_ROW({storage}, {row}, {elements});")
        for field, value in (
            ("port", k), ("number", image_row),
            ("first", first if pieces == 1 else f"{elements} * state->waiting"),
            ("elements", elements), ("data", f"{storage}({row}, 0)"),
        ):  # fmt: skip
            lines.add(f"row->{field} = {value};")
        if row_type(plan) == "void":
            lines.add(f"row->bytes = {layout.storages[place.storage].row_bytes};")
        lines.add("state->waiting++;")
        lines.add(f"return {status};")
    lines.add("state->waiting = 0;")
    if task.port == "in":
        lines.add(f"MADE_ROW({storage}, s, {elements});")
    lines.add("break;")
    lines.close()


def _push(plan: Plan) -> str:
    if row_type(plan) != "void":
        return _PUSH.format("row->elements", "row->data[i] = data[i];")
    byte = "((unsigned char *)row->data)[i] = ((const unsigned char *)data)[i];"
    return _PUSH.format("row->bytes", byte)


_PUSH = """\
{{
    for (int i = 0; i < {}; i++)
        {}
    return net_step_in(state, row);
}}
"""

_PULL = """\
{
    struct net_row row;
    net_start_in(state, memory);
    for (;;) {
        const enum net_status status = net_step_in(state, &row);
        if (status == NET_DONE)
            return;
        (status == NET_NEED_ROW ? give : take)(&row, context);
    }
}
"""


def _whole_images(plan: Plan, lines: Lines) -> None:
    given = [port for port in plan.inputs if port.streamed]
    taken = [port for port in plan.outputs if port.streamed]
    kind = row_type(plan)
    kind = "unsigned char" if kind == "void" else kind
    lines.open(head(plan, "net_run"))
    for const, name, way, ports in (("const ", "from", "in", given), ("", "to", "out", taken)):
        if ports:
            at = [f"{way}_{port.identifier}" for port in ports]
            if kind == "unsigned char":
                at = [f"({const}unsigned char *){one}" for one in at]
            lines.add(f"{const}{kind} *const {name}[] = {{ {', '.join(at)} }};")
    lines.add("struct net_row row;\nenum net_status status;\nnet_start_in(state, memory);")
    with lines.block("while ((status = net_step_in(state, &row)) != NET_DONE)"):
        _copy_row(given, taken, kind == "unsigned char", lines)
    lines.close()


def _copy_row(given: Sequence[Port], taken: Sequence[Port], bytewise: bool, lines: Lines) -> None:
    """Copies a row from or to a whole image, whose elements are of one type, or byte by byte."""
    _where(given, taken, bytewise, lines)
    data = "row.data"
    if bytewise:
        lines.add("unsigned char *const data = (unsigned char *)row.data;")
        data = "data"
    lines.loop("i", "row.bytes" if bytewise else "row.elements")
    copies = {
        "NET_NEED_ROW": (f"{data}[i] = from[row.port][at + i];", given),
        "NET_HAVE_ROW": (f"to[row.port][at + i] = {data}[i];", taken),
    }
    wanted = [(status, copy) for status, (copy, ports) in copies.items() if ports]
    for status, copy in wanted:
        if len(wanted) > 1:
            lines.add(f"if (status == {status})")
        lines.add(("    " if len(wanted) > 1 else "") + copy)
    lines.close()


def _where(given: Sequence[Port], taken: Sequence[Port], bytewise: bool, lines: Lines) -> None:
    """Where in a whole image the row begins: ports differ in the length of their rows."""
    for name, ports in (("given", given), ("taken", taken)):
        if ports:
            rows = ", ".join(str(port.elements // port.streamed) for port in ports)
            lines.add(f"static const ptrdiff_t {name}[] = {{ {rows} }};")
    row = "given[row.port]" if not taken else "taken[row.port]"
    if given and taken:
        row = "(status == NET_NEED_ROW ? given : taken)[row.port]"
    first = f"row.number * {row} + row.first"
    first = f"({first}) * (row.bytes / row.elements)" if bytewise else first
    lines.add(f"const ptrdiff_t at = {first};")
