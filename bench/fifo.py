"""FIFOs of a streamed accelerator, network by network: the table of docs/fifo.md.

    python -m bench.fifo [--shared ../shared]

Each network is as large as its file says, and each row is what passed the simulation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.tables import markdown, put
from lowtide.errors import LowtideError
from lowtide.pipeline.fit_fifo import FittedFifo, fit_fifo

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/fifo.md"
HEAD = (
    "network", "edges", "of them above 2 pixels", "cycles a frame", "never locks, bytes",
    "never waits, bytes", "inputs that push, bytes", "whole frames, bytes", "one less locks",
    "one less waits",
)  # fmt: skip
NETWORKS = (
    "examples/resnet8_cifar10.onnx", "examples/resnet8_cifar10_int8.tflite",
    "models/tflite/kws_ref_model.tflite", "models/tflite/vww_96_int8.tflite",
    "models/tflite/detection.tflite", "models/onnx/resnet20_cifar10.onnx",
    "models/onnx/face_slim_320.onnx", "models/onnx/yunet_n_320.onnx",
    "models/onnx/fastestdet_352.onnx", "models/onnx/squeezenet_v1.0.onnx",
    "models/onnx/mobilenet_v2_imagenet.onnx", "models/onnx/efficientnet_lite0_imagenet.onnx",
)  # fmt: skip


def row(made: FittedFifo) -> tuple[str, ...]:
    """A network's depths, in bytes of all FIFOs together."""
    found, simulated = made.found, made.simulated
    if simulated is None:
        raise SystemExit("there is no C compiler to simulate with")
    deep = sum(max(both) > 2 for both in zip(found.no_deadlock, found.no_stall, strict=True))
    whole = tuple(edge.pixels for edge in found.machine.edges)
    sizes = (found.no_deadlock, found.no_stall, found.free, whole)
    counts = (len(whole), deep, found.machine.interval)
    tried = (simulated.locked, simulated.waited)
    numbers = (*counts, *(-(-found.bits(depths) // 8) for depths in sizes), *tried)
    return (made.source.file.rsplit(".", 1)[0], *(f"{number:,}" for number in numbers))


def rows(shared: Path) -> Iterator[tuple[str, ...]]:
    """One for each network that is there; why others have none is said."""
    for name in NETWORKS:
        file = (ROOT if name.startswith("examples") else shared) / name
        if not file.exists():
            print(f"{file} is absent", file=sys.stderr)
            continue
        try:
            made = fit_fifo(file)
        except LowtideError as error:
            print(error, file=sys.stderr)
            continue
        print(made, f"\n  {made.seconds:.1f} s", file=sys.stderr)
        yield row(made)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    put(PAGE, "fifo", markdown(HEAD, list(rows(parser.parse_args(words).shared))))


if __name__ == "__main__":
    main()
