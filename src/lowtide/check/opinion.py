"""Who is at fault where a fast build fails: the program, or the compiler.

net.c at -O3 is wrong  ->  sanitised at -O1, and at -O2: both right?
    no                     the program is wrong: the failure stands
    yes                    the compiler is: what ships is built with flags that are right
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lowtide.check.flags import SHIPS, SLOWER, Flags
from lowtide.check.trial import WAYS, Outcome, Trial, Way
from lowtide.clock import Progress
from lowtide.errors import CheckError
from lowtide.quoting import own

_SANITISED: Flags = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_PLAIN: Flags = ("-O0",)
"""Where a compiler has no sanitisers."""


@dataclass(frozen=True)
class Opinion:
    """What a way gave, with the flags that are right; and with others, what was wrong."""

    way: Way
    outcome: Outcome
    failed: Way | None = None
    why: str = ""


@dataclass(frozen=True)
class Built:
    """With what a program was built to be checked, and with what flags it ships.

    `failed` are flags with which this compiler makes something else of it, and what was seen.
    """

    compiler: str = ""
    flags: Flags = SHIPS
    failed: tuple[tuple[str, str], ...] = ()

    def with_opinion(self, opinion: Opinion, compiler: Sequence[str]) -> Built:
        """The same after one more way was tried."""
        flags = self.flags if opinion.way.checked else opinion.way.flags
        if opinion.failed is None:
            return replace(self, flags=flags)
        failed = (opinion.failed.named(compiler), opinion.why)
        return replace(self, flags=flags, failed=(*self.failed, failed))

    def facts(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "compiler": self.compiler or None,
            "flags": " ".join(self.flags) if self.compiler else None,
            "flags_failed": [{"flags": flags, "error": why} for flags, why in self.failed],
        }


def shipping(flags: Flags) -> tuple[Way, ...]:
    """The ways to judge a program that ships with these flags."""
    return tuple(way if way.checked else replace(way, flags=flags) for way in WAYS)


def judge_way(trial: Trial, way: Way, progress: Progress) -> Opinion:
    """What a way gives, or another in its place; raises CheckError where the program is wrong."""
    try:
        return Opinion(way, trial.run(way))
    except CheckError as error:
        if "-O3" not in way.flags:
            raise
        source = own(way.source, trial.memory.called)
        progress(f"{source} ({way.what}) fails; asking the sanitisers and -O2")
        opinion = _second(trial, way)
        if opinion is None:
            raise
        return replace(opinion, failed=way, why=str(error))


def _second(trial: Trial, way: Way) -> Opinion | None:
    """The fastest way that is right, if the program is."""
    careful = tuple("-O2" if flag == "-O3" else flag for flag in way.flags)
    lower = [replace(way, flags=flags) for flags in ([careful] if way.checked else SLOWER)]
    try:
        _sanitised(trial, way)
        last = Opinion(lower[-1], trial.run(lower[-1]))
    except CheckError:
        return None
    for other in lower[:-1]:
        try:
            return Opinion(other, trial.run(other))
        except CheckError:
            continue
    return last


def _sanitised(trial: Trial, way: Way) -> None:
    """Raises CheckError where the sanitisers find something, or the results are others."""
    watched = replace(way, flags=_SANITISED)
    try:
        program = trial.build(watched)
    except CheckError:
        watched = replace(way, flags=_PLAIN)
        program = trial.build(watched)
    trial.judge(program, watched)
