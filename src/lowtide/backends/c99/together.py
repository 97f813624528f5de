"""together.c: the arena of networks that take turns, and their functions in it.

together.h, together.c    what ships beside the networks' own files
checks/together.c         turns that are read from stdin, results to stdout: for the judge
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from lowtide.backends.c99.arena import ALIGNED, NO_ALIGNED, in_arena
from lowtide.backends.c99.example import example_together
from lowtide.kernels.cpus import PORTABLE
from lowtide.layout.ports import Port
from lowtide.planner.plan import Plan
from lowtide.planner.together import Kept, Shared
from lowtide.quoting import for_c, own

_HEADER = """\
/* together.h: {networks} take turns in one arena. Made by lowtide.

   RAM    arena {arena} bytes: {turn} for whose turn it is, {rest} for what survives

   A turn: write a network's inputs, run it, read its results. After that its bytes are another's,
   or yours: together_arena is lent out between turns, but for what survives:
{kept}
   How to compile them, and an example of a caller:
       OUT=.      # this folder, from wherever you are
       cc -std=c99 -O3 -ffp-contract=fast -I"$OUT" {sources} \\
          "$OUT/together.c" "$OUT/main.c" -o together -lm
   Each network's header says more of it. Its functions that do not end in _in use this arena; for
   one in memory of yours leave together.c out, and hand TOGETHER_ARENA_BYTES to those that do.
   TOGETHER_ARENA_IN, a macro, says in which section it lies.
*/
#ifndef TOGETHER_H
#define TOGETHER_H

#include <stdint.h>
{includes}

#define TOGETHER_ARENA_BYTES {arena}
#define TOGETHER_ARENA_ALIGN {align}
#define TOGETHER_TURN_BYTES {turn} /* from there on lies what survives */

#ifdef __cplusplus
extern "C" {{
#endif

union together_memory {{
    unsigned char bytes[TOGETHER_ARENA_BYTES];
    int32_t whole[(TOGETHER_ARENA_BYTES + 3) / 4];
    float real[(TOGETHER_ARENA_BYTES + 3) / 4];
}};
extern union together_memory together_memory;
#define together_arena together_memory.bytes

#ifdef __cplusplus
}}
#endif
#endif
"""

_SOURCE = """\
/* together.c: the arena in which {networks} take turns. Made by lowtide; see together.h. */
#include "together.h"

{aligned}
#ifndef TOGETHER_ARENA_IN /* where it lies: __attribute__((section(".ccmram"))) */
#define TOGETHER_ARENA_IN
#endif
TOGETHER_ARENA_IN ALIGNED(TOGETHER_ARENA_ALIGN) union together_memory together_memory;

{functions}
"""


def emit_together(plans: Sequence[Plan], shared: Shared) -> dict[str, bytes]:
    """The files of the arena that plans share, by name."""
    names = shared.networks
    networks = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    header = _HEADER.format(
        networks=networks,
        arena=shared.arena_bytes,
        align=shared.arena_align,
        turn=shared.turn_bytes,
        rest=shared.arena_bytes - shared.turn_bytes,
        kept="\n".join(_kept(shared)),
        sources=" ".join(f'"$OUT/{name}.c"' for name in names),
        includes="\n".join(f'#include "{name}.h"' for name in names),
    )
    functions = [own(one, p.options.name) for p in plans for one in in_arena(p, "together_arena")]
    aligned = NO_ALIGNED if plans[0].options.cpu == PORTABLE else ALIGNED
    source = _SOURCE.format(networks=networks, aligned=aligned, functions="\n".join(functions))
    return {
        "together.h": header.encode(),
        "together.c": source.encode(),
        "main.c": example_together(plans).encode(),
        "checks/together.c": _checks(plans, shared).encode(),
    }


def _kept(shared: Shared) -> Iterator[str]:
    """What survives, a line each."""
    if not shared.kept:
        yield "       nothing"
    for one in shared.kept:
        last = one.offset + one.bytes - 1
        yield f"       {one.network}'s '{for_c(one.port)}', bytes {one.offset} to {last}"


_CHECKS = """\
/* checks/together.c: networks by turns in one arena, as stdin says; their results go to stdout.

   A turn is the number of a network, 128 more where its states begin anew, and for each input 1 and
   its bytes, or 0: it is there still. Before each turn all that need not survive is overwritten;
   after it what is kept must be as it was, but for what the turn makes. Made by lowtide.

   cc -DLOWTIDE_CHECKED -I. checks/together.c {sources} together.c -lm
*/
#include "together.h"
#ifdef LOWTIDE_CHECKED
{judges}
#endif
#include <stdio.h>
#include <string.h>

/* What survives: made by a network (0: by the caller), and given to those of a mask. */
static const struct {{ long at, bytes; int made_by; unsigned given_to; }} kept[] = {{
{kept}
}};
enum {{ KEPT = sizeof kept / sizeof *kept }};
static unsigned char before[TOGETHER_ARENA_BYTES];
static long lost[4]; /* how often something was lost; of the first which, when, in whose turn */
static long turns;

static void overwrite(void)
{{
    static unsigned long noise = 1;
    memcpy(before, together_arena, sizeof before);
    for (long k = 0; k < (long)TOGETHER_ARENA_BYTES; k++) {{
        noise = noise * 1664525UL + 1013904223UL;
        together_arena[k] = (unsigned char)(noise >> 24);
    }}
    for (int k = 0; k < KEPT; k++)
        memcpy(together_arena + kept[k].at, before + kept[k].at, (size_t)kept[k].bytes);
}}

static void as_given(int network)
{{
    for (int k = 0; k < KEPT; k++)
        if (kept[k].given_to >> (network - 1) & 1)
            memcpy(before + kept[k].at, together_arena + kept[k].at, (size_t)kept[k].bytes);
}}

static void compare(int network)
{{
    for (int k = 0; k < KEPT; k++) {{
        const size_t bytes = (size_t)kept[k].bytes;
        if (kept[k].made_by == network
            || !memcmp(before + kept[k].at, together_arena + kept[k].at, bytes))
            continue;
        if (lost[0]++ == 0) {{
            lost[1] = k;
            lost[2] = turns;
            lost[3] = network;
        }}
    }}
}}

/* Whether an input could be read, or is there still. */
static int given(void *input, size_t bytes)
{{
    const int anew = getchar();
    return anew == 0 || (anew == 1 && fread(input, 1, bytes, stdin) == bytes);
}}

{turns}

int main(void)
{{
    for (int read; (read = getchar()) != EOF; turns++) {{
        const int network = read & 127;
        overwrite();
        switch (network) {{
{cases}
        default: return 1;
        }}
        compare(network);
    }}
    fprintf(stderr, "%ld %ld\\n", (long)sizeof together_arena, (long)TOGETHER_ARENA_ALIGN);
    fprintf(stderr, "%ld %ld %ld %ld\\n", lost[0], lost[1], lost[2], lost[3]);
#ifdef LOWTIDE_CHECKED
{counts}
#endif
    return 0;
}}
"""

_COUNTS = """\
    fprintf(stderr, "%llu %lu %d %d %ld %lu %lu\\n", net_check.reads, net_check.faults,
            net_check.task, net_check.row, net_check.byte, net_check.wanted, net_check.found);"""


def _checks(plans: Sequence[Plan], shared: Shared) -> str:
    names = shared.networks
    return _CHECKS.format(
        sources=" ".join(f"checks/{name}.c" for name in names),
        judges="\n".join(f'#include "checks/{name}_check.h"' for name in names),
        kept="\n".join(_ranges(plans, shared.kept)) or "    { 0, 0, 0, 0 }",
        turns="\n\n".join(map(_turn, plans)),
        cases="\n".join(_case(number, plan) for number, plan in enumerate(plans, 1)),
        counts="\n".join(own(_COUNTS, name) for name in names),
    )


def _case(number: int, plan: Plan) -> str:
    reset = f"if (read > 127) {plan.options.name}_reset(); " if plan.states else ""
    return (
        f"        case {number}: {reset}if (!{plan.options.name}_turn({number})) return 1; break;"
    )


def _ranges(plans: Sequence[Plan], kept: Sequence[Kept]) -> Iterator[str]:
    """Rows of the table of what survives: a range, who makes it, to whom it is given."""
    number = {plan.options.name: k for k, plan in enumerate(plans, 1)}
    for at, same in groupby(kept, attrgetter("offset")):
        held = list(same)
        made = [number[one.network] for one in held if one.way == "output"]
        given = {number[one.network] for one in held if one.way == "input"}
        mask = sum(1 << (k - 1) for k in given)
        yield f"    {{ {at}, {held[0].bytes}, {max(made, default=0)}, {mask}u }},"


def _turn(plan: Plan) -> str:
    """The function that reads a network's inputs, runs it, and writes its results."""
    name = plan.options.name
    lines, handed = [f"static int {name}_turn(int network)", "{"], list[str]()
    for way, ports in (("input", plan.inputs), ("output", plan.outputs)):
        for port in ports:
            if port.streamed:
                at = f"{way}_{port.identifier}"
                lines.append(f"    static {port.c} {at}[{port.elements}];")
                handed.append(at)
    lines += [
        f"    if (!given({_at(name, 'input', port)}, {port.bytes})) return 0;"
        for port in plan.inputs
    ]
    lines.append("    as_given(network);")
    lines.append(f"    {name}_run({', '.join(handed)});")
    lines += [
        f"    fwrite({_at(name, 'output', port)}, 1, {port.bytes}, stdout);"
        for port in plan.outputs
    ]
    return "\n".join([*lines, "    return 1;", "}"])


def _at(name: str, way: str, port: Port) -> str:
    return f"{way}_{port.identifier}" if port.streamed else f"{name}_{way}_{port.identifier}()"
