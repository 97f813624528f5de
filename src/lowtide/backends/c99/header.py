"""net.h: its comment, the sizes, how inputs and outputs lie, and the functions to call."""

from __future__ import annotations

import textwrap

from lowtide.backends.c99 import pushes
from lowtide.backends.c99.about import about
from lowtide.backends.c99.arena import alignment, by_rows, functions, row_type
from lowtide.backends.c99.ports import described, sizes
from lowtide.backends.c99.weights import Held
from lowtide.ir.dtype import F32
from lowtide.planner.plan import Plan
from lowtide.quoting import own
from lowtide.version import __version__

_MAPPED = (
    "#ifdef NET_WEIGHTS_MAPPED",
    "/* net_weights.bin, mapped by the caller at an address divisible by 64. */",
    "void net_set_weights(const void *weights);",
    "#endif",
    "",
)
_C_LINKAGE_BEGINS = ("#ifdef __cplusplus", 'extern "C" {', "#endif", "")
_C_LINKAGE_ENDS = ("#ifdef __cplusplus", "}", "#endif")


def header(plan: Plan, held: Held, libm: bool) -> str:
    """The text of net.h; the program calls functions of `libm`, or none."""
    name = plan.options.name
    declared = [own("\n".join(_begin(plan)), name)]
    for way, ports in (("input", plan.inputs), ("output", plan.outputs)):
        for port in ports:
            declared += [
                described(port, way, plan.options.pixels),
                own("\n".join(sizes(port, way)), name),
            ]
    declared.append(own("\n".join(_end(plan, held.file_bytes)), name))
    return "\n".join([about(plan, held, libm), *declared])


def _begin(plan: Plan) -> list[str]:
    ports = (*plan.inputs, *plan.outputs)
    return [
        "#ifndef NET_H",
        "#define NET_H",
        "",
        f'#define NET_LOWTIDE_VERSION "{__version__}"',
        f'#define NET_CONTRACT "{plan.source.contract}" /* docs/stability.md */',
        f"#define NET_ARENA_BYTES {plan.arena_bytes}",
        f"#define NET_ARENA_ALIGN {alignment(plan)}",
        f"#define NET_OPERATORS {len(plan.tasks)}",
        *pushes.defines(plan),
        "",
        *(["#include <stdint.h>", ""] if any(port.type != F32 for port in ports) else []),
        *_C_LINKAGE_BEGINS,
    ]


def _end(plan: Plan, weights_bytes: int | None) -> list[str]:
    rows = [_row(row_type(plan)), _STATE.format(len(plan.tasks))] if by_rows(plan) else []
    own_arena, given = (
        [f"{one.declared(way)};" for one in functions(plan)] for way in (False, True)
    )
    return [
        *rows,
        *_free(plan),
        "#ifndef NET_NO_ARENA",
        *own_arena,
        "#endif",
        "",
        *(_GIVEN_ROWS if rows else _GIVEN),
        *given,
        "",
        *(_MAPPED if weights_bytes else []),
        *_C_LINKAGE_ENDS,
        "#endif",
        "",
    ]


def _free(plan: Plan) -> list[str]:
    """What of the arena may be lent out while an operator works."""
    return [
        "/* While operator k works, from its first step to its last, at most NET_IN_USE[k] bytes",
        "   of the arena are in use; NET_FREE[k], a first byte and how many, are free to lend out.",
        "       const long free_of[NET_OPERATORS][2] = NET_FREE;",
        "   NET_AT tells when an operator begins a step. */",
        *_values("NET_IN_USE", [f"{one.bytes}" for one in plan.in_use]),
        *_values("NET_FREE", [f"{{{one.free_from},{one.free_bytes}}}" for one in plan.in_use]),
        "",
    ]


def _values(macro: str, values: list[str]) -> list[str]:
    """#define NET_IN_USE { 1, 2, 3 } on lines that are not too long."""
    lines = textwrap.wrap(", ".join(values), 92, break_long_words=False)
    return [f"#define {macro} {{ \\", *(f"    {line} \\" for line in lines), "}"]


def _row(kind: str) -> str:
    """struct net_row, whose elements are of type `kind`; "void": ports differ in theirs."""
    size = ("", "") if kind != "void" else (", bytes", ": `bytes` bytes")
    return _ROW.format(size[0], kind, size[1])


_ROW = """\
/* A row that the caller hands in, or takes: elements first .. first + elements - 1 of row `number`
   of which input or output, and where they lie in the arena{2}. */
enum net_status {{ NET_DONE, NET_NEED_ROW, NET_HAVE_ROW }};
struct net_row {{ int port, number, first, elements{0}; {1} *data; }};
"""
_STATE = """\
typedef void net_row_call(struct net_row *row, void *context);
/* How far a run has come. */
struct net_state {{ void *memory; int next_step, waiting, steps_made[{}]; }};
"""
_GIVEN = ("/* The same in memory of yours, NET_ARENA_BYTES at a multiple of NET_ARENA_ALIGN. */",)
_GIVEN_ROWS = (
    "/* The same with a state and an arena of yours: NET_ARENA_BYTES at a multiple of",
    "   NET_ARENA_ALIGN. */",
)
