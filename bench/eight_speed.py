"""Time of 8-bit networks beside other runtimes, in pairs: the second table of docs/speed.md.

    python -m bench.eight_speed [--only NAME ...] [--shared ../shared]

Each is fitted, checked and timed by `lowtide bench`; `--only` renews the rows of some.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.tables import held, markdown, put

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/speed.md"
HEAD = ("network", "beside", "its ms", "lowtide ms", "ratio", "quartiles", "of least", "arena")
TFLITE = ("pretrainedResnet_quant", "vww_96_int8", "kws_ref_model", "mobilenet_v2_1.0_224_ptq")


def lowtide(*arguments: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "lowtide", *arguments, "-q"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def row(model: Path, other: str, folder: Path) -> list[str]:
    """A network beside a runtime."""
    lowtide("fit", str(model), "-o", str(folder))
    said = lowtide("bench", str(folder), "--against", other, "--model", str(model), "--json")
    found: dict[str, Any] = json.loads(said)
    ours, its, ratio = found["lowtide"], found["other"], found["ratio"]
    return [
        model.name,
        f"{its['name']} {its['version']}",
        f"{1e3 * its['median_s']:.3f}",
        f"{1e3 * ours['median_s']:.3f}",
        f"**{ratio['median']:.2f}**",
        f"{ratio['quartile_1']:.2f} .. {ratio['quartile_3']:.2f}",
        f"{ours['least_s'] / its['least_s']:.2f}",
        f"{found['arena_bytes']:,}",
    ]


def renewed(rows: Sequence[list[str]], new: list[str]) -> list[list[str]]:
    """The rows with one in the place of that of the same network."""
    others = [one for one in rows if one[0] != new[0]]
    return sorted([*others, new], key=lambda one: (one[1], float(one[2])))


def main() -> None:
    """Writes the table, row by row as they are measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", nargs="*", help="names of networks whose rows are renewed")
    given = parser.parse_args()
    wanted = [(given.shared / f"models/tflite/{name}.tflite", "litert") for name in TFLITE]
    wanted.append((ROOT / "examples/resnet8_cifar10_int8.onnx", "onnxruntime"))
    for model, other in wanted:
        if given.only is None or model.stem in given.only:
            with TemporaryDirectory() as folder:
                found = row(model, other, Path(folder) / "out")
            print(" | ".join(found), file=sys.stderr, flush=True)
            put(PAGE, "eight", markdown(HEAD, renewed(held(PAGE, "eight"), found)))


if __name__ == "__main__":
    main()
