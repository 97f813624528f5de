"""All checks on a plan: the placement, every read of the emitted program, the numbers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lowtide.check.compile import (
    Io,
    Verdict,
    build,
    check_compiler,
    find_compiler,
    native_flags,
    run,
)
from lowtide.check.expected import Against, summary
from lowtide.check.numbers import SAME, Sample, check_comparable, check_near, compare, scales
from lowtide.check.placement import Rows, check_placement
from lowtide.clock import Progress, quiet
from lowtide.errors import CheckError
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap, addresses_of, lifetimes_of


@dataclass(frozen=True)
class Way:
    """One way to build and run the program."""

    source: str
    checked: bool
    flags: tuple[str, ...]
    what: str


# The judge must see the arithmetic as written, without contraction; -O3 makes vectors of blocks.
WAYS = (
    Way("reference.c", True, ("-O3", "-ffp-contract=off"), "every read"),
    Way("net.c", True, ("-O3", "-ffp-contract=off"), "every call"),
    Way("net.c", False, ("-O3", "-ffp-contract=fast"), "as it ships"),
)

MUCH_WORK = 1 << 28
"""Multiply-adds, over all samples, from which on the element level is worth optimising: below, the
compiler would take longer than the program."""


@dataclass(frozen=True)
class Checks:
    """What was checked, and that it passed; `how` is the compiler's command, or "numpy".

    `checked_reads` counts the reads that the element level checked one by one; the differences are
    from the reference, `against`: max|y - ref|, and max|y - ref| / max|ref| of one output.
    """

    how: str
    checked_reads: int
    faults: int
    max_abs_diff: float
    max_rel_diff: float
    against: Against
    results: Mapping[str, Sequence[Array]]
    """The program's own outputs for each sample, in ONNX's axis order."""

    @property
    def shown(self) -> str:
        """The error in words, beside onnxruntime's."""
        return self.against.shown(self.max_rel_diff)

    def facts(self) -> dict[str, Any]:
        """The numbers and how they came about, without the outputs."""
        command, *flags = self.how.split(" ", 1)
        return {
            "checked_with": " ".join([shutil.which(command) or command, *flags]),
            "checked_reads": self.checked_reads,
            "faults": self.faults,
            "max_abs_diff": self.max_abs_diff,
            "max_rel_diff": self.max_rel_diff,
            **self.against.facts(self.max_rel_diff),
        }


def judge_placement(memory: MemoryMap) -> None:
    """Raises CheckError if two live rows share a byte."""
    rows = []
    for storage in memory.storages:
        start, stop = lifetimes_of(storage)
        address = addresses_of(storage)
        rows.append(Rows(storage.name, storage.cell_bytes, address, start, stop))
    faults = check_placement(rows, memory.arena_bytes, memory.align)
    if faults:
        raise CheckError(f"the placement is wrong: {faults[0]} ({len(faults)} faults)")


def judge_program(
    files: Mapping[str, bytes],
    memory: MemoryMap,
    samples: Sequence[Sample],
    progress: Progress = quiet,
    ways: Sequence[Way] = WAYS,
) -> Checks | None:
    """Builds and runs the program in three ways; None if there is no compiler.

    reference.c with every read checked, net.c with every kernel call checked, net.c as it ships.
    Raises CheckError for the first fault and for outputs that are too far from the reference.
    """
    compiler = find_compiler()
    if compiler is None:
        return None
    check_compiler(tuple(compiler))
    check_comparable(samples)
    inputs, outputs = _io(memory.inputs), _io(memory.outputs)
    data = b"".join(pack(memory.inputs, sample.inputs) for sample in samples)
    worst, reads = SAME, 0
    results: Mapping[str, Sequence[Array]] = {}
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        for way in ways:
            progress(f"checking {way.source}, {way.what}")
            at = Path(folder) / f"{Path(way.source).stem}-{way.checked}"
            flags = (*_worth(way, memory, len(samples)), *native_flags(tuple(compiler)))
            program = build(files, way.source, inputs, outputs, at, compiler, flags, way.checked)
            verdict = run(program, data)
            _as_declared(verdict, memory)
            no_fault(verdict, memory, way.source)
            reads = max(reads, verdict.reads)
            results = split(verdict.outputs, memory, samples)
            found = compare(results, samples)
            check_near(found, samples, f"{way.source} ({way.what})")
            worst |= found
    against = summary([sample.expected for sample in samples], scales(samples))
    return Checks(" ".join(compiler), reads, 0, worst.max_abs, worst.max_rel, against, results)


def _worth(way: Way, memory: MemoryMap, samples: int) -> tuple[str, ...]:
    """The flags of a way; -O1 for loops that do little."""
    work = samples * sum(operator.macs for operator in memory.operators)
    if way.source != "reference.c" or work > MUCH_WORK:
        return way.flags
    return tuple("-O1" if flag == "-O3" else flag for flag in way.flags)


def _io(ports: Sequence[Port]) -> Io:
    return Io(
        tuple(p.identifier for p in ports),
        tuple(p.elements for p in ports),
        any(p.streamed for p in ports),
    )


def pack(ports: Sequence[Port], values: Mapping[str, Array]) -> bytes:
    """Inputs as the program wants them: each in its memory order, one after the other."""
    return b"".join(
        np.ascontiguousarray(values[p.name].transpose(p.order)).astype("<f4").tobytes()
        for p in ports
    )


def unpack(data: bytes, ports: Sequence[Port]) -> list[Array]:
    """One set of outputs, in ONNX's axis order."""
    results, at = [], 0
    for p in ports:
        flat = np.frombuffer(data, "<f4", p.elements, at)
        at += 4 * p.elements
        laid = flat.reshape([p.shape[a] for a in p.order])
        results.append(laid.transpose(np.argsort(p.order)) if p.order else laid)
    return results


def split(data: bytes, memory: MemoryMap, samples: Sequence[Sample]) -> dict[str, Sequence[Array]]:
    """What the program wrote, by sample."""
    size = 4 * sum(p.elements for p in memory.outputs)
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
            raise CheckError(f"net.h: {name} has {said} {unit}, plan.json says {size}")


def no_fault(verdict: Verdict, memory: MemoryMap, source: str) -> None:
    """Raises CheckError, which names the first fault, if a run had any."""
    if verdict.fault is None:
        return
    task, row, byte, wanted, found = verdict.fault
    named = f"step {task}"
    if task < len(memory.operators):
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
