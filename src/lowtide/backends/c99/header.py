"""net.h: what the program promises, its sizes, how its inputs and outputs lie, how to call it."""

from __future__ import annotations

from collections.abc import Sequence

from lowtide.backends.c99.text import comment
from lowtide.plan import Plan
from lowtide.ports import Port, input_ports, output_ports

_KEPT = "   The inputs stay as they are while the network runs."
_OVERWRITTEN = (
    "   The inputs are overwritten while the network runs: write them anew before each run."
)
_WEIGHTS_FILE = (
    "   weights.bin is linked in by the assembler, which looks for it here and in every -I:",
    "       -I FOLDER                          wherever weights.bin is when cc runs elsewhere",
    "       -DNET_WEIGHTS_FILE='\"FILE\"'        under another name",
    "       -DNET_WEIGHTS_MAPPED               not at all: call net_set_weights() before net_run()",
)


def header(plan: Plan, weights_bytes: int | None) -> str:
    """The text of net.h."""
    profile = plan.profile
    inputs, outputs = input_ports(plan.layout), output_ports(plan.layout)
    held = f"weights.bin, {weights_bytes} bytes" if weights_bytes else "constants in net.c"
    lines = [
        "/* net.h: made by lowtide from " + comment(plan.source.file),
        f"   sha256 {plan.source.sha256}",
        "",
        "   The program computes the network in one static arena. It is C99, allocates nothing,",
        "   uses no recursion and no stdio, and keeps no state between calls but the arena.",
        "",
        f"   RAM    arena {plan.arena_bytes} bytes (layer by layer with whole tensors:"
        f" {profile.layerwise_bytes})",
        f"   flash  weights {profile.weight_bytes} bytes ({held})",
        f"   work   {profile.macs} multiply-adds",
        "",
        "   How to call it:",
        *_example(inputs, outputs),
        "",
        _KEPT if plan.options.keep_input else _OVERWRITTEN,
        "",
        "   cc -std=c99 -O3 -ffp-contract=fast -c net.c      add -march=native or your core's",
        *(_WEIGHTS_FILE if weights_bytes else []),
        "   -DCHECKED builds the judge: every read is checked to find its own bytes (net_check).",
        "*/",
        "#ifndef NET_H",
        "#define NET_H",
        "",
        f"#define NET_ARENA_BYTES {plan.arena_bytes}",
        "",
    ]
    for port, way in [(p, "input") for p in inputs] + [(p, "output") for p in outputs]:
        upper = f"NET_{way}_{port.identifier}".upper()
        shape = "x".join(map(str, port.shape)) or "scalar"
        lines += [
            f"/* {way} '{comment(port.name)}', {shape}, in memory {port.memory} */",
            f"#define {upper}_ELEMENTS {port.elements}",
            f"{'const ' if way == 'output' else ''}float *net_{way}_{port.identifier}(void);",
            "",
        ]
    lines += ["void net_run(void);", ""]
    if weights_bytes:
        lines += [
            "#ifdef NET_WEIGHTS_MAPPED",
            "/* weights.bin, mapped by the caller at an address divisible by 64. */",
            "void net_set_weights(const void *weights);",
            "#endif",
            "",
        ]
    lines += [
        "#ifdef CHECKED",
        "/* What the judge saw: elements are numbered through all storages, from 1. */",
        "struct net_check {",
        "    unsigned long long reads;",
        "    unsigned long faults;",
        "    int task, row;",
        "    long byte;",
        "    unsigned long wanted, found;",
        "};",
        "extern struct net_check net_check;",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _example(inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    lines = []
    for port in inputs:
        lines.append(f"       float *{port.identifier} = net_input_{port.identifier}();")
        lines.append(f"       ... write {port.elements} floats, {port.memory} ...")
    lines.append("       net_run();")
    lines += [
        f"       net_output_{p.identifier}() points to the result, {p.memory}" for p in outputs
    ]
    return lines
