"""`lowtide explore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lowtide.cli.model import Input, network_given, refuse_factories
from lowtide.cli.options import Align, Cc, Chips, Cpu, Json, MaxElements, Quiet, Shapes
from lowtide.cli.output import show
from lowtide.cli.parse import parse_share
from lowtide.cli.progress import StageLine
from lowtide.room import MAX_ELEMENTS


def explore(
    model: Annotated[
        list[Path],
        typer.Argument(
            help="The network: an ONNX or a .tflite file, or nets.py:small of a PyTorch module; "
            "several files are explored together.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Folder for front.html, front.svg and points.jsonl; goes on with the last. Of "
            "several networks it has a folder for each, and a page of all.",
        ),
    ] = None,
    image: Annotated[
        Literal["resident", "streamed"],
        typer.Option(
            help="streamed: also try plans that take the inputs row by row, as a camera gives them."
        ),
    ] = "resident",
    element_bytes: Annotated[
        int | None, typer.Option(help="Plan as if elements had this size (1: int8).")
    ] = None,
    max_overhead: Annotated[
        float,
        typer.Option(
            parser=parse_share, metavar="SHARE", help="Extra multiply-adds to try at most: 5%."
        ),
    ] = 0.5,
    align: Align = 16,
    cpu: Cpu = None,
    cc: Cc = None,
    chip: Chips = None,
    code: Annotated[
        bool, typer.Option("--code", help="Compile each program: its code, stack and state.")
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="The scheduler of a Dask cluster, tcp://HOST:8786, whose workers make the plans; "
            "else this process does. Needs the extra cluster."
        ),
    ] = None,
    shape: Shapes = None,
    input_: Input = None,
    max_elements: MaxElements = MAX_ELEMENTS,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan in many ways, and list the plans that no other beats in memory, work and code."""
    from lowtide.explorer.ask import explore as run

    if len(model) > 1:
        refuse_factories(model, "explore the module by itself, or give its exported.onnx")
    network = network_given(model[0], input_, shape, quiet)
    one = len(model) == 1
    with StageLine(model[0] if one else None, quiet) as progress:
        found = run(
            network.model if one else model, output=output, image=image,
            element_bytes=element_bytes, max_overhead=max_overhead, align=align, cpu=cpu, cc=cc,
            chip=chip, code=code, shape=network.shapes(shape), max_elements=max_elements,
            cluster=cluster, progress=progress,
        )  # fmt: skip
    show(found.facts() if as_json else str(found))
