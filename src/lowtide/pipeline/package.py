"""pack(): the files of an ecosystem around a checked program, and its self-test.

net.c, net.h  +  checks.samples   ->   net_selftest.c, CMakeLists.txt, ..
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lowtide.backends import Case, selftest
from lowtide.check.difference import most_off
from lowtide.check.judge import Checks
from lowtide.errors import UsageError
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array
from lowtide.layout.ports import Port
from lowtide.packages import Contents, Ecosystem, ecosystem, fill
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.quoting import for_c

MOST_BYTES = 4 << 10
"""Of constants in a self-test of more than one sample."""


@dataclass(frozen=True)
class Package:
    """What is around a program for a build, and what the self-test's constants take."""

    ecosystem: Ecosystem
    files: Mapping[str, bytes]
    selftest_bytes: int

    def facts(self) -> dict[str, Any]:
        """What `--json` says of it."""
        return {"name": self.ecosystem.name, "selftest_bytes": self.selftest_bytes}

    def __str__(self) -> str:
        one = self.ecosystem
        takes = f"{self.selftest_bytes} B of flash are the self-test's, which firmware leaves out"
        return f"  package        {one.name}, for {one.takes}; {takes}"


def pack(
    options: Options, parts: Sequence[tuple[Plan, Checks]], files: Mapping[str, bytes]
) -> Package | None:
    """The package that is asked for of a program of one network or of several; None if none is.

    `files` are the program's. Raises UsageError where a file of the package has the name of one.
    """
    if options.package is None:
        return None
    one, networks = ecosystem(options.package), tuple(plan.options.name for plan, _ in parts)
    sources = tuple(dict.fromkeys((*networks, options.name)))
    model = ", ".join(for_c(plan.source.file) for plan, _ in parts)
    made, taken = fill(one, Contents(options.name, networks, sources, model)), 0
    for plan, checks in parts:
        cases = _cases(plan, checks)
        made |= selftest(plan, cases, most_off(checks.samples))
        taken += sum(case.bytes for case in cases)
    if both := sorted(files.keys() & made.keys()):
        raise UsageError(f"--package {one.name}: a network also writes {both[0]}; choose --name")
    return Package(one, made, taken)


def _cases(plan: Plan, checks: Checks) -> list[Case]:
    """As many samples as are small together; the first in any case, and of a network that keeps
    state the second, which reads what the first has left."""
    least = 2 if plan.states else 1
    one = sum(port.bytes for port in (*plan.inputs, *plan.outputs))
    return [
        Case(
            tuple(_flat(port, sample.inputs[port.name]) for port in plan.inputs),
            tuple(map(_flat, plan.outputs, sample.outputs)),
        )
        for sample in checks.samples[: max(MOST_BYTES // one, least)]
    ]


def _flat(port: Port, values: Array) -> Array:
    """The numbers of an input or output as they lie in memory, of its own type."""
    laid = np.ascontiguousarray(values.transpose(port.order)).ravel()
    return laid.astype(np.float32 if port.type == F32 else port.dtype)
