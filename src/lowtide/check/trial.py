"""One way to build and run a program, and what it gave, against the plan and the samples."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.check.compile import Verdict, build, native_flags, run
from lowtide.check.difference import Difference, check_near, compare
from lowtide.check.flags import SHIPS, Flags
from lowtide.check.main_around import Io
from lowtide.check.numbers import Sample
from lowtide.errors import CheckError
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap
from lowtide.quoting import own


@dataclass(frozen=True)
class Way:
    """One way to build and run the program."""

    source: str
    checked: bool
    flags: Flags
    what: str

    def named(self, compiler: Sequence[str]) -> str:
        """The flags as they are given to a compiler on this machine."""
        checked = ("-DLOWTIDE_CHECKED",) if self.checked else ()
        return " ".join((*self.flags, *native_flags(tuple(compiler)), *checked))


# The judge must see the arithmetic as written, without contraction; -O3 makes vectors of blocks.
WAYS = (
    Way("reference.c", True, ("-O3", "-ffp-contract=off"), "every read"),
    Way("net.c", True, ("-O3", "-ffp-contract=off"), "every call"),
    Way("net.c", False, SHIPS, "as it ships"),
)


@dataclass(frozen=True)
class Outcome:
    """What a run gave: its reads and results, and how far these are from what is expected."""

    reads: int
    results: Mapping[str, Sequence[Array]]
    difference: Difference


@dataclass(frozen=True)
class Trial:
    """A program, what it is compared with, and a compiler."""

    files: Mapping[str, bytes]
    memory: MemoryMap
    samples: Sequence[Sample]
    compiler: Sequence[str]
    folder: Path

    def run(self, way: Way) -> Outcome:
        """Raises CheckError for the first fault, and for outputs too far from the samples'."""
        return self.judge(self.build(way), way)

    def build(self, way: Way, around: Mapping[str, str] | None = None) -> Path:
        """The executable, with C files `around` it; raises CheckError where it does not compile."""
        inputs, outputs = io_of(self.memory.inputs), io_of(self.memory.outputs)
        at = self.folder / f"{Path(way.source).stem}-{len(list(self.folder.iterdir()))}"
        flags = (*way.flags, *native_flags(tuple(self.compiler)))
        return build(
            self.files, way.source, inputs, outputs, at, self.compiler, flags, way.checked,
            self.memory.called, around or {}, kept_by(self.memory),
        )  # fmt: skip

    def judge(self, program: Path, way: Way) -> Outcome:
        """What a built program makes of the samples; raises CheckError."""
        data = b"".join(pack(self.memory.inputs, sample.inputs) for sample in self.samples)
        verdict = run(program, data, _ENVIRONMENT)
        _as_declared(verdict, self.memory)
        source = own(way.source, self.memory.called)
        no_fault(verdict, self.memory, source)
        results = split(verdict.outputs, self.memory, self.samples)
        found = compare(results, self.samples)
        check_near(found, self.samples, f"{source} ({way.what})")
        return Outcome(verdict.reads, results, found)


# What is never freed is no fault, and looking for it fails where processes may not be traced.
_ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


def io_of(ports: Sequence[Port]) -> Io:
    """Inputs or outputs as a main around the program has them."""
    return Io(
        tuple(p.identifier for p in ports),
        tuple(p.elements for p in ports),
        tuple(bool(p.streamed) for p in ports),
        tuple(p.c for p in ports),
    )


def kept_by(memory: MemoryMap) -> tuple[tuple[int, int], ...]:
    """The bytes that are carried from call to call: each a first one, and how many."""
    return tuple((one.offset, one.bytes) for one in memory.states)


def _in_file(port: Port) -> np.dtype[Any]:
    """The type of a port's elements as a program reads and writes them here."""
    return np.dtype(port.dtype).newbyteorder("<")


def pack(ports: Sequence[Port], values: Mapping[str, Array]) -> bytes:
    """Inputs as the program wants them: each in its memory order, one after the other."""
    return b"".join(
        np.ascontiguousarray(values[p.name].transpose(p.order)).astype(_in_file(p)).tobytes()
        for p in ports
    )


def unpack(data: bytes, ports: Sequence[Port]) -> list[Array]:
    """One set of outputs, in ONNX's axis order."""
    results, at = [], 0
    for p in ports:
        flat = np.frombuffer(data, _in_file(p), p.elements, at)
        at += p.bytes
        laid = flat.reshape([p.shape[a] for a in p.order])
        results.append(laid.transpose(np.argsort(p.order)) if p.order else laid)
    return results


def split(data: bytes, memory: MemoryMap, samples: Sequence[Sample]) -> dict[str, Sequence[Array]]:
    """What the program wrote, by sample."""
    size = sum(p.bytes for p in memory.outputs)
    if len(data) != size * len(samples):
        raise CheckError(f"the program wrote {len(data)} bytes, {size * len(samples)} expected")
    parts = (data[i * size : (i + 1) * size] for i in range(len(samples)))
    return {s.name: unpack(d, memory.outputs) for s, d in zip(samples, parts, strict=True)}


def _as_declared(verdict: Verdict, memory: MemoryMap) -> None:
    """net.h must tell its caller the sizes that were planned."""
    ports = [*memory.inputs, *memory.outputs]
    names = ["arena", *(f"'{port.name}'" for port in ports)]
    planned = [memory.arena_bytes, *(port.elements for port in ports)]
    for name, said, size in zip(names, verdict.declared, planned, strict=True):
        if said != size:
            unit = "bytes" if name == "arena" else "elements"
            raise CheckError(f"{memory.called}.h: {name} has {said} {unit}, plan.json says {size}")


def no_fault(verdict: Verdict, memory: MemoryMap, source: str) -> None:
    """Raises CheckError, which names the first fault, if a run had any."""
    if verdict.fault is None:
        return
    task, row, byte, wanted, found = verdict.fault
    named = f"step {task}"
    if 0 <= task < len(memory.operators):
        named = f"step {memory.operators[task].name} ({memory.operators[task].type})"
    raise CheckError(
        f"{source}: {named}, row {row}, byte {byte} of the arena: "
        f"expected {_element(wanted, memory)}, found {_element(found, memory)} "
        f"({verdict.faults} faults)"
    )


def _element(number: int, memory: MemoryMap) -> str:
    """Which row of which storage an element number stands for."""
    first = 1
    for storage in memory.storages:
        if first <= number < first + storage.elements:
            return f"'{storage.name}' row {(number - first) // storage.row_elements}"
        first += storage.elements
    return "nothing"
