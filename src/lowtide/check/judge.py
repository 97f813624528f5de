"""All checks on a plan: the placement, every read of the emitted program, the numbers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lowtide.check.compile import check_compiler, find_compiler, version
from lowtide.check.difference import SAME, Difference, check_comparable, scales
from lowtide.check.expected import WHOLE, Against, summary
from lowtide.check.flags import named
from lowtide.check.numbers import Sample
from lowtide.check.opinion import Built, judge_way, shipping
from lowtide.check.placement import Rows, check_placement
from lowtide.check.same_program import check_same_program
from lowtide.check.states import check_states
from lowtide.check.trial import Trial, Way
from lowtide.clock import Progress, quiet
from lowtide.errors import CheckError
from lowtide.ir.graph import Array
from lowtide.planner.memory_map import MemoryMap, addresses_of, lifetimes_of
from lowtide.quoting import own

MUCH_WORK = 1 << 28
"""Multiply-adds, over all samples, from which on the element level is worth optimising: below, the
compiler would take longer than the program."""


EMULATED = "numpy"
"""What checks where there is no compiler."""


@dataclass(frozen=True)
class Checks:
    """What was checked, and that it passed; `how` is the compiler's command, or "numpy".

    `checked_reads` counts the reads that the element level checked one by one; the differences are
    from the reference, `against`: max|y - ref|, and max|y - ref| / max|ref| of one output.
    """

    how: str
    checked_reads: int
    faults: int
    difference: Difference
    against: Against
    samples: Sequence[Sample]
    """What the program was compared on, and with."""
    results: Mapping[str, Sequence[Array]]
    """The program's own outputs for each sample, in ONNX's axis order."""
    built: Built = field(default_factory=Built)

    @property
    def compiled(self) -> bool:
        """Whether there was a compiler."""
        return self.how != EMULATED

    @property
    def max_abs_diff(self) -> float:
        """max|y - ref| over all outputs."""
        return self.difference.max_abs

    @property
    def max_rel_diff(self) -> float:
        """The largest max|y - ref| / max|ref| of one output."""
        return self.difference.max_rel

    @property
    def shown(self) -> str:
        """The error in words, beside onnxruntime's."""
        found, against = self.difference, self.against
        if against.kind == "program":
            return f"the program makes the {found.compared} values of {against.by}; {against.note}"
        if against.kind not in WHOLE:
            return against.shown(found.max_rel)
        other = f"{found.unequal} of them" if found.unequal else "none"
        off = f", by {found.max_abs:g} at most" if found.unequal else ""
        note = f"; {against.note}" if against.note else ""
        return f"{found.compared} values compared with {against.named}: {other} differ{off}{note}"

    @property
    def shown_and_allowed(self) -> str:
        """The same, and how large it may be."""
        return f"{self.shown}; allowed: {self.against.rule}"

    def facts(self) -> dict[str, Any]:
        """The numbers and how they came about, without the outputs."""
        command, *flags = self.how.split(" ", 1)
        return {
            "checked_with": " ".join([shutil.which(command) or command, *flags]),
            "checked_reads": self.checked_reads,
            "faults": self.faults,
            "max_abs_diff": self.max_abs_diff,
            "max_rel_diff": self.max_rel_diff,
            **self.difference.counts(self.against.kind),
            **self.against.facts(self.max_rel_diff),
            **self.built.facts(),
        }


def judge_placement(memory: MemoryMap) -> None:
    """Raises CheckError if two live rows share a byte, or a state is lost between calls."""
    rows = []
    for storage in memory.storages:
        start, stop = lifetimes_of(storage)
        address = addresses_of(storage)
        rows.append(Rows(storage.name, storage.cell_bytes, address, start, stop))
    faults = check_placement(rows, memory.arena_bytes, memory.align) + check_states(memory)
    if faults:
        raise CheckError(f"the placement is wrong: {faults[0]} ({len(faults)} faults)")


def judge_program(
    files: Mapping[str, bytes],
    memory: MemoryMap,
    samples: Sequence[Sample],
    progress: Progress = quiet,
    ways: Sequence[Way] | None = None,
) -> Checks | None:
    """Builds and runs the program in three ways; None if there is no compiler.

    reference.c with every read checked, net.c with every kernel call checked, net.c as it ships.
    Raises CheckError for the first fault and for outputs that are too far from the reference; not
    where the compiler is at fault: `Checks.built` says with what flags, and which are right.
    """
    compiler = find_compiler()
    if compiler is None:
        return None
    check_compiler(tuple(compiler))
    check_comparable(samples)
    worst, reads, built = SAME, 0, Built(version(tuple(compiler)))
    results: Mapping[str, Sequence[Array]] = {}
    with TemporaryDirectory(prefix="lowtide-", ignore_cleanup_errors=True) as folder:
        check_same_program(files, memory.called, compiler, Path(folder) / "same")
        trial = Trial(files, memory, samples, compiler, Path(folder))
        for way in ways or shipping(named(files[f"{memory.called}.h"])):
            progress(f"checking {own(way.source, memory.called)}, {way.what}")
            opinion = judge_way(trial, _worth(way, memory, len(samples)), progress)
            built = built.with_opinion(opinion, compiler)
            reads, results = max(reads, opinion.outcome.reads), opinion.outcome.results
            worst |= opinion.outcome.difference
            trial = replace(trial, samples=[s.settled(results[s.name]) for s in trial.samples])
    samples = trial.samples
    against = summary([sample.expected for sample in samples], scales(samples))
    return Checks(" ".join(compiler), reads, 0, worst, against, samples, results, built)


def _worth(way: Way, memory: MemoryMap, samples: int) -> Way:
    """The way, with -O1 for loops that do little."""
    work = samples * sum(operator.macs for operator in memory.operators)
    if way.source != "reference.c" or work > MUCH_WORK:
        return way
    return replace(way, flags=tuple("-O1" if flag == "-O3" else flag for flag in way.flags))
