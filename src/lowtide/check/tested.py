"""How often the program in a folder names the right class: on pictures, or on sets of inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from lowtide.check.compile import find_compiler, run
from lowtide.check.flags import named
from lowtide.check.numbers import Sample
from lowtide.check.trial import WAYS, Trial, pack
from lowtide.check.verify import Folder, read_folder
from lowtide.clock import Progress, quiet
from lowtide.data.inputs import Input
from lowtide.data.labelled import Labelled, LabelledFiles
from lowtide.errors import NO_COMPILER, CheckError, UsageError
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port


@dataclass(frozen=True)
class Tested:
    """So many of so many were right."""

    right: int
    of: int

    def facts(self) -> dict[str, Any]:
        """What `verify --test --json` prints beside the rest."""
        return {"tested": self.of, "right": self.right, "accuracy": self.right / self.of}

    def __str__(self) -> str:
        share = 100 * self.right / self.of
        counts = f"{self.right} of {self.of} right"
        return f"  accuracy       {share:.1f} %: {counts}, by the program as it ships"


def run_tests(folder: Path, given: LabelledFiles, progress: Progress = quiet) -> Tested:
    """Runs net.c, built as it ships, on everything; raises CheckError, UsageError."""
    held = read_folder(folder)
    memory = held.memory
    if len(memory.inputs) != 1:
        raise UsageError(f"{folder}: --test is for networks of one input")
    port = memory.inputs[0]
    if port.shape[:1] != (1,):
        raise UsageError(f"{folder}: --test is for one set of inputs a run, not {port.shape}")
    tests = given.read(
        Input(port.name, port.shape, port.dtype, port.scale, port.zero, port.axes == "NHWC")
    )
    progress(f"running {memory.called}.c on {len(tests.values)} inputs")
    return _tested(held, tests)


def _tested(held: Folder, tests: Labelled) -> Tested:
    compiler = find_compiler()
    if compiler is None:
        raise UsageError(NO_COMPILER)
    memory = held.memory
    port, scores = memory.inputs[0], memory.outputs[0]
    way = replace(WAYS[-1], flags=named(held.files[f"{memory.called}.h"]))
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        none: list[Sample] = []
        program = Trial(held.files, memory, none, compiler, Path(folder)).build(way)
        given = b"".join(pack([port], {port.name: one}) for one in tests.values[:, None])
        made = run(program, given).outputs
    each = sum(one.bytes for one in memory.outputs)
    if len(made) != each * len(tests.values):
        raise CheckError(
            f"{memory.called}.c wrote {len(made)} bytes for {len(tests.values)} inputs"
        )
    found = [_best(made[k * each :], scores) for k in range(len(tests.values))]
    return Tested(int(np.sum(np.array(found) == tests.classes)), len(found))


def _best(made: bytes, port: Port) -> int:
    """The class with the largest score; the order of a list in memory is its own."""
    held: Array = np.frombuffer(made, np.dtype(port.dtype).newbyteorder("<"), port.elements)
    return int(np.argmax(held))
