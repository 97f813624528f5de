"""`lowtide boards`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lowtide.cli import completion
from lowtide.cli.options import Json
from lowtide.cli.output import show
from lowtide.errors import UsageError


def boards(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="BOARD", help="One of them, for a main.c of your own; with -o.",
            autocompletion=completion.boards,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output",
            help="Folder for what stands around a program on BOARD: start, print, linker script. "
            "The lines that compile and run a main.c there are printed.",
        ),
    ] = None,
    source: Annotated[
        Path, typer.Option("--source", help="The program there: the NAME.c that fit wrote.")
    ] = Path("out/net.c"),
    as_json: Json = False,
) -> None:  # fmt: skip
    """List the boards that `bench --board` emulates, and which of their tools are here."""
    from lowtide.timing.board_list import board_facts, boards_text

    if (name is None) != (output is None):
        raise UsageError("a board and -o FOLDER go together: lowtide boards m4 -o m4")
    if name is None or output is None:
        show(board_facts() if as_json else boards_text())
        return
    from lowtide.files import write_file
    from lowtide.timing.board_build import around, by_hand
    from lowtide.timing.boards import board

    one = board(name)
    files = around(one)
    for file, text in files.items():
        if (output / file).exists() and (output / file).read_text(errors="replace") != text:
            raise UsageError(
                f"{output / file} is yours, and would be replaced; name another folder"
            )
    for file, text in files.items():
        write_file(output / file, text.encode())
    compiles, runs = by_hand(one, output, source)
    facts = {"written": sorted(files), "compile": compiles, "run": runs}
    show(facts if as_json else f"{compiles} &&\n{runs}")
