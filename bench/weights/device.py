"""What runs on the device: flash, RAM, work, time and accuracy of emitted C, one core.

    python -m bench.weights.device dense=net.onnx "15x=small.onnx"
                                         # writes bench/weights/results/device.json

Each program is fitted and checked, then built alone with the release flags of net.h, and classifies
all 10,000 JPEG test pictures of ../shared. Time is that of the fastest picture. Rows of other names
stay as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.weights import data
from bench.weights.untrained import RESULTS, SHARED
from lowtide.check.compile import find_compiler
from lowtide.pipeline.fit import fit
from lowtide.pipeline.fitted import Fitted

FLAGS = ("-std=c99", "-O3", "-ffp-contract=fast", "-march=native")

MAIN = """\
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>
#include "net.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(void)
{
    double least = 1e9;
    while (fread(net_input_INPUT(), sizeof(float), ELEMENTS, stdin) == ELEMENTS) {
        const double began = now();
        net_run();
        const double took = now() - began;
        least = took < least ? took : least;
        int best = 0;
        for (int i = 1; i < CLASSES; i++)
            best = net_output_OUTPUT()[i] > net_output_OUTPUT()[best] ? i : best;
        printf("%d\\n", best);
    }
    fprintf(stderr, "%.9f\\n", least);
    return 0;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    pixels, labels = data.read(given.shared, "test")
    pictures = np.ascontiguousarray(data.normal(pixels).transpose(0, 2, 3, 1))
    file = given.results / "device.json"
    rows = json.loads(file.read_text())["rows"] if file.exists() else []
    for model in given.models:
        name, path = model.split("=", 1)
        fitted = fit(path)
        milliseconds, found = classify(fitted, pictures)
        rows = [one for one in rows if one["name"] != name]
        rows.append(row(name, fitted, milliseconds, float((found == labels).mean())))
        print(json.dumps(rows[-1]), file=sys.stderr)
        given.results.mkdir(exist_ok=True)
        file.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def row(name: str, fitted: Fitted, milliseconds: float, accuracy: float) -> dict[str, Any]:
    kept = (
        "arena_bytes", "weight_bytes", "code_bytes", "flash_bytes", "ram_bytes", "macs",
        "weight_traffic_bytes", "max_rel_diff", "faults",
    )  # fmt: skip
    facts = {key: fitted.facts()[key] for key in kept}
    return {"name": name, **facts, "milliseconds": round(milliseconds, 3), "accuracy": accuracy}


def classify(fitted: Fitted, pictures: np.ndarray[Any, Any]) -> tuple[float, np.ndarray[Any, Any]]:
    """Milliseconds a picture, and the class of each picture [N, H, W, C] by the C program alone."""
    plan = fitted.plan
    words = {
        "INPUT": plan.inputs[0].identifier, "OUTPUT": plan.outputs[0].identifier,
        "ELEMENTS": str(plan.inputs[0].elements), "CLASSES": str(plan.outputs[0].elements),
    }  # fmt: skip
    text = MAIN
    for word, value in words.items():
        text = text.replace(word, value)
    compiler = find_compiler()
    assert compiler is not None, "no C compiler"
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        fitted.save(at)
        (at / "main.c").write_text(text)
        build = [*compiler, *FLAGS, "main.c", "net.c", "-o", "run", "-lm"]
        subprocess.run(build, cwd=at, check=True)
        done = subprocess.run(
            [at / "run"], input=pictures.tobytes(), capture_output=True, check=True
        )
    return 1e3 * float(done.stderr), np.array(done.stdout.split(), np.int64)


if __name__ == "__main__":
    main()
