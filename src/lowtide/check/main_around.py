"""The main that a program is checked in: it runs on each set of inputs on stdin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Io:
    """The identifiers, element counts and C types of a program's inputs or outputs, in order.

    They are `streamed` row by row, each or none, or lie in the arena. Without types all are floats.
    """

    names: tuple[str, ...]
    elements: tuple[int, ...]
    streamed: tuple[bool, ...] = ()
    types: tuple[str, ...] = ()

    def typed(self) -> Iterator[tuple[str, int, str, bool]]:
        """Identifier, element count, C type and whether it is streamed, of each."""
        types = self.types or ("float",) * len(self.names)
        streamed = self.streamed or (False,) * len(self.names)
        return zip(self.names, self.elements, types, streamed, strict=True)


_NOISE = """\
static unsigned char room[NET_ARENA_BYTES + NET_ARENA_ALIGN];
/* All that is not carried from call to call is noise before each. */
static void disturb(unsigned char *memory)
{
    static const long kept[][2] = { KEPT };
    static unsigned long seed = 1;
    for (long i = 0; i < NET_ARENA_BYTES; i++) {
        int keeps = 0;
        for (unsigned k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
            keeps |= i >= kept[k][0] && i < kept[k][0] + kept[k][1];
        seed = seed * 1103515245ul + 12345ul;
        if (!keeps)
            memory[i] = (unsigned char)(seed >> 16);
    }
}"""
_BEGIN = """\
    unsigned char *const memory = room + NET_ARENA_ALIGN - (size_t)room % NET_ARENA_ALIGN;
    net_reset_in(memory);"""


def main_around(inputs: Io, outputs: Io, kept: Sequence[tuple[int, int]] = ()) -> str:
    """A main that runs the network on each set of inputs on stdin and writes the outputs.

    On stderr, a line with the sizes that net.h declares and one with the judge's counts. Where
    bytes are `kept` it is in memory of its own, and begins with net_reset().
    """
    declared = ["NET_ARENA_BYTES"]
    for way, ports in (("INPUT", inputs), ("OUTPUT", outputs)):
        declared += [f"NET_{way}_{name.upper()}_ELEMENTS" for name in ports.names]
    held, at, handed = list[str](), dict[str, list[str]](), list[str]()
    called = "_in(memory)" if kept else "()"
    for way, ports in (("input", inputs), ("output", outputs)):
        at[way] = []
        for i, (n, k, kind, rows) in enumerate(ports.typed()):
            at[way].append(f"{way}{i}" if rows else f"net_{way}_{n}{called}")
            held += [f"static {kind} {way}{i}[{k}];"] if rows else []
            handed += [f"{way}{i}"] if rows else []
    reads = [
        f"        if (fread({where}, sizeof({kind}), {k}, stdin) != {k}) break;"
        for where, (_, k, kind, _) in zip(at["input"], inputs.typed(), strict=True)
    ]
    writes = [
        f"        fwrite({where}, sizeof({kind}), {k}, stdout);"
        for where, (_, k, kind, _) in zip(at["output"], outputs.typed(), strict=True)
    ]
    run = f"net_run({', '.join(handed)});"
    if kept:
        run = f"net_run_in({', '.join([*(['&rows'] if handed else []), 'memory', *handed])});"
        held += ["static struct net_state rows;"] if handed else []
        ranges = ", ".join(f"{{ {first}, {count} }}" for first, count in kept)
        held.append(_NOISE.replace("KEPT", ranges))
    return "\n".join(
        [
            '#include "net.h"',
            "#ifdef LOWTIDE_CHECKED",
            '#include "checks/net_check.h"',
            "#endif",
            "#include <stdio.h>",
            *held,
            "int main(void)",
            "{",
            *(f'    fprintf(stderr, "%lu ", (unsigned long){size});' for size in declared),
            '    fputs("\\n", stderr);',
            *([_BEGIN] if kept else []),
            "    for (;;) {",
            *(["        disturb(memory);"] if kept else []),
            *(reads or ["        static int once; if (once++) break;"]),
            f"        {run}",
            *writes,
            "    }",
            "#ifdef LOWTIDE_CHECKED",
            '    fprintf(stderr, "%llu %lu %d %d %ld %lu %lu\\n", net_check.reads,',
            "            net_check.faults, net_check.task, net_check.row, net_check.byte,",
            "            net_check.wanted, net_check.found);",
            "#endif",
            "    return 0;",
            "}",
            "",
        ]
    )
