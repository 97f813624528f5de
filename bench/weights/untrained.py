"""ResNet-20 without training: factors, plain n-bit and the search's choice at several sizes.

    python -m bench.weights.untrained        # writes bench/weights/results/untrained.json

The network and the pictures are those of ../shared; all 10,000 JPEG test pictures are used.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.weights import data
from lowtide.weights import sensitivity
from lowtide.weights.accuracy import accuracy
from lowtide.weights.candidates import FAMILIES, Candidate
from lowtide.weights.compress import PROBE_PICTURES, fitted, selected
from lowtide.weights.compressed import assembled
from lowtide.weights.network import read
from lowtide.weights.refit import settle
from lowtide.weights.runner import Runner

SHARED = Path(__file__).parents[2].parent / "shared"
RESULTS = Path(__file__).parent / "results"
CALIBRATION = 384
FACTORS = (10, 12, 15, 20)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    network = read(given.shared / "models/onnx/resnet20_cifar10_bn.onnx")
    runner, name = Runner(network), network.inputs[0]
    pixels, _ = data.read(given.shared, "train")
    seen = {name: data.normal(pixels[:CALIBRATION])}
    pixels, labels = data.read(given.shared, "test")
    test = {name: data.normal(pixels)}
    began = time.perf_counter()
    both = fitted(runner, seen, FAMILIES, say)
    seconds = {"candidates": round(time.perf_counter() - began, 1)}
    families: dict[str, dict[str, tuple[Candidate, ...]]] = {
        "chosen": both,
        "plain": fitted(runner, seen, ("plain",), say),
        "generated": fitted(runner, seen, ("generated",), say),
    }
    minds = sensitivity.measure(runner, {name: seen[name][:PROBE_PICTURES]}, both, say)
    dense = accuracy(network.proto, test, labels)
    rows: list[dict[str, Any]] = []
    for factor in FACTORS:
        for family, choices in families.items():
            began = time.perf_counter()
            chosen = selected(network, choices, minds, int(network.dense_bytes / factor))
            settings = {key: candidate.setting for key, candidate in chosen.items()}
            made = assembled(runner, settle(runner, settings, seen, say), seen, CALIBRATION, None)
            row = {"factor": factor, "weights": family, **made.facts()}
            row["accuracy"] = accuracy(made.model, test, labels)
            row["seconds"] = round(time.perf_counter() - began, 1)
            rows.append(row)
            say(f"{factor}x {family}: {100 * row['accuracy']:.2f} %, {made.bytes} B")
            found = {"accuracy_dense": dense, "seconds": seconds, "rows": rows}
            given.results.mkdir(exist_ok=True)
            (given.results / "untrained.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
