"""main.c: a caller of the network that compiles and runs as it is, for the user to change.

It fills the inputs with something, runs, and prints the first numbers of each output, or of each
row that is handed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lowtide.backends.c99.arena import by_rows, row_type
from lowtide.backends.c99.text import Lines, less
from lowtide.ir.dtype import F32, I8, U8
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c, own

_HEAD = """\
/* main.c: how net.c is called; net.h says how to compile both. Change it as you like: what is
   changed stays, whatever lowtide writes here. */
#include "net.h"

#include <stdio.h>
"""
_GIVE = """
/* A row that the network wants: yours, of a camera or a file. */
static void {}(struct net_row *row, void *context)
{{
    (void)context;
    for (int i = 0; i < row->{}; i++)
        {} = {};
}}
"""
_TAKE = """
/* A row that the network has made. */
static void {}(struct net_row *row, void *context)
{{
    (void)context;
    printf("output %d, row %d:", row->port, row->number);
    for (int i = 0; i < row->elements && i < 10; i++)
{}
    printf("\\n");
}}
"""


_HEAD_OF_ALL = """\
/* main.c: how networks take turns in one arena; together.h says how to compile them. Change it as
   you like: what is changed stays, whatever lowtide writes here. */
#include "together.h"

#include <stdio.h>
"""


def example(plan: Plan) -> str:
    """The text of main.c."""
    lines = Lines()
    lines.add(_HEAD.rstrip("\n"))
    begin = "net_reset(); /* once; what comes below as often as you like */"
    _caller(plan, "int main(void)", ("give", "take"), lines, begin if plan.states else "")
    lines.add("return 0;")
    lines.close()
    return own(lines.text(), plan.options.name)


def example_together(plans: Sequence[Plan]) -> str:
    """The text of main.c for networks that take turns: a function for the turn of each."""
    parts = [_HEAD_OF_ALL]
    for plan in plans:
        lines = Lines()
        _caller(plan, "static void net_turn(void)", ("net_give", "net_take"), lines)
        lines.close()
        parts.append(own(lines.text(), plan.options.name))
    turns = [f"    {plan.options.name}_reset();" for plan in plans if plan.states]
    turns += [f"    {plan.options.name}_turn();" for plan in plans]
    return "\n".join(["".join(parts), "int main(void)", "{", *turns, "    return 0;", "}", ""])


def _caller(plan: Plan, head: str, calls: tuple[str, str], lines: Lines, begin: str = "") -> None:
    """A function that fills the inputs, runs, and prints; those that it is called back by first."""
    rows, (give, take) = by_rows(plan), calls
    given = [port for port in plan.inputs if port.streamed]
    taken = [port for port in plan.outputs if port.streamed]
    if given:
        lines.add(_give(give, given, row_type(plan)).rstrip("\n"))
    if taken:
        lines.add(_TAKE.format(take, "\n".join(_printed_row(taken, row_type(plan)))).rstrip("\n"))
    lines.add(f"\n{head}\n{{")
    lines.depth = 1
    if begin:
        lines.add(begin)
    for port in plan.inputs:
        if not port.streamed:
            _filled(port, lines)
    called = f"net_pull({give if given else 'NULL'}, {take if taken else 'NULL'}, NULL);"
    lines.add(called if rows else "net_run();")
    for port in plan.outputs:
        if not port.streamed:
            _printed(port, lines)


def _filled(port: Port, lines: Lines) -> None:
    held = f"in_{port.identifier}"
    lines.add(f"/* Yours: '{for_c(port.name)}', {port.memory}. */")
    lines.add(f"{port.c} *{held} = net_input_{port.identifier}();")
    lines.add(f"for (int i = 0; i < NET_INPUT_{port.identifier.upper()}_ELEMENTS; i++)")
    lines.add(f"    {held}[i] = {_something(port, 'i')};")


def _printed(port: Port, lines: Lines) -> None:
    held, count = f"out_{port.identifier}", f"NET_OUTPUT_{port.identifier.upper()}_ELEMENTS"
    lines.add(f"const {port.c} *{held} = net_output_{port.identifier}();")
    lines.add(f'printf("{port.identifier}, {port.memory}:");')
    lines.add(f"for (int i = 0; i < {count} && i < 10; i++)")
    lines.add(f"    {_number(port, f'{held}[i]')}")
    lines.add('printf("\\n");')


def _give(name: str, ports: Sequence[Port], kind: str) -> str:
    if kind == "void":  # of several types: all bits 0 are the number 0 in each
        return _GIVE.format(name, "bytes", "((unsigned char *)row->data)[i]", "0")
    return _GIVE.format(name, "elements", "row->data[i]", _something(ports[0], "(row->first + i)"))


def _printed_row(ports: Sequence[Port], kind: str) -> Iterator[str]:
    if kind != "void" and len({(port.scale, port.zero) for port in ports}) == 1:
        yield f"        {_number(ports[0], 'row->data[i]')}"
        return
    for k, port in enumerate(ports):
        head = f"{'else ' if k else ''}if (row->port == {k})"
        yield f"        {head}"
        yield f"            {_number(port, f'((const {port.c} *)row->data)[i]')}"


def _something(port: Port, at: str) -> str:
    """A value for element `at`: a ramp, and of whole numbers that may be indices 0 and 1."""
    if port.type == F32:
        return f"(float)({at} % 256) / 255.0f"
    if port.type in (I8, U8) and port.scale:
        return f"({port.c})({at} % 256{' - 128' if port.type == I8 else ''})"
    return f"({port.c})({at} % 2)"


def _number(port: Port, element: str) -> str:
    """The statement that prints an element: what it stands for, if that is something else."""
    if port.type == F32:
        return f'printf(" %g", (double){element});'
    if not port.scale:
        return f'printf(" %ld", (long){element});'
    whole = f"({element}{less(port.zero)})" if port.zero else element
    return f'printf(" %g", {whole} * {port.scale:.9g});'
