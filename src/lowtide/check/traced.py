"""What each operator of an emitted program makes, taken out of the arena behind each of its steps.

NET_AT(3); conv3(8, 1); NET_AT(4); ..        the hook sees that operator 3 has made row 8
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lowtide.check.compile import find_compiler, run
from lowtide.check.flags import named
from lowtide.check.trial import WAYS, Trial, no_fault, pack
from lowtide.check.verify import Folder
from lowtide.errors import NO_COMPILER, CheckError, UsageError
from lowtide.ir.graph import Array
from lowtide.planner.memory_map import MemoryMap, OperatorAt, StoredAt, TensorAt, lifetimes_of
from lowtide.quoting import own

PORTS = ("Input", "Output")
"""Operators that are the caller's work."""

_HOOK = """\
/* Included before net.c. */
void trace(int next, const unsigned char *arena);
#define NET_AT(operator) trace(operator, arena)
"""
_TRACE = """\
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
void trace(int next, const unsigned char *arena);
static const int steps[] = {{ {steps} }}, first_step[] = {{ {first_step} }};
static const long first_run[] = {{ {first_run} }};
static const long runs[][2] = {{ {runs} }};
static long done[sizeof(steps) / sizeof(*steps)];
void trace(int next, const unsigned char *arena)
{{
    static int last = -1;
    static FILE *file;
    if (!file) file = fopen(getenv("LOWTIDE_TRACE"), "wb");
    if (last >= 0 && steps[last]) {{
        const int step = first_step[last] + (int)(done[last]++ % steps[last]);
        fwrite(&step, sizeof(step), 1, file);
        for (long k = first_run[step]; k < first_run[step + 1]; k++)
            fwrite(arena + runs[k][0], 1, (size_t)runs[k][1], file);
        fflush(file);
    }}
    last = next < (int)(sizeof(steps) / sizeof(*steps)) - 1 ? next : -1;
}}
"""


@dataclass(frozen=True)
class Output:
    """An operator's result, and in which of its rows, along `axis`, a step makes it."""

    operator: OperatorAt
    tensor: TensorAt
    storage: StoredAt
    steps: tuple[range, ...]

    @property
    def axis(self) -> int:
        """The outermost axis in memory that is longer than 1."""
        own = self.tensor
        long = [a for a, n in enumerate(own.shape) if n > 1] or [0]
        return max(long, key=lambda a: own.strides_elements[a])

    @property
    def by_rows(self) -> bool:
        """Whether its rows are the operator's; else the last step makes all of it."""
        return bool(self.tensor.shape) and self.tensor.shape[self.axis] == self.operator.rows

    def stored(self, rows: range) -> range:
        """The rows of the storage in which some rows of it lie."""
        own, each = self.tensor, self.storage.row_elements
        spans = [(n - 1) * s for n, s in zip(own.shape, own.strides_elements, strict=True)]
        first, last = own.offset_elements, own.offset_elements + sum(spans)
        if self.by_rows:
            stride = own.strides_elements[self.axis]
            last += (rows[-1] + 1 - self.operator.rows) * stride
            first += rows[0] * stride
        return range(first // each, last // each + 1)

    def places(self, rows: range) -> list[tuple[int, int]]:
        """First byte and number of bytes of each of those."""
        own = self.storage
        size = own.row_elements * own.element_bytes
        return [
            (own.row_offsets[row] if own.row_offsets else own.offset + row * size, size)
            for row in self.stored(rows)
        ]

    @cached_property
    def seen(self) -> Array:
        """Which elements are read by anything: others may lie under what is made after them."""
        start, stop = lifetimes_of(self.storage)
        cell = self.storage.cell_bytes // self.storage.element_bytes
        return self.of(np.repeat(start <= stop, cell))

    def of(self, flat: Array) -> Array:
        """The tensor in its storage."""
        held, own = flat[self.tensor.offset_elements :], self.tensor
        strides = [s * flat.itemsize for s in own.strides_elements]
        return np.lib.stride_tricks.as_strided(held, own.shape, strides, writeable=False)


def outputs_of(held: Folder) -> list[Output]:
    """The results of the operators that can be looked at, in the program's order."""
    memory = held.memory
    hook = own("NET_AT(", memory.called).encode()
    if hook not in held.files[own("net.c", memory.called)]:
        raise UsageError("net.c is of an earlier version and cannot be looked into: fit again")
    text = held.files[own("net.c", memory.called)].decode(errors="replace")
    interleaved = re.search(r"^static const unsigned (char|short) order\[", text, re.M) is not None
    tensors = {tensor.name: tensor for tensor in memory.tensors}
    storages = {storage.name: storage for storage in memory.storages}
    steps: list[list[range]] = [[] for _ in memory.operators]
    for one in memory.schedule:
        for at in range(0, one.rows, one.together if interleaved else one.rows):
            rows = range(one.first + at, one.first + one.rows)
            steps[one.operator].append(rows[: one.together] if interleaved else rows)
    found = []
    for op, made in zip(memory.operators, steps, strict=True):
        if op.type in PORTS or op.output not in tensors:
            continue
        tensor = tensors[op.output]
        output = Output(op, tensor, storages[tensor.storage], tuple(made))
        if tensor.shape and (output.by_rows or output.storage.rows == 1 or not interleaved):
            found.append(output)
    return found


def traced(held: Folder, outputs: Sequence[Output]) -> Iterator[dict[str, Array]]:
    """For each sample what operators of net.c make, by the tensors' names."""
    memory = held.memory
    compiler = find_compiler()
    if compiler is None:
        raise UsageError(NO_COMPILER)
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        around = {"trace.h": own(_HOOK, memory.called), "trace.c": _tables(memory, outputs)}
        flags = (*named(held.files[own("net.h", memory.called)]), "-include", "trace.h")
        way = replace(WAYS[-1], flags=flags)
        trial = Trial(held.files, memory, held.samples, compiler, Path(folder))
        program, file = trial.build(way, around), Path(folder) / "trace"
        for sample in held.samples:
            given = pack(memory.inputs, sample.inputs)
            no_fault(
                run(program, given, {**os.environ, "LOWTIDE_TRACE": str(file)}), memory, "net.c"
            )
            yield _collected(file.read_bytes(), outputs)


def _tables(memory: MemoryMap, outputs: Sequence[Output]) -> str:
    of = {output.operator: output for output in outputs}
    counts, first_step, first_run = list[int](), list[int](), [0]
    runs: list[tuple[int, int]] = []
    for op in memory.operators:
        first_step.append(len(first_run) - 1)
        counts.append(len(of[op].steps) if op in of else 0)
        for rows in of[op].steps if op in of else ():
            runs += of[op].places(rows)
            first_run.append(len(runs))
    return own(
        _TRACE.format(
            steps=", ".join(map(str, [*counts, 0])),
            first_step=", ".join(map(str, first_step)),
            first_run=", ".join(map(str, first_run)),
            runs=", ".join(f"{{ {at}, {size} }}" for at, size in runs),
        ),
        memory.called,
    )


def _collected(data: bytes, outputs: Sequence[Output]) -> dict[str, Array]:
    """The tensors, of what was written behind each step."""
    steps = [(output, rows) for output in outputs for rows in output.steps]
    flats = {
        o.storage.name: np.zeros(o.storage.elements, o.storage.dtype) for o in outputs
    }  # fmt: skip
    made = {o.tensor.name: np.zeros(o.tensor.shape, o.storage.dtype) for o in outputs}
    at = 0
    while at < len(data):
        (number,) = np.frombuffer(data, np.int32, 1, at)
        output, rows = steps[number]
        each, at = output.storage.row_elements, at + 4
        flat = flats[output.storage.name]
        for row, (_, size) in zip(output.stored(rows), output.places(rows), strict=True):
            flat[row * each : (row + 1) * each] = np.frombuffer(data, flat.dtype, each, at)
            at += size
        part = [slice(None)] * len(output.tensor.shape)
        if output.by_rows:
            part[output.axis] = slice(rows[0], rows[-1] + 1)
        made[output.tensor.name][tuple(part)] = output.of(flat)[tuple(part)]
    if at != len(data):
        raise CheckError("net.c was stopped while its operators were looked at")
    return made
