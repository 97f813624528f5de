"""Writes examples/lowtide.ipynb: its cells stand here, and what they show is of this very run.

python examples/write_notebook.py        words, code  ->  run  ->  lowtide.ipynb
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
NOTEBOOK = HERE / "lowtide.ipynb"

CELLS = (
    """# lowtide in a notebook
A neural network becomes one C program that runs in a small, fixed amount of memory, and is checked
against the original before it is written. This notebook fits the ResNet-8 that is shipped with
lowtide, which tells ten kinds of pictures apart (CIFAR-10, MLPerf Tiny).
Run it in the folder `examples`; it needs a C compiler, and `pip install '.[notebook]'`.""",
    """import tempfile
from pathlib import Path

import lowtide

picture = {
    "sample": "pictures/ship.jpg", "labels": "cifar10_labels.txt",
    "mean": (125.307, 122.961, 113.8575), "std": (62.985, 62.0925, 66.708),
}""",
    """## Fit
Eight bits first: that is what microcontrollers run. The table says what the whole program takes;
the picture shows where each tensor lies in memory, and from when to when: layer by layer on the
left, as lowtide plans it on the right. Point at a shape to see its name and bytes.""",
    """eight = lowtide.fit("resnet8_cifar10_int8.onnx", io_type="8bit", budget="16KiB", **picture)
eight""",
    """Printed, a result is what the command says. The last lines are what the C program answers to
a picture of a ship.""",
    "print(eight)",
    """The same network in float32 needs more. With the target `none` it is planned only:""",
    """whole = lowtide.fit("resnet8_cifar10.onnx", target="none", place="greedy")
[whole, eight]""",
    """## What costs what
`profile` only plans. Each operator with what lives in memory while it runs:""",
    """profiled = lowtide.profile("resnet8_cifar10_int8.onnx", place="greedy", chip="nrf52840")
profiled""",
    """## Less memory for more work
`explore` plans the network in many ways; here without extra work, which takes seconds.
No point of the front is beaten in memory, work and weights read at once.""",
    """explored = lowtide.explore("resnet8_cifar10_int8.onnx", max_overhead=0.0)
explored""",
    """## Check it again, and time it
`save` writes the folder: `net.c`, `net.h`, an example `main.c`, and `report.html` to look into.
`verify` repeats every check from those files, `bench` times the program here, on the picture.""",
    """folder = Path(tempfile.mkdtemp()) / "resnet8"
eight.save(folder)
print(lowtide.verify(folder))
lowtide.bench(folder, seconds=0.2, profile=True)""",
    """## What if it does not fit?
The error says what is missing, and what would fit.""",
    """try:
    lowtide.fit("resnet8_cifar10_int8.onnx", budget="4KiB", target="none", place="greedy")
except lowtide.BudgetError as error:
    print(*error.lines(), sep="\\n")""",
)
"""What begins as `is_words` says is there to be read; the rest is run."""


def is_words(cell: str) -> bool:
    """Whether a cell is there to be read."""
    return cell.startswith(("#", "Printed", "The same"))


def run() -> nbformat.NotebookNode:
    """The notebook, run from its first cell to its last; raises CellExecutionError."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    for number, cell in enumerate(CELLS):
        kind = nbformat.v4.new_markdown_cell if is_words(cell) else nbformat.v4.new_code_cell
        made.cells.append(kind(cell, id=f"cell-{number}"))
    python = NotebookClient(made, timeout=600, resources={"metadata": {"path": str(HERE)}})
    python.execute()
    for one in made.cells:
        one.metadata.pop("execution", None)  # times of day
    return made


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(HERE.parent / "src"))
    nbformat.write(run(), NOTEBOOK)
    print(f"{NOTEBOOK}: {NOTEBOOK.stat().st_size // 1024} KiB", file=sys.stderr)
