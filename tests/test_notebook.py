"""examples/lowtide.ipynb is what examples/write_notebook.py writes, and each of its cells runs."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("nbclient", reason="needs the extra notebook")

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOK = EXAMPLES / "lowtide.ipynb"


def writer() -> ModuleType:
    spec = spec_from_file_location("write_notebook", EXAMPLES / "write_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_notebook_is_that_of_its_cells_and_was_run() -> None:
    """python examples/write_notebook.py renews it."""
    held = json.loads(NOTEBOOK.read_text())["cells"]
    assert ["".join(cell["source"]) for cell in held] == [*writer().CELLS]
    code = [cell for cell in held if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {one["output_type"] for cell in code for one in cell["outputs"]}
    assert kinds == {"stream", "execute_result"}, "a cell failed, or showed nothing"
    shown = json.dumps(held)
    assert shown.count("<svg") >= 3
    assert "<script" not in shown
    assert NOTEBOOK.stat().st_size < 300_000


@pytest.mark.slow
def test_every_cell_runs() -> None:
    """Raises CellExecutionError where one fails."""
    made = writer().run()
    assert len(made.cells) == len(writer().CELLS)
