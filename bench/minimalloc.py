"""Places minimalloc's eleven instances within their capacity: docs/minimalloc.md.

    python -m bench.minimalloc [--only A] [--shared ../shared]

The capacity in bytes is in each file's name. Seconds are of this machine, reading and checking
included.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter

from bench.tables import markdown, put
from lowtide.check.buffers import check_buffers
from lowtide.errors import BudgetError
from lowtide.minimalloc.csv_file import read_csv
from lowtide.pipeline.place import place_buffers

ROOT = Path(__file__).parents[1]
HEAD = ("instance", "buffers", "capacity", "arena", "proven least", "faults", "seconds")


def measure(path: Path) -> list[str]:
    """One row of the table."""
    name, capacity = path.stem.split(".")
    began = perf_counter()
    table = read_csv(path)
    try:
        placed = place_buffers(table.buffers, int(capacity))
    except BudgetError as error:
        seconds = f"{perf_counter() - began:.1f}"
        return [name, str(len(table.buffers)), f"{int(capacity):,}", str(error), "", "", seconds]
    seconds = f"{perf_counter() - began:.1f}"
    return [
        name,
        str(len(table.buffers)),
        f"{int(capacity):,}",
        f"{placed.arena_bytes:,}",
        "yes" if placed.proven else "no",
        str(len(check_buffers(table.buffers, placed.offsets, int(capacity)))),
        seconds,
    ]


def main() -> None:
    """Writes docs/minimalloc.md."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--only", help="one instance; prints its row and writes nothing")
    given = parser.parse_args()
    rows = []
    for path in sorted((given.shared / "models/minimalloc").glob("*.csv")):
        if given.only in (None, path.stem.split(".")[0]):
            rows.append(measure(path))
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    table = markdown(HEAD, rows)
    if given.only:
        print(table)
    else:
        put(ROOT / "docs/minimalloc.md", "table", table)


if __name__ == "__main__":
    main()
