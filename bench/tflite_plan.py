"""Bytes of TensorFlow Lite Micro's head with its own plan and with ours: docs/tflite-plan.md.

    python -m bench.tflite_plan [--shared ../shared]

The example's file and each of ../shared/models/tflite; what is written is what `lowtide fit
--target tflite` measures by the unmodified interpreter, or why it refuses.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.tables import markdown, put
from lowtide.errors import LowtideError
from lowtide.pipeline.fit_tflite import FittedTflite, fit_tflite

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "tflite-plan.md"
HEAD = ("file", "plan in the file", "no plan", "ours, any kernels", "%", "ours, reference kernels",
        "%", "outputs lie over inputs", "outputs")  # fmt: skip


def row(file: Path) -> list[str]:
    """What both plans take."""
    try:
        apart, over = (fit_tflite(file, overlap=overlap) for overlap in ("none", "pixel"))
    except LowtideError as error:
        why = str(error).split("TFLM failed to allocate tensors: ")[-1].split("; only what")[0]
        return [file.name, *("" for _ in HEAD[2:]), f"refused: {why}"]
    had = "none" if apart.before is None else f"{apart.before:,}"
    return [file.name, had, f"{apart.online:,}", *_ours(apart), *_ours(over),
            str(over.after.overlaps), "equal"]  # fmt: skip


def _ours(fitted: FittedTflite) -> tuple[str, str]:
    head = fitted.after.head_bytes
    return f"{head:,}", f"{100 * (head / fitted.online - 1):.1f}"


def main() -> None:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    shared = parser.parse_args().shared
    files = [ROOT / "examples" / "resnet8_cifar10_int8.tflite"]
    files += sorted((shared / "models" / "tflite").glob("*.tflite"))
    put(DOCUMENT, "table", markdown(HEAD, [row(file) for file in files]))


if __name__ == "__main__":
    main()
