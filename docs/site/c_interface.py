"""The C interface as a page: what NET.h declares, by kind of program."""

from __future__ import annotations

from json_keys import PROMISED

KINDS = {
    "resident": "Inputs and outputs in the arena",
    "rows": "Inputs and outputs row by row",
    "portable": "For a processor with no kernels of its own (`--cpu portable`)",
    "weights in a file": "Weights of more than 1 MiB",
}


def c_interface() -> str:
    return "\n".join([
        "# The C interface\n",
        "What a program's header declares, here of `--name face` and a network with an input `x` "
        "and an output `y`; without `--name` it is `net`. The header itself says how each is "
        "called. Nothing of it is renamed in a later version ([the rules](../stability.md)).\n",
        *(section(kind, title) for kind, title in KINDS.items()),
    ])  # fmt: skip


def section(kind: str, title: str) -> str:
    declared, asked = (PROMISED["c"][f"{kind}: {what}"] for what in ("declared", "asked for"))
    code = "\n".join(f"    {line}" for line in declared)
    macros = ", ".join(f"`{name}`" for name in asked)
    return f"## {title}\n\n{code}\n\nMacros that `face.c` looks at when it is compiled: {macros}.\n"
