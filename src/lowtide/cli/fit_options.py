"""The options that only `fit` has, or that it words in its own way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lowtide.cli.options import PICTURES, PLANNING, PROGRAM

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Folder to write, ./MODEL-lowtide unless given. Your own files in it stay.",
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        help="The RAM there is, for arena, stack and state: 256KiB, 1MiB, 65536. The stack is "
        "that of the code of --cc, --cpu or this machine; without their compiler, or with "
        "--target none, the arena counts."
    ),
]
Target = Annotated[
    Literal["c99", "onnx", "tflite", "fifo", "none"],
    typer.Option(
        help="What to write. c99: a C program. onnx: the network, from an ONNX file, cut into "
        "tiles. tflite: the same .tflite file with a plan for TensorFlow Lite Micro. fifo: depths "
        "of the FIFOs of a streamed accelerator. none: plan only.",
        rich_help_panel=PROGRAM,
    ),
]
Tiles = Annotated[
    int | None,
    typer.Option(
        help="With --target onnx: into how many tiles layers are cut at most; 16 unless given.",
        rich_help_panel=PROGRAM,
    ),
]
Sample = Annotated[
    list[Path] | None,
    typer.Option(
        help="A picture, .npy or .npz to compare on; may be repeated. A picture of another "
        "size is stretched (Pillow's BILINEAR), never cropped."
    ),
]
Bgr = Annotated[
    bool, typer.Option("--bgr", help="Pictures in BGR order.", rich_help_panel=PICTURES)
]
Labels = Annotated[
    Path | None,
    typer.Option(help="Names of the classes, a line each, for samples.", rich_help_panel=PICTURES),
]
Int8 = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="Make a float32 ONNX network one of 8 bits first, which approximates it: that "
        "wants --calibrate, or --uncalibrated.",
    ),
]
Flash = Annotated[
    str | None,
    typer.Option(
        help="The flash there is for weights and code: 512KiB. Of an ONNX file, weights that do "
        "not fit are stored in few bits, which approximates them: that wants --calibrate, or "
        "--uncalibrated. Without it nothing is approximated."
    ),
]
Calibrate = Annotated[
    list[Path] | None,
    typer.Option(
        help="With --int8 or --flash: pictures the network knows, some hundred: files, "
        "folders, .npy or .npz [N,C,H,W]; may be repeated. They are stretched as a --sample is."
    ),
]
Test = Annotated[
    list[Path] | None,
    typer.Option(
        help="With --int8 or --flash: pictures to measure accuracy on, before and after.",
        rich_help_panel=PICTURES,
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Class numbers of --test, or else of --calibrate: a line each or .npy.",
        rich_help_panel=PICTURES,
    ),
]
Together = Annotated[
    bool,
    typer.Option(
        "--together",
        help="Plan several networks, which take turns, into one arena and one folder.",
        rich_help_panel=PROGRAM,
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        help="With --together: an input or output that survives the turns of the others: "
        "face:image; may be repeated. face:features=wake:image: the same bytes, so that wake "
        "reads what face makes.",
        rich_help_panel=PROGRAM,
    ),
]
Endless = Annotated[
    list[str] | None,
    typer.Option(
        help="With --together: a network whose rows come for ever, as with --image endless: "
        "wake, or wake:49 with a --window of 49 rows; may be repeated.",
        rich_help_panel=PROGRAM,
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report/--no-report",
        help="Write report.html, the memory map to look into.",
        rich_help_panel=PROGRAM,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", help="Also print the time of each stage.", rich_help_panel=PLANNING),
]
