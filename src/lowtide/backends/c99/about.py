"""The comment that net.h begins with: of what it was made, what it takes, how to call it."""

from __future__ import annotations

import textwrap

from lowtide.backends.c99 import pushes, states
from lowtide.backends.c99.arena import by_rows, row_type
from lowtide.backends.c99.program import operator_function
from lowtide.backends.c99.text import LICENCE
from lowtide.backends.c99.weights import Held
from lowtide.ir.dtype import F32
from lowtide.ir.original import EIGHT, SMALL
from lowtide.kernels.cpus import PORTABLE, find_cpu
from lowtide.planner.options import Source
from lowtide.planner.plan import Plan
from lowtide.quoting import PATH_WIDTH, for_c, own

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


def about(plan: Plan, held: Held, libm: bool) -> str:
    """The comment; the program calls functions of `libm`, or none."""
    name = plan.options.name
    rest = own("\n".join(_rest(plan, held, libm)), name)
    return "\n".join([*_made_from(plan.source, name), rest])


def _rest(plan: Plan, held: Held, libm: bool) -> list[str]:
    """All behind what the program was made of."""
    profile = plan.profile
    operators = [operator_function(k, t) for k, t in enumerate(plan.tasks) if not t.port]
    return [
        "",
        "   The program computes the network in one arena: yours, handed to the functions that end",
        *(_SHARED if plan.shared else _OWN),
        f"   uses no recursion and no stdio, and keeps no state between calls but {_state(plan)}.",
        "",
        LICENCE,
        "",
        f"   RAM    arena {plan.arena_bytes} bytes (layer by layer with whole tensors:"
        f" {profile.layerwise_bytes}), {_NO_STACK}",
        f"   flash  weights {profile.weight_bytes} bytes ({held}), {_NO_CODE}",
        f"          written out: weights {held.weights}, factors and biases {held.factors},"
        f" tables {held.tables} (counted as code)",
        f"   work   {profile.macs} multiply-adds",
        *states.said(plan),
        *pushes.said(plan),
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
    lines = ["       net_reset();      before the first call"] if plan.states else []
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
