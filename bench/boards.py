"""Instructions of 8-bit networks on emulated Cortex-M boards, as users build: docs/boards.md.

    python -m bench.boards [--only NAME] [--board m4] [--shared ../shared]

Each of ../shared/models/tflite is fitted once, and counted with GCC at -O2, -O3 and -Os and with
Clang; what a board computes must be what this PC's build computes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import lowtide
from bench.tables import markdown, put
from lowtide.timing.board_bench import Asked, bench_on_board
from lowtide.timing.board_result import BoardCount

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/boards.md"
NETWORKS = {
    "pretrainedResnet_quant": "ResNet-8",
    "vww_96_int8": "VWW",
    "kws_ref_model": "DS-CNN",
    "person_detect": "person_detect",
}
BOARDS = ("m4", "m55")
WAYS = {
    "GCC -O2": ("gcc", "-O2"), "-O3": ("gcc", "-O3"), "-Os": ("gcc", "-Os"),
    "Clang -O3": ("clang", "-O3"),
}  # fmt: skip
HEAD = (
    "network", "MACs", "board", *WAYS, "arena", "stack", "weights", "tables", "code", "C library",
)  # fmt: skip


def rows(name: str, shared: Path, boards: list[str]) -> Iterator[list[str]]:
    """A row a board; RAM and flash are those of the second way, -O3."""
    model = shared / f"models/tflite/{name}.tflite"
    with TemporaryDirectory(prefix="lowtide-") as folder:
        out = Path(folder) / "out"
        lowtide.fit(model).emit("c99", out)
        for board in boards:
            counts = [bench_on_board(out, Asked(board, *way)) for way in WAYS.values()]
            yield [NETWORKS[name], f"{counts[0].macs / 1e6:.2f} M", board, *_each(counts)]


def _each(counts: list[BoardCount]) -> list[str]:
    sizes = counts[1].sizes
    numbers = [
        counts[1].memory.arena_bytes, counts[1].stack_bytes, sizes.weights, sizes.tables,
        sizes.code, sizes.library or 0,
    ]  # fmt: skip
    per_mac = [f"{one.instructions_per_mac or 0:.3f}" for one in counts]
    return [*per_mac, *(f"{number:,}" for number in numbers)]


def main() -> None:
    """Prints rows as they are measured, and writes the page where all were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--board", choices=BOARDS)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    asked = parser.parse_args()
    found = []
    for name in [asked.only] if asked.only else NETWORKS:
        for row in rows(name, asked.shared, [asked.board] if asked.board else [*BOARDS]):
            print(*row, sep="  ", file=sys.stderr, flush=True)
            found.append(row)
    if not asked.only and not asked.board:
        put(PAGE, "boards", markdown(HEAD, found))


if __name__ == "__main__":
    main()
