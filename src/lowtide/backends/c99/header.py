"""net.h: what the program promises, its sizes, how its inputs and outputs lie, how to call it."""

from __future__ import annotations

import textwrap

from lowtide.backends.c99.arena import alignment, by_rows, functions, row_type
from lowtide.backends.c99.ports import described, sizes
from lowtide.backends.c99.program import operator_function
from lowtide.backends.c99.weights import Held
from lowtide.ir.dtype import F32
from lowtide.ir.original import EIGHT, SMALL
from lowtide.kernels.cpus import PORTABLE, find_cpu
from lowtide.planner.plan import Plan, Source
from lowtide.quoting import PATH_WIDTH, for_c, own
from lowtide.version import __version__

_KEPT = "   The inputs stay as they are while the network runs."
_OVERWRITTEN = (
    "   The inputs are overwritten while the network runs: write them anew before each run."
)
_MADE = {SMALL: "compressed ", EIGHT: "at 8 bits  "}
_OWN = (
    "   in _in, or a static one (-DNET_NO_ARENA leaves it out, NET_ARENA_IN, a macro, says in",
    "   which section it lies). It is C99, allocates nothing,",
)
_SHARED = (
    "   in _in, or that of together.c, in which others take turns (together.h). It is C99,",
    "   allocates nothing,",
)
_NO_STACK = "stack not measured"
_NO_CODE = "code not measured"
_WEIGHTS_FILE = (
    "   net_weights.bin is linked in by the assembler, which looks for it where cc runs and in",
    "   every -I folder. Other ways:",
    "       -DNET_WEIGHTS_FILE='\"FILE\"'        under another name",
    "       -DNET_WEIGHTS_MAPPED               not at all: call net_set_weights() before net_run()",
)
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
    about = own("\n".join(_about(plan, held, libm)), name)
    return "\n".join([*_made_from(plan.source, name), about, *declared])


def _about(plan: Plan, held: Held, libm: bool) -> list[str]:
    """The rest of the comment at the top."""
    profile = plan.profile
    operators = [operator_function(k, t) for k, t in enumerate(plan.tasks) if not t.port]
    return [
        "",
        "   The program computes the network in one arena: yours, handed to the functions that end",
        *(_SHARED if plan.shared else _OWN),
        f"   uses no recursion and no stdio, and keeps no state between calls but {_state(plan)}.",
        "",
        f"   RAM    arena {plan.arena_bytes} bytes (layer by layer with whole tensors:"
        f" {profile.layerwise_bytes}), {_NO_STACK}",
        f"   flash  weights {profile.weight_bytes} bytes ({held}), {_NO_CODE}",
        f"          written out: weights {held.weights}, factors and biases {held.factors},"
        f" tables {held.tables} (counted as code)",
        f"   work   {profile.macs} multiply-adds",
        "",
        "   How to call it:",
        *_example(plan),
        "",
        *_inputs_afterwards(plan),
        *_compiled(plan, libm),
        *(_WEIGHTS_FILE if held.file_bytes else []),
        "   checks/net.c is the same with a judge, for -DLOWTIDE_CHECKED -I.: every read must find",
        "   its own bytes (checks/net_check.h).",
        *(_breakpoint(operators[-1]) if operators else []),
        "   NET_AT(operator), if it is a macro, is told whose work comes next: an operator's (its",
        "   number in plan.json) or the driver's (NET_OPERATORS). For counters of your own.",
        "*/",
    ]


def _breakpoint(operator: str) -> list[str]:
    return [
        f"   A breakpoint at an operator: compile with -g as well, and break {operator}. net.c has",
        "   such a function for each, its name in the network above it; gdb finds it inlined, too.",
    ]


def _compiled(plan: Plan, libm: bool) -> list[str]:
    """The compile lines; `check/flags.py` reads the flags from them."""
    flags, asked = '-std=c99 -O3 -ffp-contract=fast -I"$OUT"', plan.options.cpu
    cpu = None if asked is None else find_cpu(asked)
    command, added = cpu.command if cpu else "cc", "add -march=native or your core's"
    lines = []
    if cpu and asked == PORTABLE:
        lines.append(
            "   Plain C99 (--cpu portable): no extensions of a compiler, no vectors, no assembler."
        )
        added = "or what your compiler has instead"
    elif cpu:
        lines.append(f"   Made for {cpu.name} ({cpu.core}); right, if slower, on any other.")
        added = ""
    caller = f'cc {flags} "$OUT/main.c" "$OUT/net.c" -o net_example{" -lm" if libm else ""}'
    return [
        *lines,
        f"   How to compile it, and an example of a caller{' on a PC' if cpu else ''}:",
        "       OUT=.      # this folder, from wherever you are",
        f'       {command} {flags} -c "$OUT/net.c"      {added}'.rstrip(),
        f"       {'see together.h' if plan.shared else caller}",
    ]


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


def with_figures(
    text: bytes, plan: Plan, stack: int | None, state: int, code: int | None, of: str
) -> bytes:
    """A net.h with what the compiled program takes beside arena and weights, as far as known, and
    `of` which machine's and compiler's making."""
    lines = text.decode()
    if stack is not None:
        ram = plan.arena_bytes + stack + state
        lines = lines.replace(_NO_STACK, f"stack {stack}, state {state}: {ram} bytes", 1)
    flash = plan.profile.weight_bytes + (code or 0)
    known = _NO_CODE if code is None else f"code {code}: {flash} bytes"
    said = textwrap.wrap(
        for_c(f"(stack, state and code {of})", PATH_WIDTH), 92, break_on_hyphens=False
    )
    return lines.replace(_NO_CODE, "\n   ".join([known, *said]), 1).encode()


def _made_from(source: Source, name: str) -> list[str]:
    """What the program was made of; of an approximation first how far from its original."""
    made = f"made by lowtide from {for_c(source.file)}"
    if source.original is None:
        return [f"/* {name}.h: {made}", f"   sha256 {source.sha256}"]
    first, *more = textwrap.wrap(for_c(source.original.words, PATH_WIDTH), 88)
    return [
        f"/* {name}.h: {first}",
        *(f"   {line}" for line in more),
        f"   {made}",
        f"   original    sha256 {for_c(source.original.sha256) or 'unknown'}",
        f"   {_MADE[source.original.way]} sha256 {source.sha256}",
    ]


def _state(plan: Plan) -> str:
    return "the arena and its place in the order" if by_rows(plan) else "the arena"


def _inputs_afterwards(plan: Plan) -> list[str]:
    if plan.options.image == "streamed":
        return []
    if plan.options.keep_input or plan.kept_inputs == plan.inputs:
        return [_KEPT, ""]
    kept = [f"   But for {for_c(port.name)}, which stays." for port in plan.kept_inputs]
    return [_OVERWRITTEN, *kept, ""]


def _example(plan: Plan) -> list[str]:
    lines = []
    for port in plan.inputs:
        if not port.streamed:
            lines.append(f"       {port.c} *{port.identifier} = net_input_{port.identifier}();")
            what = "floats" if port.type == F32 else "numbers"
            lines.append(f"       ... write {port.elements} {what}, {port.memory} ...")
    if by_rows(plan):
        what = "floats" if row_type(plan) == F32.c else "numbers"
        lines += (line.format(what) for line in _ROW_BY_ROW)
    else:
        lines.append("       net_run();")
    for port in plan.outputs:
        if not port.streamed:
            result = f"net_output_{port.identifier}() points to the result, {port.memory}"
            lines.append(f"       {result}")
    return lines


_ROW_BY_ROW = (
    "       struct net_row row;",
    "       net_start();",
    "       for (enum net_status s; (s = net_step(&row)) != NET_DONE;)",
    "           s == NET_NEED_ROW: write row.elements {}, from row.first on, of row row.number",
    "                              of input number row.port to row.data",
    "           s == NET_HAVE_ROW: take those of output number row.port from there",
    "   or net_push(data, &row), which writes the row that is needed and goes on,",
    "   or net_pull(give, take, context), which calls you for each row,",
    "   or net_run(images), which has them whole.",
)


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
