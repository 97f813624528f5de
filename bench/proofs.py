"""Small programs proven by Frama-C's Eva, for every input that there is: docs/proofs.md.

    apt install --no-install-recommends frama-c-base
    python -m bench.proofs [--only NAME ..]

Eva interprets the C with sets of values in the place of values. Inputs are any bytes, and the
arena, NET_ARENA_BYTES to the byte, has any bytes in it. No alarm: no run reads or writes outside an
array, reads a variable that nothing has written, overflows a signed number, shifts too far or
divides by 0.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.tables import held, markdown, put
from lowtide.backends import emit
from lowtide.clock import Clock, quiet
from lowtide.planner.make_plan import make_plan
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.options import Options, Source
from lowtide.rewrites.fuse import fuse

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/proofs.md"
HEAD = ("program", "network", "statements", "alarms", "seconds")
EVA = (
    "frama-c", "-eva", "-eva-no-print", "-eva-no-show-progress", "-machdep", "gcc_x86_64",
    "-eva-min-loop-unroll", "100000", "-warn-special-float", "none",
    "-eva-alloc-builtin", "fresh", "-eva-no-alloc-returns-null",
)  # fmt: skip
"""Every loop is gone through round by round; a float may be any, NaN too."""


@dataclass(frozen=True)
class Proof:
    """What Eva says of a program."""

    alarms: int
    statements: str
    seconds: float
    version: str
    said: str


def main_c(memory: MemoryMap) -> str:
    """One run of any inputs, in an arena of which nothing is known."""
    lines = [f'#include "__fc_builtin.h"\n#include "{memory.called}.h"\n', "int main(void)\n{"]
    lines.append("    static unsigned char memory[NET_ARENA_BYTES];\n    int sum = 0;")
    lines.append("    Frama_C_make_unknown((char *)memory, NET_ARENA_BYTES);")
    rows = any(port.streamed for port in (*memory.inputs, *memory.outputs))
    handed = ["&state"] * rows + ["memory"]
    lines += ["    struct net_state state;"] * rows
    seen = []
    for way, ports in (("input", memory.inputs), ("output", memory.outputs)):
        for port in ports:
            name, count = f"{way}_{port.identifier}", f"NET_{way}_{port.identifier}_ELEMENTS"
            if port.streamed:
                lines.append(f"    {port.c} {name}[{count.upper()}];")
                handed.append(name)
            else:
                const = "const " if way == "output" else ""
                lines.append(f"    {const}{port.c} *{name} = net_{name}_in(memory);")
            size = f"{count.upper()} * sizeof({port.c})"
            if way == "input":
                lines.append(f"    Frama_C_make_unknown((char *){name}, {size});")
            else:
                seen.append(f"    for (int i = 0; i < {count.upper()}; i++) sum += {name}[i] > 0;")
    lines += [f"    net_run_in({', '.join(handed)});", *seen, "    return sum;\n}\n"]
    return "\n".join(lines)


def prove(sources: Mapping[str, bytes], program: str, main: str) -> Proof:
    """Analyses a program with its main, which may include it; every file by its name."""
    with TemporaryDirectory() as folder:
        for name, content in {**sources, "main.c": main.encode()}.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        cpp = "-cpp-extra-args=-I. -DNET_NO_ARENA"
        command = [*EVA, cpp, "main.c", *([program] if program else [])]
        begun = time.monotonic()
        here = {**os.environ, "PWD": folder}  # by which Frama-C finds its files
        done = subprocess.run(
            command, cwd=folder, env=here, capture_output=True, text=True, check=False
        )
        took = time.monotonic() - begun
    said = done.stdout + done.stderr
    alarms = re.search(r"(\d+) alarms? generated", said)
    reached = re.search(r"(\d+) statements reached \(out of (\d+)\)", said)
    errors = [int(n) for n in re.findall(r"(\d+) errors?", said)]
    if not alarms or not reached or any(errors) or done.returncode:
        raise RuntimeError(f"no proof and no alarm:\n{said[-3000:]}")
    statements = f"{reached[1]} of {reached[2]}"
    return Proof(int(alarms[1]), statements, took, version(), said)


def version() -> str:
    """That of Frama-C."""
    return subprocess.run(["frama-c", "-version"], capture_output=True, text=True).stdout.strip()


def eight() -> tuple[MemoryMap, dict[str, bytes]]:
    """int8 as TFLite Micro rounds: convolution, depthwise, add, pool, dense."""
    return _eight(Options(cpu="portable"))


def eight_rows() -> tuple[MemoryMap, dict[str, bytes]]:
    """The same with its image handed in row by row."""
    return _eight(Options(cpu="portable", image="streamed"))


def floats() -> tuple[MemoryMap, dict[str, bytes]]:
    """float32: convolutions, add, pool, dense (the golden `residual`)."""
    return _golden("residual", Options(cpu="portable"))


def joined() -> tuple[MemoryMap, dict[str, bytes]]:
    """float32: concatenation, sigmoid, resize (the golden `joined`)."""
    return _golden("joined", Options(cpu="portable"))


def packed() -> tuple[MemoryMap, dict[str, bytes]]:
    """float32 with weights of 4 bits (the golden `packed`)."""
    return _golden("packed", Options(cpu="portable"))


def _eight(options: Options) -> tuple[MemoryMap, dict[str, bytes]]:
    from eight import Eight

    net = Eight(x=(1, 3, 8, 8))
    first = net.conv("x", 4)
    deep = net.conv(first, 4, group=4)
    both = net.pool(net.sum(first, deep))
    graph = net.graph(net.dense(net.flat(both), 5))
    plan = make_plan(Source("eight", "0" * 64), fuse(graph), options, Clock(quiet))
    return memory_map(plan), emit(plan)


def _golden(name: str, options: Options) -> tuple[MemoryMap, dict[str, bytes]]:
    import lowtide
    import test_golden

    plan = lowtide.profile(getattr(test_golden, name)(), options=options)
    return memory_map(plan), emit(plan)


GENERAL = {
    "general_conv.c": "conv_eight() for 192 shapes up to 2 x 3 taps and 4 channels in",
    "general_twice.c": "how sums end, for every sum, factor, shift and offset that is let through",
}
"""Mains that include the program of `eight` and call its kernels by themselves."""

PROGRAMS: tuple[Callable[[], tuple[MemoryMap, dict[str, bytes]]], ...] = (
    eight, eight_rows, floats, joined, packed,
)  # fmt: skip


def main() -> None:
    """Proves each, and writes the page row by row."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", help="names of programs whose rows are renewed")
    only = parser.parse_args().only
    if shutil.which("frama-c") is None:
        sys.exit("there is no frama-c: apt install --no-install-recommends frama-c-base")
    for folder in ("tests", "tests/builders"):
        sys.path.insert(0, str(ROOT / folder))
    for make in PROGRAMS:
        if only is not None and make.__name__ not in only:
            continue
        memory, files = make()
        for program in ("net.c", "checks/reference.c"):
            keep(program, make.__doc__ or "", prove(files, program, main_c(memory)))
    for name, what in GENERAL.items():
        if only is None or name in only:
            own = Path(__file__).with_name(name).read_text()
            keep(name, what, prove(eight()[1], "", own))


def keep(program: str, what: str, proof: Proof) -> None:
    """Writes a row."""
    seconds = f"{proof.seconds:.0f}"
    row = [program, what, proof.statements, str(proof.alarms), seconds]
    print(" | ".join(row), file=sys.stderr, flush=True)
    rows = [one for one in held(PAGE, "proofs") if one[:2] != row[:2]]
    put(PAGE, "proofs", markdown(HEAD, [*rows, row]))


if __name__ == "__main__":
    main()
