"""An emitted program with a main around it that times it: timer.c, compiled with the flags that
net.h names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path

from lowtide.check.compile import WARNINGS, compile_program, native_flags
from lowtide.check.flags import named
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import own

_TIMER = resources("lowtide.timing") / "timer.c"
_HOOK = """\
/* Included before net.c: where an operator begins, its time does. */
void timer_task(int number);
#define NET_AT(operator) timer_task(operator)
"""


def release_flags(
    compiler: Sequence[str], files: Mapping[str, bytes], called: str = "net"
) -> list[str]:
    """How the program is built to be fast on this machine: as its net.h says."""
    return ["-std=c99", *named(files[f"{called}.h"]), *native_flags(tuple(compiler))]


def build_timer(
    files: Mapping[str, bytes],
    memory: MemoryMap,
    folder: Path,
    compiler: Sequence[str],
    sets: int,
    profile: bool = False,
) -> Path:
    """The executable; with `profile` it knows how long each operator took.

    Raises CheckError where net.c does not compile.
    """
    around = {"timer.c": _TIMER.read_text(), "ports.h": ports_header(memory, sets)}
    hook: list[str] = []
    if profile:
        around["hook.h"], hook = own(_HOOK, memory.called), ["-include", "hook.h"]
    flags = release_flags(compiler, files, memory.called)
    command = [*compiler, *WARNINGS, *flags, *hook]
    return compile_program(files, around, f"{memory.called}.c", folder, command, "timer")


def ports_header(memory: MemoryMap, sets: int) -> str:
    """ports.h: where the inputs and outputs lie, how large they are, how the network is called."""
    held, found, handed = list[str](), list[str](), list[str]()
    for way, ports in (("input", memory.inputs), ("output", memory.outputs)):
        for k, port in enumerate(ports):
            at = f"net_{way}_{port.identifier}()"
            if port.streamed:
                at = f"{way}{k}"
                held.append(f"static {port.c} {at}[{port.elements}] PORT_MEMORY;")
                handed.append(at)
            found.append(f"    {way}[{k}] = {at};")
    text = "\n".join(
        [
            '#include "net.h"',
            "#include <stddef.h>",
            f"#define TASKS {len(memory.operators)}",
            f"#define SETS {sets}",
            f"#define INPUTS {len(memory.inputs)}",
            f"#define INPUT_BYTES {sum(port.bytes for port in memory.inputs)}",
            f"#define OUTPUTS {len(memory.outputs)}",
            f"static const size_t input_bytes[] = {{ {_sizes(memory.inputs)} }};",
            f"static const size_t output_bytes[] = {{ {_sizes(memory.outputs)} }};",
            "#ifndef PORT_MEMORY",
            "#define PORT_MEMORY /* where images lie that are handed in row by row */",
            "#endif",
            "static void *input[INPUTS + 1];",
            "static const void *output[OUTPUTS + 1];",
            *held,
            "static void find_ports(void)",
            "{",
            *(found or ["    input[0] = NULL;"]),
            *(["    net_reset();"] if memory.states else []),
            "}",
            f"static void run_network(void) {{ net_run({', '.join(handed)}); }}",
            "",
        ]
    )
    return own(text, memory.called)


def _sizes(ports: Sequence[Port]) -> str:
    return ", ".join([*(str(port.bytes) for port in ports), "0"])
