"""Other runtimes, timed beside onnxruntime where they are installed: docs/speed-peers.csv.

    python -m bench.peers.others VENV [--only NAME] [--seconds 2] [--shared ../shared]

VENV is a virtual environment with `pip install '.[peers]'`. What was measured replaces the
lines of those networks; the tables are then written anew. Runtimes that do not read ONNX have no
adapter here; the notes have their figures (latencies.csv).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers.measured import RUNTIMES, Other, read_others, write_others
from bench.peers.networks import NETWORKS
from bench.peers.note import write_note
from bench.portable import filled
from lowtide.check.numbers import Reference, lively_inputs
from lowtide.errors import LowtideError
from lowtide.timing.machine import a_core
from lowtide.timing.others import other_command, write_inputs
from lowtide.timing.pairs import measure, spread
from lowtide.timing.worker import Worker

_ROOT = Path(__file__).parents[2]


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
    write_inputs(inputs, [lively_inputs(reference.run, shapes)])
    found = []
    for runtime in RUNTIMES:
        try:
            found.append(_other(environment, network, runtime, model, inputs, seconds))
        except LowtideError as error:
            why = str(error).removeprefix(f"{runtime}: ")
            found.append(Other(network, runtime, "", None, None, why))
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
        standard = Worker("onnxruntime", other_command("onnxruntime", model, inputs), core)
        stack.enter_context(standard).start()
        rounds = measure([other, standard], 1, seconds)
        ours = 1e3 * spread(rounds.own[0]).median
        ratio = rounds.ratio(0, 1).median
    return Other(network, runtime, other.version, ours, ratio, "timed")


def main() -> None:
    """Measures, and writes docs/speed-peers.csv and the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", type=Path, metavar="VENV")
    parser.add_argument("--shared", type=Path, default=_ROOT.parent / "shared")
    parser.add_argument("--only", choices=NETWORKS, action="append", help="may be repeated")
    parser.add_argument("--seconds", type=float, default=2.0, help="to time each pair")
    given = parser.parse_args()
    path = _ROOT / "docs/speed-peers.csv"
    held = read_others(path) if path.exists() else []
    for name in given.only or NETWORKS:
        with TemporaryDirectory(prefix="lowtide-") as folder:
            model = filled(given.shared, name, Path(folder))
            found = others(given.environment, name, model, Path(folder), given.seconds, _say)
        held = [one for one in held if one.network != name] + found
        write_others(path, held)
    write_note()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
