"""verify of a folder with a .tflite file: its plan is looked at, and the interpreter runs it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowtide.backends.tflite.load import load_outline
from lowtide.check.tflm import version_of_tflm
from lowtide.check.tflm_inputs import drawn_inputs
from lowtide.check.tflm_judge import Judged, judge_tflite, run_bare
from lowtide.check.verify import naming_changed, result_of
from lowtide.check.words import changed_lines
from lowtide.clock import Progress, quiet
from lowtide.quoting import for_terminal
from lowtide.sizes import show_change


@dataclass(frozen=True, repr=False)
class VerifiedTflite:
    """A file whose plan is sound, and whose outputs are those without it, or of the original."""

    file: str
    judged: Judged
    online: int
    samples: int
    runtime: str
    against: str
    seconds: float
    changed: tuple[str, ...] = ()

    def facts(self) -> Mapping[str, Any]:
        """Everything `verify --json` prints."""
        return {
            "file": self.file,
            "head_bytes": self.judged.head_bytes,
            "head_bytes_no_plan": self.online,
            "kernels": self.judged.kernels,
            "overlaps": self.judged.overlaps,
            "outputs": "equal",
            "samples": self.samples,
            "runtime": f"tflite-micro {self.runtime}",
            "changed": list(self.changed),
            "seconds": round(self.seconds, 3),
        }

    def __repr__(self) -> str:
        return f"<VerifiedTflite {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        head = self.judged.head_bytes
        return (
            f"{for_terminal(self.file)}: the plan is sound, right for {self.judged.kernels} "
            f"kernels; TensorFlow Lite Micro's head is {head} bytes "
            f"({self.online} without it, {show_change(self.online, head)})\n"
            f"  outputs        equal to the bit on {self.samples} sets of inputs to those of "
            f"{for_terminal(self.against)}, by tflite-micro {self.runtime}"
            + "".join(f"\n{line}" for line in changed_lines(self.changed))
        )


def planned_file(folder: Path) -> str | None:
    """The name of the .tflite file of a folder that fit --target tflite wrote."""
    if not folder.is_dir():
        return None
    names = [name for name in result_of(folder).files if name.endswith(".tflite")]
    return names[0] if len(names) == 1 else None


def verify_tflite(
    folder: Path, name: str, model: Path | None = None, progress: Progress = quiet
) -> VerifiedTflite:
    """Repeats the checks of a file with a plan; with `model` its outputs are the original's.

    Raises CheckError, ModelError and UsageError.
    """
    began, result = time.perf_counter(), result_of(folder)
    with naming_changed(result):
        runtime = version_of_tflm()
        progress("loading")
        path = folder / name
        made, file = load_outline(path)
        sets = drawn_inputs(path, file)
        progress("running TensorFlow Lite Micro without a plan")
        bare = run_bare(load_outline(model)[0] if model else made, sets, str(model or path))
        progress("running it with the plan")
        judged = judge_tflite(made, sets, bare, str(path))
    against = str(model) if model else "the same file without a plan"
    return VerifiedTflite(
        str(path), judged, bare.head_bytes, len(sets), runtime, against,
        time.perf_counter() - began, result.changed,
    )  # fmt: skip
