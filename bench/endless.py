"""A push of endless input beside the whole recomputed, on the emulated M4: docs/endless.md.

python -m bench.endless [--shared ../shared]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import lowtide
from bench.tables import markdown, put
from lowtide.timing.board_bench import Asked, bench_on_board

PAGE = Path(__file__).parents[1] / "docs/endless.md"
NETWORK = "models/tflite/kws_ref_model.tflite"
WAYS = {
    "49 rows, whole": {},
    "a push of 2 rows": {"image": "endless", "window": 49},
    "a push of 4 rows": {"image": "endless", "window": 49, "push": 2},
    "a push of 8 rows": {"image": "endless", "window": 49, "push": 4},
}
HEAD = ("DS-CNN, 49 x 10 features", "MACs", "instructions", "a row", "arena", "of it kept")


def row(what: str, network: Path) -> list[str]:
    """One way to run it."""
    options = lowtide.Options(**WAYS[what])
    with TemporaryDirectory() as folder:
        fitted = lowtide.fit(network, options=options)
        fitted.emit("c99", folder)
        counted = bench_on_board(folder, Asked("m4")).instructions
    pushes = fitted.plan.layout.graph.pushes
    rows = 49 if pushes is None else pushes.rows
    kept = fitted.facts()["carried_bytes"]
    figures = (fitted.plan.profile.macs, counted, counted // rows, fitted.plan.arena_bytes, kept)
    return [what, *(f"{figure:,}" for figure in figures)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    network = parser.parse_args().shared / NETWORK
    put(PAGE, "endless", markdown(HEAD, [row(what, network) for what in WAYS]))


if __name__ == "__main__":
    main()
