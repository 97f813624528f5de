"""Memory of every network of ../shared/models/tflite and qdq, beside TFLM's: docs/int8.md.

    python -m bench.int8 [--only NAME] [--shared ../shared]

Each is planned, emitted and compiled, image resident and streamed; nothing is run here: that the
programs are equal to their runtimes is what `pytest -m slow tests/check` holds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.tables import markdown, put
from lowtide import Options
from lowtide.check.compile import find_compiler
from lowtide.clock import Clock, quiet
from lowtide.errors import ModelError
from lowtide.pipeline.ram import Planning, Sized
from lowtide.pipeline.read import read

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/int8.md"

HEAD = (
    "network", "arena", "arena, image streamed", "stack", "weights", "code", "flash",
    "TFLM head", "TFLM head and tail", "published",
)  # fmt: skip

# ../shared/models/tflite/README.md: RAM, image and scratch counted.
PUBLISHED = {
    "vww_96_int8": "HALE 55,296; Vela 49,152",
    "pretrainedResnet_quant": "HALE 52,416 (21,104 at 1.84 times the time); Vela 35,840",
    "kws_ref_model": "HALE 16,000; Vela 15,974",
    "mobilenet_v2_1.0_224_ptq": "ExecuTorch 1,505,280; ST 1,467,525; Vela 361,984",
}

RECORD = """
import sys
from tflite_micro import runtime
config = runtime.InterpreterConfig.kAllocationRecording
own = runtime.Interpreter.from_file(sys.argv[1], intrepreter_config=config, arena_size=1 << 26)
own.print_allocations()
"""
"""The wheel spells its argument so."""


def tflm(model: Path) -> tuple[str, str]:
    """Bytes of TFLM's head (activations, scratch) and of its whole arena, on this PC."""
    if model.suffix != ".tflite":
        return "-", "-"
    ran = subprocess.run([sys.executable, "-c", RECORD, str(model)], capture_output=True, text=True)
    said = dict(re.findall(r"Arena allocation (\w+) (\d+) bytes", ran.stdout + ran.stderr))
    if ran.returncode or not {"head", "total"} <= said.keys():
        return "cannot run it", "-"
    return f"{int(said['head']):,}", f"{int(said['total']):,}"


def measure(model: Path) -> list[str]:
    """One row of the table."""
    try:
        resident, streamed = _sized(model, Options()), _sized(model, Options(image="streamed"))
    except ModelError as error:
        return [model.stem, f"refused: {error.what}", *[""] * (len(HEAD) - 2)]
    weights = resident.plan.profile.weight_bytes
    return [
        model.stem,
        f"{resident.plan.arena_bytes:,}",
        f"{streamed.plan.arena_bytes:,}",
        _shown(resident.beside.stack_bytes),
        f"{weights:,}",
        _shown(resident.code_bytes),
        "-" if resident.code_bytes is None else f"{resident.flash_bytes:,}",
        *tflm(model),
        PUBLISHED.get(model.stem, "-"),
    ]


def _sized(model: Path, options: Options) -> Sized:
    clock = Clock(quiet)
    source, graph = read(model, clock)
    return Planning(source, graph, clock, find_compiler()).within(options, None)


def _shown(size: int | None) -> str:
    return "-" if size is None else f"{size:,}"


def models(shared: Path) -> Iterator[Path]:
    """The networks, the smallest file first."""
    files = [*shared.glob("models/tflite/*.tflite"), *shared.glob("models/qdq/*.onnx")]
    yield from sorted(files, key=lambda file: file.stat().st_size)


def main() -> None:
    """Writes the table of docs/int8.md, row by row as they are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one network; prints its row and writes nothing")
    given = parser.parse_args()
    rows = []
    for model in models(given.shared):
        if given.only not in (None, model.stem):
            continue
        rows.append(measure(model))
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
        if given.only is None:
            put(PAGE, "table", markdown(HEAD, rows))
    if given.only:
        print(markdown(HEAD, rows))


if __name__ == "__main__":
    main()
