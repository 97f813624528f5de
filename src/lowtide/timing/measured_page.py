"""A folder's report.html with what bench() measured of each operator, as a file of its own.

The folder keeps the page that fit wrote: the list of its files, and whoever makes it again, has
nothing measured in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lowtide.errors import UsageError
from lowtide.files.result import read_result
from lowtide.files.single import check_file, write_file
from lowtide.quoting import for_terminal
from lowtide.report.page import with_measured
from lowtide.timing.board_result import BoardCount
from lowtide.timing.result import Benched

_PAGE = "report.html"


def check_report(folder: Path, file: Path) -> None:
    """Raises UsageError where there is no page to add to, or `file` cannot be written."""
    _page(folder)
    check_file(file, folder / _PAGE, "--report")


def write_report(folder: Path, file: Path, measured: Mapping[str, Any]) -> None:
    """Writes the page of a folder, with a column, to `file`."""
    write_file(file, with_measured(_page(folder), measured).encode())


def of_times(benched: Benched) -> dict[str, Any]:
    """The time of each operator, as the page takes it."""
    core = for_terminal(str(benched.machine["processor"]) or "this PC", 60)
    each = [one.seconds for one in benched.operators]
    return {"head": "time", "words": f"Operators on {core}", "unit": "seconds", "each": each}


def of_counts(counted: BoardCount) -> dict[str, Any]:
    """The instructions of each operator, without those of the driver between them."""
    each = [one.instructions if one.calls else None for one in counted.operators[:-1]]
    words = f"Instructions of operators on {counted.core}, board {counted.board}"
    return {"head": "instructions", "words": words, "unit": "", "each": each}


def _page(folder: Path) -> str:
    result = read_result(folder)
    page = result.files.get(_PAGE, b"").decode(errors="replace")
    if _PAGE in result.changed:
        raise UsageError(
            f"{folder / _PAGE} was changed or removed since fit wrote it: fit the network again"
        )
    if "<!--measured-->" not in page:
        raise UsageError(
            f"{folder} has no {_PAGE} of this version to add to: fit it again, without --no-report"
        )
    return page
