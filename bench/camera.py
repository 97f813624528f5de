"""Whole programs from a camera's lines to boxes, on emulated boards: docs/camera.md.

    python -m bench.camera [--shared ../shared] [--board m4] [--fitted]

Runs examples/camera with the face detector of ../shared/models/qdq on ../shared/data/faces and with
the shipped network on its pictures; each board must find what this PC finds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.boxes import Array, ultraface_slim
from bench.tables import held, markdown, put
from lowtide.check.numbers import Reference
from lowtide.kernels.chips import CHIPS, KIB

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/camera.md"
OUT = ROOT / "out/camera"
sys.path.append(str(ROOT / "examples/camera"))

from run import SHIPPED_MEAN, SHIPPED_STD, Shown, parser, show  # noqa: E402
from settings import UNITS  # noqa: E402
from table import HEAD, rows  # noqa: E402

BOARDS = ("m4", "m7", "m55")


def shown(words: Sequence[str], boards: Sequence[str], name: str) -> Shown:
    """One run of the example."""
    each = [word for board in boards for word in ("--board", board)]
    return show(parser().parse_args([*words, *each, "-o", str(OUT / name)]))


def board_rows(name: str, one: Shown) -> Iterator[list[str]]:
    """A row a board, with the network's name before it."""
    macs = sum(o.macs for o in one.network.operators) * len(one.found)
    table = rows(one.runs, one.network.arena_bytes, len(one.found))
    for row, run in zip(table, one.runs, strict=True):
        yield [name, *row, f"{run.network / macs:.2f}"]


def picture_rows(model: Path, seen: dict[str, Shown]) -> Iterator[list[str]]:
    """How many faces by format, and how far those of RGB are from onnxruntime's, in pixels."""
    reference = Reference(model, "face")
    for k, (path, pixels) in enumerate(seen["rgb"].pictures.items()):
        image = (pixels.astype(np.float32).transpose(2, 0, 1)[None] - 127) / 128
        theirs = ultraface_slim(reference.run({"input": image}).outputs)
        faces = seen["rgb"].found[k].faces
        counts = [str(len(one.found[k].faces)) for one in seen.values()]
        yield [path.name, *counts, str(len(theirs)), f"{_apart(np.array(faces), theirs):.2f}"]


def _apart(faces: Array, theirs: Array) -> float:
    """The furthest that a corner is from that of the nearest box of the other."""
    ours, other = faces[:, 1:] / UNITS, theirs[:, 1:] * (320, 240, 320, 240)
    if len(ours) != len(other):
        return float("nan")
    return float(np.abs(ours[:, None] - other[None]).max(2).min(1).max())


def chip_rows(runs: Shown) -> Iterator[list[str]]:
    """Which chips hold the whole program; of another core's flash is taken that of the M4."""
    ram = max(run.ram for run in runs.runs)
    flash = max(run.flash for run in runs.runs)
    for chip in CHIPS:
        room = chip.flash_bytes is None or flash <= chip.flash_bytes
        fits = "yes" if ram <= chip.ram_bytes and room else "no"
        held = "outside" if chip.flash_bytes is None else f"{chip.flash_bytes // KIB:,}"
        yield [chip.name, chip.core, f"{chip.ram_bytes / KIB:,.6g}", held, fits]


def paper_rows(runs: Shown) -> Iterator[list[str]]:
    """The detector by the paper's convention, as docs/overlap.md has it, and what is here."""
    row = next(
        r for r in held(ROOT / "docs/overlap.md", "table") if r[0] == "ultraface_slim_240x320"
    )
    pair, lapped = (int(row[k].replace(",", "")) for k in (1, 6))
    of_all = {
        "ping-pong buffers, the paper's baseline": pair,
        "overlapped, layer by layer, image whole: the paper's way": lapped,
        "here: arena, image in lines": runs.network.arena_bytes,
        "here: all of the program's RAM": max(run.ram for run in runs.runs),
    }
    for what, size in of_all.items():
        yield [what, f"{size:,}", f"{size / pair:.3f}"]


def _shipped(fitted: bool) -> list[str]:
    """The shipped network as it is, or as it was fitted, with what it says of itself."""
    labels = str(ROOT / "examples/cifar10_labels.txt")
    beside = ["--mean", SHIPPED_MEAN, "--std", SHIPPED_STD, "--labels", labels]
    return [str(OUT / "shipped/fitted"), *beside] if fitted else []


def main() -> None:
    """Writes the page's tables where all boards were run."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    asked.add_argument("--board", choices=BOARDS)
    asked.add_argument("--fitted", action="store_true", help="what an earlier run fitted")
    given = asked.parse_args()
    boards = [given.board] if given.board else BOARDS
    model, faces = given.shared / "models/qdq/face_slim_320_qdq.onnx", given.shared / "data/faces"
    words = [str(OUT / "face/fitted" if given.fitted else model), "--pictures", str(faces)]
    face, small = shown(words, boards, "face"), shown(_shipped(given.fitted), boards, "shipped")
    measured = [*board_rows("face_slim_320_qdq", face), *board_rows("resnet8_cifar10_int8", small)]
    print(markdown(("network", *HEAD, "network's / MAC"), measured))
    if given.board:
        return
    put(PAGE, "boards", markdown(("network", *HEAD, "network's / MAC"), measured))
    head = ("ultraface_slim, 320 x 240", "bytes", "of ping-pong")
    put(PAGE, "paper", markdown(head, list(paper_rows(face))))
    seen = {"bayer": face}
    for format_ in ("yuv", "rgb"):
        words = [str(OUT / "face/fitted"), "--pictures", str(faces), "--format", format_]
        seen[format_] = shown(words, ["m4"], "face")
    head = ("picture", "Bayer", "YUV 4:2:2", "RGB", "onnxruntime, float64 boxes", "apart, pixels")
    put(PAGE, "pictures", markdown(head, list(picture_rows(model, seen))))
    put(PAGE, "chips", markdown(("chip", "core", "RAM, KiB", "flash, KiB", "holds it"),
                                list(chip_rows(face))))  # fmt: skip


if __name__ == "__main__":
    main()
