"""What functions of the C library take of the stack: read from the library that the linker takes.

    expf:  push {r4, lr} ..  bl __math_oflowf      as deep as their own calls get

Compilers of boards link a library whose instructions can be read: the deeper of newlib and its
small sister counts. Where nothing can be read (Linux picks its memcpy when a program starts) bytes
are assumed, more than any that was read takes, and the path says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lowtide.check.assembler import Function, read_assembler
from lowtide.check.child import run_child
from lowtide.check.system_faults import compiler_environment

ASSUMED = ((r"_*(aeabi_)?mem(cpy|set|move|clr)\d*$", 64), (r"__", 128), (r"", 640))
"""Bytes by name, the first that matches: the compiler's own helpers, and all others."""

VARIANTS = ((), ("--specs=nano.specs",))
"""Flags that link newlib, and its small sister."""


def assumed(name: str) -> int:
    """What a function is said to take of which nothing is known."""
    return next(size for pattern, size in ASSUMED if re.match(pattern, name))


@cache
def library_bytes(
    command: tuple[str, ...], objdump: str, names: frozenset[str]
) -> Mapping[str, int]:
    """What functions of the library that `command` links take, as far as it can be read."""
    found = [_read(command, objdump, more, names) for more in VARIANTS]
    return {name: max(one.get(name, 0) for one in found) for name in set().union(*found)}


def _read(
    command: Sequence[str], objdump: str, more: Sequence[str], names: frozenset[str]
) -> dict[str, int]:
    """The depth of each; none where the linker does not find them."""
    with TemporaryDirectory(prefix="lowtide-") as at:
        folder = Path(at)
        wanted = "".join(f"void {one}(void);\n" for one in sorted(names))
        held = ", ".join(sorted(names))
        (folder / "main.c").write_text(
            f"{wanted}void (*volatile const held[])(void) = {{ {held} }};\n"
            "int main(void) { return held[0] != 0; }\n"
        )
        flags = ["-w", "-fno-builtin", "-nostartfiles", "-Wl,-e,main", "main.c", "-lm", "-o", "a"]
        done = run_child([*command, *more, *flags], cwd=folder, env=compiler_environment(folder))
        if done.returncode:
            return {}
        text = run_child([objdump, "-d", "a"], cwd=folder).stdout.decode(errors="replace")
        symbols = run_child([objdump, "-t", "a"], cwd=folder).stdout.decode(errors="replace")
    functions = read_assembler("\n".join(_as_written(text))).functions
    labels = dict(re.findall(r"^([0-9a-f]+) <([^>]+)>:$", text, re.MULTILINE))
    there = re.findall(r"^([0-9a-f]+) .*\s(\S+)$", symbols, re.MULTILINE)
    depths = {
        name: _deepest(labels.get(address, ""), functions, ())
        for address, name in there
        if name in names
    }
    return {name: depth for name, depth in depths.items() if depth is not None}


def _as_written(text: str) -> Iterator[str]:
    """A disassembly as a compiler would write it: labels, and targets by name.

    8010:  b.n 8044 <expf+0x4>   ->   .L8010:  b.n .L8044
    """
    inside = ""
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+ <([^>]+)>:$", line):
            inside = head[1]
            yield f"{inside}:"
        elif found := re.match(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$", line):
            own = re.sub(rf"\b([0-9a-f]+) <{re.escape(inside)}(\+0x[0-9a-f]+)?>", r".L\1", found[2])
            yield f".L{found[1]}:"
            yield "\t" + re.sub(r"\b[0-9a-f]+ <([^>+]+)[^>]*>", r"\1", own)


def _deepest(name: str, functions: Mapping[str, Function], above: Sequence[str]) -> int | None:
    """None where it is not there, or has no bound that can be seen."""
    one = functions.get(name)
    if one is None or name in above or one.pointer or not one.known:
        return None
    deeper = [_deepest(other, functions, (*above, name)) for other in sorted(one.calls)]
    known = [depth for depth in deeper if depth is not None]
    return one.pushed + max(known, default=0) if len(known) == len(deeper) else None
