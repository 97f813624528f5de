"""Many programs as they ship, in one executable for each way to compile them.

    3/net.c    p3_net_run, ..     as in `batches`, but without CHECKED and fully optimised
    pc.c       runs each on its inputs and writes the outputs
    board.c    the same on a board in the emulator, where there is one

What comes out is compared with a float64 evaluation of the layer.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from batches import Unit
from lowtide.backends import emit
from lowtide.check.compile import WARNINGS
from lowtide.check.exact.evaluate import evaluate
from lowtide.check.trial import pack, unpack
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array
from lowtide.kernels.calls import RowCall
from lowtide.kernels.choose import KERNELS, source
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.plan import Plan
from lowtide.timing.board_build import compiler_for, link
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import board
from network_builder import Network

TOLERANCE = 1e-5
"""Of an output's largest value. A sum of n products rounds by n * 6e-8 of its terms at most, and by
sqrt(n) * 6e-8 as a rule: 2e-6 for the longest here (1000). What a compiler loses is a term."""


@dataclass(frozen=True)
class Way:
    """One way to compile a program; `needs` is a flag of /proc/cpuinfo that it takes to run it."""

    compiler: str
    flags: tuple[str, ...]
    needs: str = ""

    @property
    def name(self) -> str:
        return " ".join((self.compiler, *self.flags))

    @property
    def absent(self) -> str:
        """That there is no such compiler here, or nothing."""
        return "" if shutil.which(self.compiler) else f"there is no {self.compiler}"

    @property
    def lacking(self) -> str:
        """Why this cannot be run here, or nothing."""
        return (
            f"this processor has no {self.needs}" if self.needs and self.needs not in _cpu() else ""
        )


MACHINES = {"": "", "haswell": "avx2", "skylake-avx512": "avx512vl"}
"""-march, and what it needs: baseline, AVX2, AVX-512."""

WAYS = tuple(
    Way(compiler, (level, *([f"-march={machine}"] if machine else [])), needs)
    for compiler in ("gcc", "clang")
    for level in ("-O2", "-O3")
    for machine, needs in MACHINES.items()
)


@cache
def _cpu() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    return frozenset(text.partition("flags")[2].partition("\n")[0].split())


class Program(Protocol):
    """What is emitted, what it is given, and a judge of what it wrote."""

    name: str

    @property
    def memory(self) -> MemoryMap: ...
    @property
    def files(self) -> Mapping[str, bytes]: ...
    @property
    def inputs(self) -> Mapping[str, Array]: ...
    def wrong(self, wrote: bytes) -> str: ...


@dataclass(frozen=True)
class Layer:
    """A network of one layer, and the plan of it."""

    name: str
    network: Network
    plan: Plan

    @cached_property
    def memory(self) -> MemoryMap:
        return memory_map(self.plan)

    @cached_property
    def files(self) -> dict[str, bytes]:
        return emit(self.plan)

    @cached_property
    def exact(self) -> tuple[Array, ...]:
        return evaluate(self.network.model, self.network.inputs)

    @property
    def inputs(self) -> Mapping[str, Array]:
        return self.network.inputs

    def wrong(self, wrote: bytes) -> str:
        """What is wrong with the outputs that a program wrote, or nothing."""
        made = unpack(wrote, self.memory.outputs)
        for k, (y, exact) in enumerate(zip(made, self.exact, strict=True)):
            off = np.abs(y - exact).max(initial=0.0)
            allowed = 0.0 if self.network.whole else TOLERANCE * np.abs(exact).max(initial=0.0)
            if not off <= allowed:
                return f"{self.name}: output {k} is off by {off:.2e}, {allowed:.2e} is allowed"
        return ""


@cache
def _told() -> frozenset[str]:
    """What a kernel of rows may be told to do besides: the words of the enums of rows.h."""
    enums = re.findall(r"^enum \w+ \{ (.*) \};", source("rows.h"), re.MULTILINE)
    return frozenset(word for words in enums for word in words.split(", ") if "NO_" not in word)


def reachable() -> frozenset[str]:
    """All that `reached` may name: the planner's table of kernels of floats, and the loops.

    Those of 8-bit numbers are swept by tests/kernels/test_eight_kernels.py and random networks,
    tiles of packed weights, for networks of many, by tests/kernels/test_row_kernels.py.
    """
    names = [kernel.name for kernel in KERNELS if F32 in kernel.types.input]
    names.remove("packed_conv_rows")
    told = [f"conv_rows {word}" for word in (*_told(), "grows")]
    return frozenset([*names, *told, "loops", "loops that keep a branch"])


def reached(layer: Layer) -> Counter[str]:
    """What makes the operators of a layer: kernels, with what they are told to do, or loops."""
    found = Counter[str]()
    for number, (task, use) in enumerate(zip(layer.plan.tasks, layer.plan.uses, strict=True)):
        if task.port:
            continue
        found[use.kernel.name if use else "loops"] += 1
        if use is None:
            found["loops that keep a branch"] += "KEEP_BRANCH" in _function(number, layer)
        elif use.kernel.name == "conv_rows" and isinstance(use.call, RowCall):
            call, kind = use.call, use.call.activation.kind if use.call.activation else ""
            told = [kind, "grows" if call.grows else call.pool.kind]
            found.update(f"conv_rows {word}" for word in told if word in {*_told(), "grows"})
    return found


def _function(number: int, layer: Layer) -> str:
    """The text of an operator's function."""
    text = layer.files["net.c"].decode()
    return text.partition(f" void op{number}_")[2].partition("\n}")[0]


_PC = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
static void take(void *to, size_t bytes)
{
    if (fread(to, 1, bytes, stdin) != bytes)
        exit(1);
}
static void give(const void *from, size_t bytes)
{
    fwrite(from, 1, bytes, stdout);
    fflush(stdout);
}
"""

_BOARD = """\
#include "board.h"
static int in, out;
static void take(void *to, size_t bytes)
{
    if (board_read(in, to, bytes) < 0)
        board_exit(1);
}
static void give(const void *from, size_t bytes)
{
    if (board_write(out, from, bytes) < 0)
        board_exit(1);
}
"""


def write(layers: Sequence[Program], folder: Path) -> list[str]:
    """Writes the programs, their inputs and both mains; returns the programs' sources."""
    units = [Unit(layer, "net.c", f"p{k}_") for k, layer in enumerate(layers)]
    for k, layer in enumerate(layers):
        (folder / str(k)).mkdir(parents=True)
        assert "net_weights.bin" not in layer.files, f"{layer.name}: too many weights for a batch"
        (folder / f"{k}/net.h").write_bytes(layer.files["net.h"])
        if "net_weights.c" in layer.files:
            (folder / f"{k}/net_weights.c").write_bytes(layer.files["net_weights.c"])
        (folder / f"{k}/net.c").write_bytes(units[k].text(layer.files["net.c"]))
    runs = [line for unit in units for line in unit.run(checked=False)]
    calls = [f"    {unit.prefix}run();" for unit in units]
    opened = [
        '    in = board_open("inputs.bin", "rb");',
        '    out = board_open("outputs.bin", "wb");',
    ]
    for name, head, first in (("pc.c", _PC, list[str]()), ("board.c", _BOARD, opened)):
        lines = [head, *runs, "int main(void)", "{", *first, *calls, "    return 0;", "}", ""]
        (folder / name).write_text("\n".join(lines))
    inputs = [pack(layer.memory.inputs, layer.inputs) for layer in layers]
    (folder / "inputs.bin").write_bytes(b"".join(inputs))
    return [f"{k}/net.c" for k in range(len(layers))]


def run_here(way: Way, sources: Sequence[str], folder: Path) -> bytes:
    """What the programs write, built one way, on this machine."""
    command = [way.compiler, *WARNINGS, *way.flags, "-ffp-contract=fast", "-o", "all", "pc.c"]
    _done([*command, *sources, "-lm"], folder)
    with (folder / "inputs.bin").open("rb") as given:
        return subprocess.run([folder / "all"], stdin=given, capture_output=True, check=True).stdout


def run_there(
    name: str, sources: Sequence[str], folder: Path, compiler: str = "gcc", level: str = "-O3"
) -> bytes:
    """What the programs write on a board in the emulator."""
    machine, made = board(name), [f"{source}.o" for source in sources]
    command = [*compiler_for(machine, compiler), *WARNINGS, level, "-ffp-contract=fast", "-c"]
    for one, to in zip(sources, made, strict=True):
        _done([*command, one, "-o", to], folder)
    status, said = run_on_board(machine, link(machine, ["board.c", *made], folder), 300)
    assert status == 0, f"{name}: {status}, {said}"
    return (folder / "outputs.bin").read_bytes()


def _done(command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = "\n".join((done.stderr or done.stdout).splitlines()[:12])
    assert done.returncode == 0, f"{' '.join(map(str, command[:8]))} ..: {said}"


def wrong(layers: Sequence[Program], wrote: bytes) -> Iterator[str]:
    """What is wrong with the outputs of all layers, one after the other."""
    at = 0
    for layer in layers:
        size = sum(port.bytes for port in layer.memory.outputs)
        fault = layer.wrong(wrote[at : at + size])
        at += size
        if fault:
            yield fault
    assert at == len(wrote), f"{len(wrote)} bytes were written, {at} expected"
