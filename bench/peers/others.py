"""Other runtimes, timed beside onnxruntime where they are installed."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lowtide.check.numbers import Reference, lively_inputs
from lowtide.errors import LowtideError
from lowtide.timing.bench import onnxruntime_command, write_inputs
from lowtide.timing.machine import a_core
from lowtide.timing.pairs import measure, spread
from lowtide.timing.worker import Worker

RUNTIMES = ("iree", "tvm", "executorch", "litert", "tflite_micro")
"""Those of the notes; the ones without a file in runtimes/ are not installed anywhere yet."""
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Other:
    """A runtime's time for a network; `ratio` is against onnxruntime, of paired runs.

    `status` says why there is none.
    """

    network: str
    runtime: str
    version: str
    milliseconds: float | None
    ratio: float | None
    status: str


def others(
    environment: Path,
    network: str,
    model: Path,
    folder: Path,
    seconds: float,
    say: Callable[[str], None],
) -> list[Other]:
    """Every runtime on one network, with the Python of a virtual environment."""
    reference = Reference(model, model.name)
    shapes = {i.name: (tuple(i.shape), "float32") for i in reference.session.get_inputs()}
    inputs = folder / "inputs.npz"
    write_inputs(inputs, [lively_inputs(reference, shapes)])
    found = []
    for runtime in RUNTIMES:
        try:
            found.append(_other(environment, network, runtime, model, inputs, seconds))
        except LowtideError as error:
            found.append(Other(network, runtime, "", None, None, str(error).partition(": ")[2]))
        say(f"  {found[-1]}")
    return found


def _other(
    environment: Path, network: str, runtime: str, model: Path, inputs: Path, seconds: float
) -> Other:
    core = a_core()
    python = str(environment / "bin/python")
    command = [python, "-m", "bench.peers.runtimes", runtime, str(model), str(inputs)]
    paths = {"PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])}
    with ExitStack() as stack:
        other = stack.enter_context(Worker(runtime, command, core, paths)).start()
        standard = Worker("onnxruntime", onnxruntime_command(model, inputs), core)
        stack.enter_context(standard).start()
        rounds = measure([other, standard], 1, seconds)
        ours = 1e3 * spread(rounds.own[0]).median
        ratio = rounds.ratio(0, 1).median
    return Other(network, runtime, other.version, ours, ratio, "timed")


def write_others(path: Path, found: Sequence[Other]) -> None:
    """A line a runtime and network."""
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, [f.name for f in fields(Other)], lineterminator="\n")
        out.writeheader()
        for one in found:
            values = asdict(one).items()
            out.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in values})


def read_others(path: Path) -> list[Other]:
    """The rows back."""
    with path.open(newline="") as file:
        return [
            Other(
                held["network"], held["runtime"], held["version"],
                float(held["milliseconds"]) if held["milliseconds"] else None,
                float(held["ratio"]) if held["ratio"] else None, held["status"],
            )
            for held in csv.DictReader(file)
        ]  # fmt: skip
