"""verify of a folder with depths of FIFOs: the simulation again, from its files alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowtide.check.fifo import NPZ, Simulated, simulate
from lowtide.check.verify import naming_changed, result_of
from lowtide.clock import Progress, quiet
from lowtide.errors import FIT_AGAIN, NO_COMPILER, UnreadableModel, UsageError
from lowtide.quoting import for_terminal

_JSON = "fifo.json"


@dataclass(frozen=True, repr=False)
class VerifiedFifos:
    """A folder whose depths passed; `changed` are files that are not as lowtide wrote them."""

    held: Mapping[str, Any]
    simulated: Simulated
    seconds: float
    changed: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Everything `verify --json` prints."""
        return {
            "file": self.held.get("file"),
            "sha256": self.held.get("sha256"),
            **self.simulated.facts(),
            "changed": list(self.changed),
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        return f"<VerifiedFifos {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        changed = f"\n  changed        {', '.join(self.changed)}" if self.changed else ""
        return f"{for_terminal(str(self.held.get('file')))}: {self.simulated.shown}{changed}"


def holds_fifos(folder: Path) -> bool:
    """Whether a folder has depths of FIFOs."""
    return folder.is_dir() and _JSON in result_of(folder).files


def verify_fifos(folder: Path, progress: Progress = quiet) -> VerifiedFifos:
    """Simulates the depths that fifo.json has; raises CheckError where they are not what it says.

    Raises UnreadableModel for missing or damaged files, UsageError without a C compiler.
    """
    began, result = time.perf_counter(), result_of(folder)
    if NPZ not in result.files:
        raise UnreadableModel(f"{NPZ} is missing", file=str(folder), hint=FIT_AGAIN)
    try:
        held = json.loads(result.files[_JSON])
    except (ValueError, RecursionError) as error:
        raise UnreadableModel("not JSON", file=str(folder / _JSON), hint=FIT_AGAIN) from error
    progress("simulating")
    with naming_changed(result):
        simulated = simulate(held, result.files[NPZ], str(folder / _JSON))
    if simulated is None:
        raise UsageError(NO_COMPILER)
    return VerifiedFifos(held, simulated, time.perf_counter() - began, result.changed)
