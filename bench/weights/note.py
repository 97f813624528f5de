"""Write the tables of docs/weights.md from bench/weights/results, and README.md's line of them.

python -m bench.weights.note
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.tables import markdown, put
from bench.weights.plot import weights_svg

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
NOTE = ROOT / "docs/weights.md"
WEIGHTS = 11_173_962
"""Of ResNet-18 for ten classes (resnet.py)."""


def untrained() -> str:
    held = json.loads((RESULTS / "untrained.json").read_text())
    head = (
        "factor",
        "weights",
        "bytes",
        "file",
        "multiply-adds, M",
        "accuracy, %",
        "against dense",
    )
    rows = [_row(row, held["accuracy_dense"]) for row in held["rows"]]
    dense = f"Dense: {100 * held['accuracy_dense']:.2f} %.\n\n"
    return dense + markdown(head, rows)


def _row(row: dict[str, Any], dense: float) -> list[str]:
    return [
        f"{row['dense_bytes'] / row['bytes']:.2f}", row["weights"], f"{row['bytes']:,}",
        f"{row['file_bytes']:,}", f"{row['macs'] / 1e6:.1f}", f"{100 * row['accuracy']:.2f}",
        f"{100 * (row['accuracy'] - dense):+.2f}",
    ]  # fmt: skip


def networks() -> str:
    head = (
        "network", "weights", "bytes", "factor", "file", "error", "multiply-adds, M", "of dense",
        "difference",
    )  # fmt: skip
    rows = [
        [row["network"], row["weights"], f"{row['bytes']:,}", f"{row['factor']:.1f}",
         f"{row['file_bytes']:,}", f"{row['error']:.3f}", f"{row['macs'] / 1e6:,.0f}",
         f"{row['macs'] / row['dense_macs']:.2f}", f"{row['difference']:.1e}"]
        for row in json.loads((RESULTS / "networks.json").read_text())["rows"]
    ]  # fmt: skip
    return markdown(head, rows)


def trained() -> str:
    held = json.loads((RESULTS / "trained.json").read_text())
    head = ("factor", "bytes", "file", "steps of 128", "minutes of a core", "before, %", "after, %",
            "against the teacher")  # fmt: skip
    rows = [
        [f"{row['dense_bytes'] / row['bytes']:.2f}", f"{row['bytes']:,}", f"{row['file_bytes']:,}",
         str(row["steps"]), f"{row['core_minutes']:.1f}", f"{100 * row['untrained']:.2f}",
         f"{100 * row['accuracy']:.2f}",
         f"{100 * (row['accuracy'] - held['accuracy_dense']):+.2f}"]
        for row in held["rows"]
    ]  # fmt: skip
    return f"Teacher: {100 * held['accuracy_dense']:.2f} %.\n\n" + markdown(head, rows)


def device() -> str:
    head = ("program", "flash", "of which code", "RAM", "weights read", "multiply-adds, M",
            "ms a picture", "accuracy, %", "from onnxruntime")  # fmt: skip
    rows = [
        [row["name"], f"{row['flash_bytes']:,}", f"{row['code_bytes']:,}", f"{row['ram_bytes']:,}",
         f"{row['weight_traffic_bytes']:,}", f"{row['macs'] / 1e6:.2f}",
         f"{row['milliseconds']:.2f}", f"{100 * row['accuracy']:.2f}", f"{row['max_rel_diff']:.0e}"]
        for row in json.loads((RESULTS / "device.json").read_text())["rows"]
    ]  # fmt: skip
    return markdown(head, rows)


def resnet18() -> str:
    """The table of ResNet-18 and its rivals; nothing before a row of them is finished."""
    file = RESULTS / "resnet18.json"
    if not file.exists():
        return ""
    held = json.loads(file.read_text())
    head = ("network", "KiB, paper's count", "factors stored", "file", "flash of C", "RAM of C",
            "multiply-adds, M", "dense, %", "accuracy, %", "of C, %", "against the teacher",
            "minutes of a core")  # fmt: skip
    level = held["teacher"]["accuracy"]  # a row's own teacher may be another
    rows = [
        [row["name"], f"{row['paper_bytes'] / 1024:.1f}", f"{row['factor_bytes']:,}",
         f"{row['file_bytes']:,}", f"{row['c']['flash_bytes']:,}", f"{row['c']['ram_bytes']:,}",
         f"{row['c']['macs'] / 1e6:.1f}",
         f"{100 * row['dense']:.2f}", f"{100 * row['accuracy']:.2f}",
         f"{100 * row['c']['accuracy']:.2f}",
         f"{100 * (row['c']['accuracy'] - row['teacher']):+.2f}",
         f"{row['core_seconds'] / 60:.0f}"]
        for row in held["rows"]
    ]  # fmt: skip
    (ROOT / "docs/weights.svg").write_text(weights_svg(level, held["rows"]))
    spent = f"{held['teacher']['core_seconds'] / 60:.0f} minutes of a core"
    begun = ", ".join(f"{row['name']} {100 * row['untrained']:.2f} %" for row in held["rows"])
    return (
        f"Teacher: {100 * level:.2f} %, {spent}.\n\n{markdown(head, rows)}\n"
        "![Bytes of weights against accuracy](weights.svg)\n\n"
        f"Right of the first 2,000 pictures by least squares, before training: {begun}.\n"
    )


def headline() -> str:
    """The paper's point in a sentence."""
    held = json.loads((RESULTS / "resnet18.json").read_text())
    ours = next(row for row in held["rows"] if row["name"] == "resnet18-generated")
    return (
        f"A ResNet-18 of {4 * WEIGHTS / 2**20:.1f} MiB in float32, trained for it, is stored in "
        f"{ours['paper_bytes'] / 1024:.0f} KiB: its weights are generated from few low-bit\n"
        f"factors while it runs. On CIFAR-10's 10,000 test pictures (JPEG) its C is right on "
        f"{100 * ours['c']['accuracy']:.2f} %,\nthe dense network that it learned from on "
        f"{100 * ours['teacher']:.2f} % ([how](docs/weights.md#resnet-18-in-350-kib)).\n"
    )


def main() -> None:
    tables = (untrained, networks, trained, resnet18, device)
    for table in tables:
        put(NOTE, table.__name__, table())
    put(ROOT / "README.md", "headline", headline())


if __name__ == "__main__":
    main()
