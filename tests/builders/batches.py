"""Many plans judged in one go: their programs become one executable, compiled in one call.

    3/net.c          p3_net_run, p3_net_input_x, ..       each source has its outside names made
    3/reference.c    p3_reference_run, ..                 its own by #define, before its text
    4/net.c          ..
    main.c           runs each on its inputs; writes what the judge saw, and the outputs

Sweeps of thousands of small networks are so much faster than with `judge_program`, which takes one
program at a time and optimises it. Here every build is CHECKED and none optimised.
"""

from __future__ import annotations

import struct
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path

from lowtide.backends import emit
from lowtide.check.compile import WARNINGS, Verdict, find_compiler
from lowtide.check.difference import compare
from lowtide.check.judge import judge_placement
from lowtide.check.numbers import Sample
from lowtide.check.trial import no_fault, pack, split
from lowtide.check.truth import expect
from lowtide.errors import CheckError
from lowtide.layout.ports import Port
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.plan import Plan
from network_builder import Network

FLAGS = (*WARNINGS, "-O0", "-ffp-contract=off", "-DLOWTIDE_CHECKED")

CHECK = struct.Struct("@QLiilLL")  # struct net_check, as net.h declares it


@dataclass(frozen=True)
class Case:
    """A network, a plan of it, and what to compute; `name` tells how to make all again."""

    name: str
    network: Network
    plan: Plan
    sample: Sample

    @cached_property
    def memory(self) -> MemoryMap:
        return memory_map(self.plan)


def make_case(name: str, network: Network, plan: Plan) -> Case:
    """The case with the network's own inputs and what is expected of them.

    Of quantised ones that is onnxruntime's numbers without a quantum to spare.
    """
    (sample,) = expect(network.model, name, {"given": network.inputs})
    if sample.expected.kind == "quantised":
        sample = replace(sample, expected=replace(sample.expected, kind="float32", gaps=()))
    return Case(name, network, plan, sample)


@dataclass(frozen=True)
class Judged:
    """What the placement checker and the two programs of a case found wrong, if anything."""

    case: Case
    faults: tuple[str, ...]
    reads: int
    """How many reads reference.c checked one by one."""
    kernels: bool
    """Whether net.c has code of its own; if not it is not judged again."""

    def counts(self) -> Counter[str]:
        """What the case is an example of, for a sweep to say what it has seen."""
        plan = self.case.plan
        kinds = [plan.options.overlap, "backward" if plan.schedule.backward else "forward"]
        kinds += ["streamed", plan.options.image, plan.options.result] if plan.streamed else []
        kinds += ["kernels"] if self.kernels else []
        names = [task.operator.name for task in plan.tasks]
        kinds += ["bands"] if any(name.rpartition(".")[2].isdecimal() for name in names) else []
        kinds += ["done twice"] if plan.mac_overhead else []
        if overlaps(plan):
            kinds += ["overlaps", *(f"{kind}, overlaps" for kind in kinds)]
        kinds += ["exact"] if self.case.network.whole else []
        return Counter({**Counter(kinds), "judged": 1, "reads": self.reads})


def overlaps(plan: Plan) -> bool:
    """Whether two storages that are needed at one time share bytes, each between what lives."""
    if plan.problem is None:  # rows have addresses of their own
        return sum(life.bytes for life in plan.lives.values()) > plan.arena_bytes
    blocks, offset = plan.problem.blocks, plan.offset
    return any(
        a.start < b.stop
        and b.start < a.stop
        and offset[a.name] < offset[b.name] + b.size
        and offset[b.name] < offset[a.name] + a.size
        for a, b in combinations(blocks, 2)
    )


@dataclass(frozen=True)
class Unit:
    """One source of one case, and the letters in front of its outside names."""

    case: Case
    source: str
    prefix: str

    def names(self) -> list[str]:
        memory = self.case.memory
        ports = [f"net_input_{p.identifier}" for p in memory.inputs]
        ports += [f"net_output_{p.identifier}" for p in memory.outputs]
        driver = ["net_run", "net_start", "net_step", "net_push", "net_pull"]
        called = [*driver, *ports]
        return [*called, *(f"{one}_in" for one in called), "net_check", "net_set_weights"]

    def text(self, source: bytes) -> bytes:
        """The source with its outside names made its own."""
        own = "".join(f"#define {name} {self.prefix}{name}\n" for name in self.names())
        return own.encode() + source

    def run(self, checked: bool = True) -> list[str]:
        """The lines of main.c that declare the program, and a function that runs it."""
        p, memory = self.prefix, self.case.memory
        inputs = [_At(f"{p}net_input_{x.identifier}", x) for x in memory.inputs]
        outputs = [_At(f"{p}net_output_{x.identifier}", x) for x in memory.outputs]
        handed = [one.name for one in (*inputs, *outputs) if one.port.streamed]
        given = [f"const {one.port.c} *" for one in inputs if one.port.streamed]
        taken = [f"{one.port.c} *" for one in outputs if one.port.streamed]
        return [
            f"void {p}net_run({', '.join(given + taken) or 'void'});",
            f"extern struct net_check {p}net_check;" if checked else "",
            *(one.declared("") for one in inputs),
            *(one.declared("const ") for one in outputs),
            f"static void {p}run(void)",
            "{",
            *(f"    take({one.at}, {one.port.bytes});" for one in inputs),
            f"    {p}net_run({', '.join(handed)});",
            f"    give(&{p}net_check, sizeof {p}net_check);" if checked else "",
            *(f"    give({one.at}, {one.port.bytes});" for one in outputs),
            "}",
        ]


@dataclass(frozen=True)
class _At:
    """Where main.c has a port's values: in the arena, or in an array of its own."""

    name: str
    port: Port

    @property
    def at(self) -> str:
        return self.name if self.port.streamed else f"{self.name}()"

    def declared(self, const: str) -> str:
        if self.port.streamed:
            return f"static {self.port.c} {self.name}[{self.port.elements}];"
        return f"{const}{self.port.c} *{self.name}(void);"


_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct net_check { unsigned long long reads; unsigned long faults; int task, row; long byte;
                   unsigned long wanted, found; };
static void take(void *to, size_t bytes) { if (fread(to, 1, bytes, stdin) != bytes) exit(1); }
static void give(const void *from, size_t bytes) { fwrite(from, 1, bytes, stdout); fflush(stdout); }
"""


def judge_batch(cases: Sequence[Case], folder: Path) -> list[Judged]:
    """What is wrong with each case, in order.

    Raises CheckError, with the case's name, where a program does not compile, or crashes.
    """
    units = [unit for k, case in enumerate(cases) for unit in _write(k, case, folder)]
    sources = [f"{unit.prefix[1:].partition('_')[0]}/{unit.source}" for unit in units]
    runs = [line for unit in units for line in unit.run()]
    calls = [f"    {unit.prefix}run();" for unit in units]
    main = [_MAIN, *runs, "int main(void)", "{", *calls, "    return 0;", "}", ""]
    (folder / "main.c").write_text("\n".join(main))
    verdicts = list(_run(units, _compile(sources, cases, folder)))
    found: dict[str, dict[str, Verdict]] = {case.name: {} for case in cases}
    for unit, verdict in zip(units, verdicts, strict=True):
        found[unit.case.name][unit.source] = verdict
    return [_judged(case, found[case.name]) for case in cases]


def _write(k: int, case: Case, folder: Path) -> list[Unit]:
    """Writes a case's program to a folder of its own; its sources, net.c where it differs."""
    files = emit(case.plan)
    assert "net_weights.bin" not in files, f"{case.name}: too many weights for a batch"
    net, reference = (files[f"checks/{n}.c"].partition(b"\n")[2] for n in ("net", "reference"))
    kernels = net != reference
    stems = ["reference", "net"] if kernels else ["reference"]
    units = [Unit(case, f"{stem}.c", f"p{k}_{stem}_") for stem in stems]
    at = folder / str(k)
    at.mkdir()
    for name in {"net.h", "net_weights.c", "checks/net_check.h"} & files.keys():
        (at / Path(name).name).write_bytes(files[name])
    for unit in units:
        (at / unit.source).write_bytes(unit.text(files[f"checks/{unit.source}"]))
    return units


def _compile(sources: Sequence[str], cases: Sequence[Case], folder: Path) -> Path:
    compiler = find_compiler()
    assert compiler is not None, "these tests need a C compiler"
    command = [*compiler, *FLAGS, "-o", "all", "main.c", *sources, "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        number = first.partition("/")[0]
        name = cases[int(number)].name if number.isdigit() else "main.c"
        raise CheckError(f"{name} does not compile: {first.strip()[:300]}")
    return folder / "all"


def _run(units: Sequence[Unit], program: Path) -> Iterator[Verdict]:
    """What each unit of the program wrote."""
    data = b"".join(pack(u.case.memory.inputs, u.case.sample.inputs) for u in units)
    done = subprocess.run([str(program)], input=data, capture_output=True, check=False)
    at = 0
    for unit in units:
        size = CHECK.size + sum(port.bytes for port in unit.case.memory.outputs)
        wrote = done.stdout[at : at + size]
        at += size
        if len(wrote) < size:
            raise CheckError(f"{unit.case.name}: {unit.source} stops with {done.returncode}")
        reads, faults, task, row, byte, wanted, found = CHECK.unpack_from(wrote)
        fault = (task, row, byte, wanted, found) if faults else None
        yield Verdict(wrote[CHECK.size :], (), reads, faults, fault)


def _judged(case: Case, verdicts: Mapping[str, Verdict]) -> Judged:
    checks = [partial(judge_placement, case.memory)]
    checks += [partial(_check, case, source, verdict) for source, verdict in verdicts.items()]
    faults = []
    for check in checks:
        try:
            check()
        except CheckError as error:
            faults.append(f"{case.name}: {error}")
    return Judged(case, tuple(faults), verdicts["reference.c"].reads, "net.c" in verdicts)


def _check(case: Case, source: str, verdict: Verdict) -> None:
    """Raises CheckError for a fault, and for outputs too far from onnxruntime's."""
    no_fault(verdict, case.memory, source)
    off = compare(split(verdict.outputs, case.memory, [case.sample]), [case.sample])
    if not off.passes or (case.network.whole and off.max_abs):
        raise CheckError(f"{source} differs by {off.max_abs:.2e}, {off.max_rel:.2e} of the largest")
