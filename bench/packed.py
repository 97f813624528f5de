"""What packed weights cost beside dense ones: a table of docs/kernels.md.

    python -m bench.packed [--only NAME] [--shared ../shared] [--held FOLDER]

Instructions of whole programs on emulated boards, and time on this PC in pairs, each divided by
that of the network as it was before. `--held` is where compressed networks are kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import numpy_helper

from bench.tables import held, markdown, put
from bench.weights import data
from lowtide.check.compile import find_compiler
from lowtide.check.trial import pack
from lowtide.check.verify import read_folder
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.machine import a_core
from lowtide.timing.pairs import measure
from lowtide.timing.program import build_timer
from lowtide.timing.worker import Worker

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/kernels.md"
BOARDS = {
    "M4": Asked("m4", "gcc", "-O3"), "M55": Asked("m55", "gcc", "-O3"),
    "AArch64": Asked("aarch64", "gcc", "-O3"),
}  # fmt: skip
PCS = {"AVX-512": (), "AVX2": ("-mno-avx512f",)}
"""Flags beside those of this PC, which are net.h's."""
HEAD = ("network", "weights, bytes", *BOARDS, *PCS, "stack on the M4, bytes", "code there")
PICTURES, FLASH = 384, 71_600


@dataclass(frozen=True)
class Pair:
    """A network of packed weights, and the one that it was made of."""

    name: str
    dense: Path
    make: Callable[[], Path]


def two_bits(dense: Path, folder: Path) -> Path:
    """The network with weights of -3/2, -1/2, 1/2 and 3/2 times a scale for each output."""
    model = onnx.load(dense)
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim > 1:
            rows = weights.reshape(len(weights), -1)
            scales = (np.abs(rows).max(1, keepdims=True) / 2).astype(np.float16).astype(np.float32)
            codes = np.clip(np.floor(rows / scales), -2, 1) + np.float32(0.5)
            made = (codes * scales).reshape(weights.shape)
            tensor.CopyFrom(numpy_helper.from_array(made, tensor.name))
    onnx.save(model, made := folder / "two_bits.onnx")
    return made


def compressed(dense: Path, shared: Path, folder: Path, weights: str) -> Path:
    """What `compress` makes of a network in a fifteenth of its bytes; kept."""
    made = folder / f"{dense.stem}_{weights}.onnx"
    if not made.exists():
        pixels, _ = data.read(shared, "train")
        seen = folder / "calibration.npy"
        np.save(seen, data.normal(pixels[:PICTURES]))
        words = ["--flash", FLASH, "--calibrate", seen, "--weights", weights]
        lowtide_("compress", dense, *words, "-o", made)
    return made


def lowtide_(*words: object) -> None:
    """A command, as users give it."""
    subprocess.run([sys.executable, "-m", "lowtide", *map(str, words), "-q"], check=True)


def ratio(folders: Sequence[Path], flags: Sequence[str], at: Path) -> float:
    """How many times longer the second program takes than the first, on this PC."""
    compiler = find_compiler()
    assert compiler, "no C compiler"
    with ExitStack() as stack:
        workers = []
        for folder in folders:
            held, there = read_folder(folder), at / folder.name
            program = build_timer(
                held.files, held.memory, there, [*compiler, *flags], len(held.samples)
            )
            inputs = b"".join(pack(held.memory.inputs, one.inputs) for one in held.samples)
            (there / "inputs").write_bytes(inputs)
            command = [str(program), str(there / "inputs"), str(there / "outputs")]
            workers.append(stack.enter_context(Worker(folder.name, command, a_core())))
        for worker in workers:
            worker.start()
        return measure(workers, 1, 5).ratio(1, 0).median


def pairs(shared: Path, held: Path) -> list[Pair]:
    """What is measured."""
    small = ROOT / "examples/resnet8_cifar10_small.onnx"
    eight, twenty = (
        small.with_name("resnet8_cifar10.onnx"),
        shared / "models/onnx/resnet20_cifar10.onnx",
    )
    normed = twenty.with_name("resnet20_cifar10_bn.onnx")

    def stored(weights: str) -> Callable[[], Path]:
        return lambda: compressed(normed, shared, held, weights)

    return [
        Pair("ResNet-20, 2 bits each", twenty, lambda: two_bits(twenty, held)),
        Pair("ResNet-20 of `compress`", twenty, stored("both")),
        Pair("ResNet-20 of `compress --weights generated`", twenty, stored("generated")),
        Pair("ResNet-8 of the examples", eight, lambda: small),
    ]


def row(pair: Pair, folder: Path) -> list[str]:
    """A network: everything beside its dense program."""
    outs = [folder / "dense", folder / "packed"]
    for out, model in zip(outs, (pair.dense, pair.make()), strict=True):
        lowtide_("fit", model, "-o", out)
    made = [f"{read_folder(outs[1]).memory.facts['weight_bytes']:,}"]
    stack = code = ""
    for name, asked in BOARDS.items():
        dense, packed = (bench_on_board(out, asked) for out in outs)
        made.append(f"{packed.instructions / dense.instructions:.2f}")
        if name == "M4":
            stack = f"{packed.stack_bytes:,} ({dense.stack_bytes:,})"
            code = f"{packed.sizes.code:,} ({dense.sizes.code:,})"
    for flags in PCS.values():
        with TemporaryDirectory(prefix="lowtide-") as at:
            made.append(f"{ratio(outs, flags, Path(at)):.2f}")
    return [pair.name, *made, stack, code]


def main() -> None:
    """Writes the table, row by row as they are measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", help="a part of the name of the rows that are renewed")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--held", type=Path, default=Path.home() / ".cache/lowtide/packed")
    given = parser.parse_args()
    given.held.mkdir(parents=True, exist_ok=True)
    found = {cells[0]: cells for cells in held(PAGE, "packed")}
    for pair in pairs(given.shared, given.held):
        if given.only is None or given.only in pair.name:
            with TemporaryDirectory(prefix="lowtide-") as folder:
                found[pair.name] = row(pair, Path(folder))
            print(" | ".join(found[pair.name]), file=sys.stderr, flush=True)
            put(PAGE, "packed", markdown(HEAD, list(found.values())))


if __name__ == "__main__":
    main()
