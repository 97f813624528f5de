"""ResNet-20 with training: students of a tuned teacher at 15x and 20x, all 10,000 test pictures.

python -m bench.weights.trained --teacher out/resnet20_jpeg.onnx --steps 200
                                     # writes bench/weights/results/trained.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import onnx

from bench.weights import data
from bench.weights.teach import pictures
from bench.weights.untrained import RESULTS, SHARED
from lowtide.weights.accuracy import accuracy
from lowtide.weights.network import read
from lowtide.weights.train.compressed import STUDENT, train_compressed
from lowtide.weights.train.loop import Recipe


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _others(results: Path, dense: float, factor: int) -> list[dict[str, Any]]:
    """What other runs with the same teacher have found at other factors."""
    file = results / "trained.json"
    held = json.loads(file.read_text()) if file.exists() else {"accuracy_dense": None}
    if held["accuracy_dense"] != dense:
        return []
    return [row for row in held["rows"] if row["factor"] != factor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STUDENT.steps)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--factors", type=int, nargs="*", default=[15, 20])
    given = parser.parse_args()
    network = read(given.teacher)
    pixels, labels = data.read(given.shared, "test")
    test = {network.inputs[0]: data.normal(pixels)}
    dense = accuracy(network.proto, test, labels)
    train = pictures(given.shared, "train")
    recipe = Recipe(**{**vars(STUDENT), "steps": given.steps, "minutes": given.minutes})
    for factor in given.factors:
        began, spent = time.perf_counter(), time.process_time()
        made = train_compressed(
            given.teacher, network.dense_bytes // factor, train, recipe=recipe, held_back=0.02,
            checkpoint=given.teacher.with_name(f"resnet20_{factor}x.pt"), progress=say,
        )  # fmt: skip
        onnx.save(made.after.model, given.teacher.with_name(f"resnet20_{factor}x.onnx"))
        row = {
            **made.after.facts(), "factor": factor, "steps": made.history.steps,
            "training_minutes": round(made.history.seconds / 60, 2),
            "core_minutes": round((time.process_time() - spent) / 60, 2),
            "minutes": round((time.perf_counter() - began) / 60, 2),
            "untrained": accuracy(made.before.model, test, labels),
            "accuracy": accuracy(made.after.model, test, labels),
        }  # fmt: skip
        say(f"{factor}x: {100 * row['untrained']:.2f} -> {100 * row['accuracy']:.2f} %")
        rows = [*_others(given.results, dense, factor), row]
        rows.sort(key=lambda one: one["factor"])
        given.results.mkdir(exist_ok=True)
        (given.results / "trained.json").write_text(
            json.dumps({"accuracy_dense": dense, "rows": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
