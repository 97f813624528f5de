"""verify_together(): the checks of networks in one arena, repeated from the files of their folder.

Each by itself as verify() does; then that nothing is overwritten that must survive, and turns.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lowtide.check.flags import named
from lowtide.check.judge import Checks
from lowtide.check.together import Guest, Turns, judge_shared, judge_turns
from lowtide.check.verify import is_model, naming_changed, result_of, verify_files
from lowtide.check.words import show_verified_together
from lowtide.clock import Progress, quiet
from lowtide.errors import FIT_AGAIN, CheckError, UnreadableModel
from lowtide.files.result import Result
from lowtide.files.several import SHARED, TURNS, part_of
from lowtide.planner.memory_map import MemoryMap
from lowtide.planner.plan_json import read_memory_map
from lowtide.planner.shared_json import is_shared, read_shared
from lowtide.planner.together import Shared
from lowtide.room import MAX_ELEMENTS


@dataclass(frozen=True, repr=False)
class VerifiedTogether:
    """A folder of several networks that passed every check; as `Verified` is of one."""

    shared: Shared
    memories: tuple[MemoryMap, ...]
    checks: tuple[Checks | None, ...]
    turns: Turns | None
    seconds: float
    changed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return show_verified_together(self)

    def __repr__(self) -> str:
        return f"<VerifiedTogether {str(self).splitlines()[0]}>"

    def facts(self) -> dict[str, Any]:
        """Everything `verify --json` prints."""
        each = {
            memory.called: {
                "file": memory.file,
                "sha256": memory.sha256,
                "arena_bytes": memory.arena_bytes,
                **(one.facts() if one else {}),
            }
            for memory, one in zip(self.memories, self.checks, strict=True)
        }
        return {
            **asdict(self.shared),
            "networks": each,
            "turns": self.turns.count if self.turns else None,
            "turn_reads": self.turns.reads if self.turns else None,
            "changed": list(self.changed),
            "seconds": round(self.seconds, 3),
        }


def holds_several(folder: Path) -> bool:
    """Whether a folder has several networks in one arena."""
    return folder.is_dir() and is_shared(result_of(folder).files.get("plan.json", b""))


def verify_together(
    folder: Path,
    model: Path | None = None,
    progress: Progress = quiet,
    max_elements: int = MAX_ELEMENTS,
) -> VerifiedTogether:
    """Checks each network, what they share, and their turns.

    With `model`, the file of one of them, what is expected of that one is computed anew. Raises
    as `verify` does.
    """
    began = time.perf_counter()
    result = result_of(folder)
    with naming_changed(result):
        shared, memories, checks, turns = _verified(folder, result, model, progress, max_elements)
    spent = time.perf_counter() - began
    return VerifiedTogether(shared, memories, checks, turns, spent, result.changed)


def _verified(
    folder: Path, result: Result, model: Path | None, progress: Progress, max_elements: int
) -> tuple[Shared, tuple[MemoryMap, ...], tuple[Checks | None, ...], Turns | None]:
    shared = read_shared(result.files["plan.json"], str(folder / "plan.json"))
    memories, checks, known = list[MemoryMap](), list[Checks | None](), False
    for name in shared.networks:
        part = Result(part_of(result.files, name))
        own = model if model is not None and _is_of(model, part, folder) else None
        known |= own is not None
        try:
            memory, one, _ = verify_files(folder, part, own, progress, max_elements)
        except CheckError as error:
            error.args = (f"{name}: {error.args[0]}",)
            raise
        memories.append(memory)
        checks.append(one)
    if model is not None and not known:
        raise CheckError(
            f"{model} is none of the models that were fitted", hint="name one of those"
        )
    if [memory.called for memory in memories] != [*shared.networks]:
        raise CheckError(
            f"{folder}: plan.json and the networks' plans do not agree", hint=FIT_AGAIN
        )
    judge_shared(shared, memories)
    guests = [
        Guest(memory, one.samples, named(result.files[f"{memory.called}.h"]))
        for memory, one in zip(memories, checks, strict=True)
        if one is not None
    ]
    turns = None
    if guests:
        _same_kept(result.files, shared, folder)
        turns = judge_turns(result.files, shared, guests, progress)
    return shared, tuple(memories), tuple(checks), turns


def _is_of(model: Path, part: Result, folder: Path) -> bool:
    """Whether a file is what a network of the folder was made of."""
    text = part.files.get("plan.json", b"").decode(errors="replace")
    return is_model(model, read_memory_map(text, str(folder)))


def _same_kept(files: Mapping[str, bytes], shared: Shared, folder: Path) -> None:
    """Turns are to look at what plan.json says is kept; raises CheckError, UnreadableModel."""
    for name in SHARED:
        if name not in files:
            raise UnreadableModel(f"{name} is missing", file=str(folder), hint=FIT_AGAIN)
    source = files[TURNS].decode(errors="replace")
    rows = re.findall(r"^    \{ (\d+), (\d+), \d+, \d+u \},$", source, re.MULTILINE)
    kept = {(one.offset, one.bytes) for one in shared.kept}
    if {(int(at), int(size)) for at, size in rows} != kept:
        raise CheckError(
            f"{folder / TURNS}: what is kept is not what plan.json says", hint=FIT_AGAIN
        )
