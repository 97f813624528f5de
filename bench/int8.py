"""Memory of 8-bit networks beside others': the tables of docs/int8.md and of README.md.

    python -m bench.int8 [--only NAME ...] [--shared ../shared]

Those of ../shared/models/tflite and qdq, and our own; `--only` renews the rows of some. Each is
planned, emitted and compiled, image resident and streamed; nothing is run here: that the programs
are equal to their runtimes is what `pytest -m slow tests/check` holds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.tables import held, markdown, put
from lowtide import Options
from lowtide.clock import Clock, quiet
from lowtide.errors import ModelError
from lowtide.pipeline.ram import Planning, Sized
from lowtide.pipeline.read import read

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/int8.md"

HEAD = (
    "network", "arena", "arena, image streamed", "stack", "weights", "code", "flash",
    "TFLM head", "TFLM head and tail", "Vela", "others, published",
)  # fmt: skip

# RAM, image and scratch counted: what Vela 5.2 said here once, and what others published.
OTHERS = {
    "vww_96_int8": ("49,152", "HALE 55,296 to 73,216"),
    "pretrainedResnet_quant": ("35,840", "HALE 21,104 to 57,856"),
    "kws_ref_model": ("15,974", "HALE 16,000 to 20,864"),
    "mobilenet_v2_1.0_224_ptq": ("361,984", "ST 1,467,525; ExecuTorch 1,505,280"),
}
_NONE = ("-", "-")

README = ROOT / "README.md"
SHOWN = {
    "kws_ref_model": "MLPerf Tiny keyword spotting, DS-CNN",
    "pretrainedResnet_quant": "MLPerf Tiny image classification, ResNet-8",
    "vww_96_int8": "MLPerf Tiny visual wake words",
    "person_detect": "person_detect of TFLM's examples",
    "resnet8_cifar10_int8.tflite": "resnet8_cifar10_int8 of [examples](examples/README.md)",
    "mcunet_vww": "MCUNet visual wake words",
    "mobilenet_v2_1.0_224_ptq": "MobileNetV2 1.0, 224 x 224",
}
"""Those of the README, and what they are."""
SHORT = ("8-bit network", "lowtide", "image row by row", "TFLM", "Vela", "others")

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
    """One row of the table; bytes go into QDQ networks and come out."""
    name = model.name if model.parent.name == "examples" else model.stem
    ends = Options(io_type="8bit" if model.suffix == ".onnx" else "file")
    try:
        resident, streamed = _sized(model, ends), _sized(model, replace(ends, image="streamed"))
    except ModelError as error:
        return [name, f"refused: {error.what}", *[""] * (len(HEAD) - 2)]
    weights = resident.plan.profile.weight_bytes
    return [
        name,
        f"{resident.plan.arena_bytes:,}",
        f"{streamed.plan.arena_bytes:,}",
        _shown(resident.beside.stack_bytes),
        f"{weights:,}",
        _shown(resident.code_bytes),
        "-" if resident.code_bytes is None else f"{resident.flash_bytes:,}",
        *tflm(model),
        *OTHERS.get(name, _NONE),
    ]


def _sized(model: Path, options: Options) -> Sized:
    clock = Clock(quiet)
    source, graph = read(model, clock, options=options)
    return Planning(source, graph, clock, True).within(options, None)


def _shown(size: int | None) -> str:
    return "-" if size is None else f"{size:,}"


def models(shared: Path) -> Iterator[Path]:
    """The networks, the smallest file first."""
    files = [*shared.glob("models/tflite/*.tflite"), *shared.glob("models/qdq/*.onnx")]
    files += (ROOT / "examples").glob("*_int8.*")
    yield from sorted(files, key=lambda file: file.stat().st_size)


def short(row: list[str]) -> list[str]:
    """A row of the README's table."""
    return [SHOWN[row[0]], f"**{row[1]}**", row[2], row[7], *row[9:]]


def main() -> None:
    """Writes both tables, row by row as they are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument(
        "--only", nargs="*", help="networks whose rows are renewed; none: only the tables"
    )
    given = parser.parse_args()
    order = [*models(given.shared)]
    rows = {row[0]: row for row in held(PAGE, "table") if len(row) == len(HEAD)}
    for model in order:
        if given.only is not None and not {model.stem, model.name} & {*given.only}:
            continue
        row = measure(model)
        rows[row[0]] = row
        print(" | ".join(row), file=sys.stderr, flush=True)
        write(rows, order)
    write(rows, order)


def write(rows: dict[str, list[str]], order: list[Path]) -> None:
    """Both tables, from what is known so far."""
    rows = {name: [*row[:9], *OTHERS.get(name, _NONE)] for name, row in rows.items()}
    names = [name for m in order for name in (m.name, m.stem) if name in rows]
    put(PAGE, "table", markdown(HEAD, [rows[name] for name in dict.fromkeys(names)]))
    put(README, "int8", markdown(SHORT, [short(rows[name]) for name in SHOWN if name in rows]))


if __name__ == "__main__":
    main()
