"""`lowtide place`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lowtide.cli.options import Json, Quiet
from lowtide.cli.output import show, write
from lowtide.cli.progress import StageLine


def place(
    file: Annotated[
        Path,
        typer.Argument(help="Buffers, a CSV file: id,lower,upper,size[,gaps].", show_default=False),
    ],
    capacity: Annotated[
        str | None, typer.Option(help="The memory there is: 1MiB, 65536; else the least is sought.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV file to write; else stdout.")
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find addresses for the buffers of a CSV file, in the form of google/minimalloc."""
    from lowtide.files import check_file, write_file
    from lowtide.minimalloc.csv_file import read_csv, written_csv
    from lowtide.pipeline.fit_text import placed_facts, show_placed
    from lowtide.pipeline.place import place_buffers
    from lowtide.sizes import parse_bytes

    limit = None if capacity is None else parse_bytes(capacity, "--capacity")
    if output is not None:
        check_file(output, file)
    with StageLine(file, quiet) as progress:
        table = read_csv(file)
        placed = place_buffers(table.buffers, limit, progress=progress)
        content = written_csv(table, placed.offsets)
        if output is not None:
            write_file(output, content)
    if as_json:
        show(placed_facts(table.buffers, placed, limit))
    elif output is not None:
        show(show_placed(placed, output))
    elif sys.stdout is not None and sys.stdout.isatty():
        show(content.decode().rstrip("\n"))
    else:  # a file, or another command: as it would be written with -o
        write(content)
