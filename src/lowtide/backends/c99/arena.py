"""Whose memory a run takes: the caller's, or an arena that net.c brings along.

    net_run_in(memory)    NET_ARENA_BYTES at a multiple of NET_ARENA_ALIGN, where the caller has it
    net_run()             the same in a static arena; -DNET_NO_ARENA leaves it out. Where several
                          take turns in one arena (`together.py`) it is left out but for the checks

What a function is called with `_in` and what without are made here of one declaration, for the
header and for the wrappers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lowtide.backends.c99.text import Lines
from lowtide.kernels.cpus import PORTABLE
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.quoting import own

_CACHE_LINE = 64

ALIGNED = """\
#ifdef ALIGNED /* what begins at a multiple of so many bytes: yours */
#elif defined __GNUC__
#define ALIGNED(bytes) __attribute__((aligned(bytes)))
#elif defined _MSC_VER
#define ALIGNED(bytes) __declspec(align(bytes))
#elif defined __STDC_VERSION__ && __STDC_VERSION__ >= 201112L
#define ALIGNED(bytes) _Alignas(bytes)
#else
#error "C99 has no way to align an array: compile as C11, or define ALIGNED(bytes)"
#endif"""
"""How an array is aligned, by compilers."""

NO_ALIGNED = """\
#ifndef ALIGNED /* what begins at a multiple of so many bytes: yours, where that matters */
#define ALIGNED(bytes)
#endif"""
"""Plain C99, whose arrays are aligned as their types are."""

_SHARED = "\n#ifdef NET_OWN_ARENA /* to check it alone: together.c has the one of all */"
_BEGIN = "\n#ifndef NET_NO_ARENA /* the caller hands one in */"
_SECTION = """\
#ifndef NET_ARENA_IN /* where it lies: __attribute__((section(".ccmram"))) */
#define NET_ARENA_IN
#endif"""
_ARENA = "static NET_ARENA_IN ALIGNED(NET_ARENA_ALIGN) unsigned char net_arena[NET_ARENA_BYTES];"
_ARENA_OF_ALL = """\
static NET_ARENA_IN ALIGNED(NET_ARENA_ALIGN) union {
    unsigned char net_arena[NET_ARENA_BYTES];
    int32_t whole[NET_ARENA_BYTES > 0 ? (NET_ARENA_BYTES + 3) / 4 : 1];
    float real[NET_ARENA_BYTES > 0 ? (NET_ARENA_BYTES + 3) / 4 : 1];
} net_memory;
#define net_arena net_memory.net_arena"""
_STATE = "static struct net_state net_own_state;"


@dataclass(frozen=True)
class Function:
    """A function of net.h: its result, name and parameters, and what it is handed in first.

    That is `memory`, the `state` of a run row by row, or both.
    """

    result: str
    name: str
    parameters: tuple[str, ...]
    state: bool = False
    memory: bool = True

    def declared(self, given: bool) -> str:
        """Its head, where the memory is `given` by the caller, or that of net.c."""
        first = ["struct net_state *state"] if given and self.state else []
        first += ["void *memory"] if given and self.memory else []
        space = "" if self.result.endswith("*") else " "
        parameters = ", ".join([*first, *self.parameters]) or "void"
        return f"{self.result}{space}{self.name}{'_in' if given else ''}({parameters})"

    def wrapper(self, arena: str = "net_arena") -> str:
        """The function in an arena that is there."""
        first = ["&net_own_state"] if self.state else []
        first += [arena] if self.memory else []
        handed = [one.rpartition(" ")[2].lstrip("*") for one in self.parameters]
        back = "" if self.result == "void" else "return "
        call = f"{back}{self.name}_in({', '.join([*first, *handed])});"
        return f"{self.declared(False)} {{ {call} }}"


def functions(plan: Plan) -> Iterator[Function]:
    """Those of net.h, ports first."""
    inputs, outputs = plan.inputs, plan.outputs
    for way, const, ports in (("input", "", inputs), ("output", "const ", outputs)):
        for port in ports:
            if not port.streamed:
                yield Function(f"{const}{port.c} *", f"net_{way}_{port.identifier}", ())
    if plan.states:
        yield Function("void", "net_reset", ())
    streamed = by_rows(plan)
    if streamed:
        row, data = "struct net_row *row", f"const {row_type(plan)} *data"
        calls = ("net_row_call *give", "net_row_call *take", "void *context")
        yield Function("void", "net_start", (), True)
        yield Function("enum net_status", "net_step", (row,), True, False)
        yield Function("enum net_status", "net_push", (data, row), True, False)
        yield Function("void", "net_pull", calls, True)
    yield Function("void", "net_run", images(inputs, outputs), streamed)


def head(plan: Plan, name: str) -> str:
    """That of the function of a name in memory that is handed in."""
    return next(one for one in functions(plan) if one.name == name).declared(True)


def by_rows(plan: Plan) -> bool:
    """Whether the caller hands over rows."""
    return any(port.streamed for port in (*plan.inputs, *plan.outputs))


def row_type(plan: Plan) -> str:
    """The C type of elements in rows that the caller hands over; "void": they are of several."""
    kinds = {port.c for port in (*plan.inputs, *plan.outputs) if port.streamed}
    return kinds.pop() if len(kinds) == 1 else "void"


def images(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> tuple[str, ...]:
    """The parameters of net_run(): images handed in whole, and results to be filled."""
    given = [f"const {port.c} *in_{port.identifier}" for port in inputs if port.streamed]
    given += [f"{port.c} *out_{port.identifier}" for port in outputs if port.streamed]
    return tuple(given)


def alignment(plan: Plan) -> int:
    """What the arena is aligned to: a power of two that makes multiples of it in memory as well.

    Storages at multiples of 48 bytes lie at multiples of 16, whatever the arena does beyond that.
    """
    align = plan.options.align
    return max(_CACHE_LINE, align & -align)


def emit_own_arena(plan: Plan, lines: Lines) -> None:
    """The arena that net.c brings along, and the functions that use it."""
    whole = _ARENA_OF_ALL if plan.options.cpu == PORTABLE else _ARENA
    parts = [_SHARED if plan.shared else _BEGIN, _SECTION, whole, *in_arena(plan)]
    lines.add(own("\n".join([*parts, "#endif"]), plan.options.name))


def in_arena(plan: Plan, arena: str = "net_arena") -> list[str]:
    """The functions that use an arena, and the state of a run in it."""
    return [*([_STATE] if by_rows(plan) else []), *(one.wrapper(arena) for one in functions(plan))]
