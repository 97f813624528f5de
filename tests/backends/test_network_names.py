"""Two networks in one program: files, functions and macros of each begin with its name.

face.c  face_run(image)  FACE_ARENA_BYTES     rows of the image handed in
wake.c  wake_run()       WAKE_ARENA_BYTES     images in the arena    main: one, the other, again
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import lowtide.timing
from commands import Command
from lowtide import Options, UsageError
from lowtide.check.compile import WARNINGS, find_compiler, write_sources
from lowtide.check.trial import pack
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import is_network_name
from networks import random_network
from programs import Judged, judge_model

FACE = Options(image="streamed", result="streamed", name="face")
WAKE = Options(place="greedy", name="wake")


def judged(seed: int, options: Options) -> Judged:
    network = random_network(seed)
    return judge_model(network.model, network.inputs, options=options)


def calls(memory: MemoryMap) -> Iterator[str]:
    """C that runs a network: its inputs from stdin, its outputs to stdout."""
    name = memory.called
    at = {port: place(port, way, name) for port, way in ports(memory)}
    handed = ", ".join(at[port] for port, _ in ports(memory) if port.streamed)
    for port in memory.inputs:
        yield f"    if (fread({at[port]}, {port.bytes}, 1, stdin) != 1) return 1;"
    yield f"    {name}_run({handed});"
    for port in memory.outputs:
        yield f"    fwrite({at[port]}, {port.bytes}, 1, stdout);"


def ports(memory: MemoryMap) -> list[tuple[Port, str]]:
    inputs, outputs = memory.inputs, memory.outputs
    return [*((port, "input") for port in inputs), *((port, "output") for port in outputs)]


def place(port: Port, way: str, name: str) -> str:
    own = f"{name}_{way}_{port.identifier}"
    return f"{own}_rows" if port.streamed else f"{own}()"


def main_of(*held: Judged) -> str:
    """main.c: the networks by turns, three times."""
    lines = [f'#include "{one.memory.called}.h"' for one in held]
    for one in held:
        for port, way in ports(one.memory):
            if port.streamed:
                at = place(port, way, one.memory.called)
                lines.append(f"static {port.c} {at}[{port.elements}];")
    body = [line for _ in range(3) for one in held for line in calls(one.memory)]
    return "\n".join(["#include <stdio.h>", *lines, "int main(void) {", *body, "return 0; }", ""])


@pytest.mark.parametrize("language", ["c", "c++"])
def test_two_networks_are_one_program(language: str, tmp_path: Path) -> None:
    """By turns each makes what it makes alone; C++ calls both as C."""
    compiler = find_compiler()
    assert compiler is not None, "these tests need a C compiler"
    linker = compiler[0] if language == "c" else shutil.which("g++") or shutil.which("clang++")
    if linker is None:
        pytest.skip("no C++ compiler here")
    face, wake = judged(2, FACE), judged(3, WAKE)
    for one in (face, wake):
        assert one.memory.called in ("face", "wake")
        assert {f"{one.memory.called}.c", f"{one.memory.called}.h"} < one.files.keys()
        write_sources(one.files, tmp_path)
    main = "main.c" if language == "c" else "main.cpp"
    (tmp_path / main).write_text(main_of(face, wake))
    for command in (
        [*compiler, *WARNINGS, "-O1", "-c", "face.c", "wake.c"],
        [linker, "-O1", "-o", "both", main, "face.o", "wake.o", "-lm"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    given = [pack(one.memory.inputs, one.sample.inputs) for one in (face, wake)]
    done_bytes = subprocess.run(
        [str(tmp_path / "both")], input=b"".join(given) * 3, capture_output=True, check=True
    )
    each = [b"".join(packed(one)) for one in (face, wake)]
    assert done_bytes.stdout == b"".join(each) * 3


def packed(held: Judged) -> Iterator[bytes]:
    """What a network made alone, as its program writes it."""
    for port, made in zip(held.memory.outputs, held.outputs, strict=True):
        yield pack([port], {port.name: made})


def test_a_named_network_is_fitted_judged_and_timed(tmp_path: Path, command: Command) -> None:
    model, out = tmp_path / "net_small.onnx", tmp_path / "out"
    model.write_bytes(random_network(3).model.SerializeToString())
    assert command("fit", model, "-o", out, "--name", "face").code == 0
    made = {path.name for path in out.iterdir()}
    assert {"face.c", "face.h"} < made
    assert not {"net.c", "net.h"} & made
    text = (out / "face.h").read_text() + (out / "face.c").read_text()
    assert "net_small.onnx" in text, "names from outside stay"
    assert "net_run" not in text
    assert command("verify", out).code == 0
    assert command("bench", out, "--seconds", "0.05").code == 0
    assert command("fit", model, "-o", out, "--name", "checks").code == 0, (
        "beside a folder called so"
    )
    made = {path.name for path in out.iterdir()}
    assert {"checks.c", "checks.h"} < made
    assert not {"face.c", "face.h"} & made
    (out / "checks.c").write_text("mine now")
    assert command("fit", model, "-o", out, "--name", "checks").code == 2
    assert command("fit", model, "-o", out, "--name", "face").code == 0
    assert (out / "checks.c").read_text() == "mine now"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Face",
        "9x",
        "a-b",
        "../x",
        "while",
        "reference",
        "main",
        "stdint",
        "string",
        "features",
        "a" * 41,
    ],
)
def test_what_is_no_name_is_said(name: str, tmp_path: Path, command: Command) -> None:
    said = command("fit", tmp_path / "absent.onnx", "-o", tmp_path / "out", f"--name={name}")
    assert said.code == 2
    assert "--name" in said.last
    with pytest.raises(UsageError, match="would do"):
        replace(Options(), name=name)


def test_no_network_takes_the_name_of_our_own_c_files() -> None:
    """They lie beside the program when it is timed, or counted on a board."""
    own = list(Path(lowtide.timing.__file__).parent.rglob("*.[ch]"))
    assert len(own) > 5
    assert [path.name for path in own if is_network_name(path.stem)] == []
