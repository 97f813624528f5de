"""A run in memory of the caller's: two threads may run two networks, or one network twice.

thread 1  wake_run_in(a)                  thread 3  face_run_in(&state, c, image, made)
thread 2  wake_run_in(b)                  thread 4  face_run_in(&other, d, image, made)
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.check.trial import pack
from programs import Judged
from test_network_names import FACE, WAKE, judged, ports

RACES = ("-g", "-O1", "-fsanitize=thread", "-pthread")


def bytes_of(name: str, data: bytes) -> str:
    return f"static const unsigned char {name}[] = {{ {', '.join(map(str, data))} }};"


def thread(held: Judged, number: int) -> Iterator[str]:
    """C of a thread that runs a network 20 times in its own memory and counts wrong outputs."""
    name, memory = held.memory.called, held.memory
    yield f"static union {{ unsigned char at[{name.upper()}_ARENA_BYTES]; long long whole; }}"
    yield f"    __attribute__((aligned({name.upper()}_ARENA_ALIGN))) memory{number};"
    streamed = any(port.streamed for port, _ in ports(memory))
    body, handed, checks = list[str](), [f"memory{number}.at"], list[str]()
    if streamed:
        yield f"static struct {name}_state state{number};"
        handed.insert(0, f"&state{number}")
    values = {
        **held.sample.inputs,
        **dict(zip([p.name for p in memory.outputs], held.outputs, strict=True)),
    }
    for port, way in ports(memory):
        own = f"{way}{number}_{port.identifier}"
        yield bytes_of(own, pack([port], {port.name: values[port.name]}))
        at = f"{name}_{way}_{port.identifier}_in(memory{number}.at)"
        if port.streamed:
            at = f"rows{number}_{way}_{port.identifier}"
            yield f"static {port.c} {at}[{port.elements}];"
            handed.append(at)
        if way == "input":
            body.append(f"memcpy({at}, {own}, sizeof {own});")
        else:
            checks.append(f"wrong += memcmp({at}, {own}, sizeof {own}) != 0;")
    run = f"{name}_run_in({', '.join(handed)});"
    steps = "\n        ".join([*body, run, *checks])
    yield f"static void *thread{number}(void *nothing)\n{{\n    long wrong = 0;"
    yield f"    for (int k = 0; k < 20; k++) {{\n        {steps}\n    }}"
    yield "    (void)nothing;\n    return (void *)wrong;\n}"


def main_of(threads: int, parts: Iterator[str]) -> str:
    starts = [f"    pthread_create(&t[{k}], NULL, thread{k}, NULL);" for k in range(threads)]
    return "\n".join(
        [
            "#include <pthread.h>\n#include <string.h>",
            '#include "face.h"\n#include "wake.h"',
            *parts,
            f"int main(void)\n{{\n    pthread_t t[{threads}];\n    long all = 0;",
            *starts,
            f"    for (int k = 0; k < {threads}; k++) {{\n        void *wrong;",
            "        pthread_join(t[k], &wrong);\n        all += (long)wrong;\n    }",
            "    return all != 0;\n}\n",
        ]
    )


def test_threads_run_networks_in_memory_of_their_own(tmp_path: Path) -> None:
    """No race, and what each makes alone; net.c brings no arena along when it is told so."""
    compiler = find_compiler() or pytest.skip("no C compiler")
    held = [judged(3, WAKE), judged(3, WAKE), judged(2, FACE), judged(2, FACE)]
    for one in held:
        write_sources(one.files, tmp_path)
    parts = (line for k, one in enumerate(held) for line in thread(one, k))
    (tmp_path / "main.c").write_text(main_of(len(held), parts))
    without = ["-DFACE_NO_ARENA", "-DWAKE_NO_ARENA"]
    built = [*compiler, *WARNINGS[1:], "-std=gnu99", *without, "main.c", "face.c", "wake.c"]
    done = subprocess.run(
        [*built, *RACES, "-o", "all", "-lm"], cwd=tmp_path, capture_output=True, check=False
    )
    if done.returncode and b"tsan" in done.stderr:
        pytest.skip("this compiler finds no races: there is no library for it")
    assert done.returncode == 0, done.stderr.decode()[:2000]
    ran = subprocess.run([tmp_path / "all"], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()[:2000]
    listed = subprocess.run(
        [*compiler, "-std=c99", "-O1", *without, "-c", "wake.c"], cwd=tmp_path, check=False
    )
    assert listed.returncode == 0
    sizes = subprocess.run(["size", "wake.o"], cwd=tmp_path, capture_output=True, text=True)
    bss = int(sizes.stdout.splitlines()[1].split()[2])
    assert bss == 0, "no arena, no state"
