"""The runtimes that a program is timed against, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lowtide.check.numbers import Sample
from lowtide.errors import UsageError, extra
from lowtide.frontends.tflite.load import is_tflite


@dataclass(frozen=True)
class Other:
    """A runtime: the module of its worker, and what it reads."""

    worker: str
    tflite: bool
    package: str
    extra: str


OTHERS = {
    "onnxruntime": Other("lowtide.timing.onnxruntime_worker", False, "onnxruntime", ""),
    "litert": Other("lowtide.timing.litert_worker", True, "ai_edge_litert", "tflite"),
}


def check_other(against: str) -> None:
    """Raises UsageError where there is no such runtime, or it is not installed."""
    if against not in OTHERS:
        raise UsageError(f"there is no '{against}' to run against; there is {', '.join(OTHERS)}")
    other = OTHERS[against]
    if find_spec(other.package) is None:
        how = extra(other.extra) if other.extra else f"pip install {other.package}"
        raise UsageError(f"--against {against}: {against} is not installed; {how}")


def check_reads(against: str, model: Path) -> None:
    """Raises UsageError where a runtime does not read the network's file."""
    found = is_tflite(model)
    if found != OTHERS[against].tflite:
        takes, kind = ("ONNX", ".tflite") if found else (".tflite", "ONNX")
        fit = next(name for name, other in OTHERS.items() if other.tflite == found)
        raise UsageError(
            f"--against {against} takes {takes} files; {model} is {'a' if found else 'an'} {kind} "
            f"file: --against {fit}"
        )


def other_command(against: str, model: Path, inputs: Path) -> list[str]:
    """The command of a worker that runs a runtime on what `write_inputs` wrote."""
    return [sys.executable, "-m", OTHERS[against].worker, str(model.resolve()), str(inputs)]


def write_inputs(path: Path, samples: Sequence[Sample]) -> None:
    """Sets of inputs as arrays SET/NAME."""
    arrays = {
        f"{k}/{name}": values
        for k, sample in enumerate(samples)
        for name, values in sample.inputs.items()
    }
    np.savez(path, allow_pickle=False, **arrays)
