"""Every option's name, type and help, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lowtide.cli import completion
from lowtide.cli.parse import known_chips, parse_share
from lowtide.kernels.cpus import CPUS
from lowtide.packages import ECOSYSTEMS

PLANNING, ENDS = "How it is planned", "Inputs and outputs"
PICTURES, PROGRAM = "Pictures", "The program"
"""Panels of --help for what most do not need; the rest is on the first screen."""

Json = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on stdout, also of an error."),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No progress on stderr; warnings and errors remain. (In a log it is a line after "
        "10 s, 30 s, 70 s, then each minute; with LOWTIDE_PROGRESS=1 a line for each stage.)",
    ),
]
Schedule = Annotated[
    Literal["layerwise", "stream"],
    typer.Option(
        help="Operators one after the other, or row by row in turns where that needs less.",
        rich_help_panel=PLANNING,
    ),
]
Order = Annotated[
    Literal["given", "least"],
    typer.Option(
        help="Operators in the file's order, or the one that needs least memory.",
        rich_help_panel=PLANNING,
    ),
]
Overlap = Annotated[
    Literal["none", "row", "group", "pixel"],
    typer.Option(
        help="What may take over bytes once they are read for the last time: whole tensors "
        "(none), rows, what a kernel makes at a time (group), or pixels.",
        rich_help_panel=PLANNING,
    ),
]
Place = Annotated[
    Literal["greedy", "exact"],
    typer.Option(
        help="How addresses in the arena are found: exact searches longer for the least.",
        rich_help_panel=PLANNING,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="What the program is called: face gives face.c, face_run(), FACE_ARENA_BYTES, so that "
        "several networks link into one program. net unless given. With --together one for each: "
        "face,wake.",
        rich_help_panel=PROGRAM,
    ),
]
Align = Annotated[
    int,
    typer.Option(
        help="Tensors begin at multiples of this many bytes from the arena's start; the arena "
        "itself at the largest power of two in that, 64 at least.",
        rich_help_panel=PLANNING,
    ),
]
Cpu = Annotated[
    str | None,
    typer.Option(
        help=f"The processor that the C is for: {', '.join(one.name for one in CPUS[:-1])}, or "
        f"{CPUS[-1].name}: plain C99 alone. Without it the C finds out when it is compiled.",
        autocompletion=completion.cpus,
        rich_help_panel=PROGRAM,
    ),
]
Package = Annotated[
    str | None,
    typer.Option(
        help=f"Also what a build takes: {', '.join(one.name for one in ECOSYSTEMS)}; with an "
        "example, and a self-test that prints PASS (docs/packages.md).",
        autocompletion=completion.packages,
        rich_help_panel=PROGRAM,
    ),
]
Cc = Annotated[
    str | None,
    typer.Option(
        "--cc",
        help="The C compiler of the board, with flags: code, stack and flash are measured with it. "
        "Without it that of --cpu, or else this machine's. GCC or Clang.",
        rich_help_panel=PROGRAM,
    ),
]
Chip = Annotated[
    str | None,
    typer.Option(
        help="The chip to fit: stm32l4r5, nrf52840, ..; 'lowtide chips' lists them. It gives --cpu "
        "and --budget unless they are given, and its flash is to hold weights and code.",
        autocompletion=completion.chips,
        callback=known_chips,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        help="A file of these options, as each folder has one in lowtide.toml: it is made again. "
        "What is given by hand wins.",
    ),
]
Chips = Annotated[
    list[str] | None,
    typer.Option(
        "--chip",
        help="A column for this chip: whether the network fits it; may be repeated. 'lowtide "
        "chips' lists them.",
        autocompletion=completion.chips,
        callback=known_chips,
    ),
]
ElementBytes = Annotated[
    int | None,
    typer.Option(
        help="Plan as if elements had this size (1: int8); fit needs --target none.",
        rich_help_panel=PLANNING,
    ),
]
FusePools = Annotated[
    bool | None,
    typer.Option(
        "--fuse-pools/--no-fuse-pools",
        help="Compute an operator inside the pool that alone reads it, where that costs no extra "
        "work: its output is never whole in memory. Off with --overlap none.",
        rich_help_panel=PLANNING,
    ),
]
Tile = Annotated[
    str | None,
    typer.Option(
        help="Pixels x channels an accelerator writes at a time: 1x16. Plans only.",
        rich_help_panel=PLANNING,
    ),
]
KeepInput = Annotated[
    bool,
    typer.Option(
        "--keep-input", help="Leave the inputs in the arena as they were.", rich_help_panel=ENDS
    ),
]
State = Annotated[
    list[str] | None,
    typer.Option(
        help="An output that becomes an input of the next call, h_out:h_in: it stays in the arena, "
        "and net_reset() begins anew; may be repeated. With --together wake:h_out:h.",
        rich_help_panel=ENDS,
    ),
]
Image = Annotated[
    Literal["resident", "streamed", "endless"],
    typer.Option(
        help="resident: the inputs lie in the arena whole. streamed: they are handed in row by row "
        "(a camera). endless: rows come for ever, a few new ones with each call (a microphone)."
    ),
]
Push = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With --image endless: new rows a call, as a multiple of the least that there can be.",
        rich_help_panel=ENDS,
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With --image endless: operators over all of time run on so many of the last rows of "
        "the input.",
        rich_help_panel=ENDS,
    ),
]
TimeAxis = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="With --image endless: the axis, in the file, along which rows come; the outermost in "
        "memory after the batch unless given.",
        rich_help_panel=ENDS,
    ),
]
Result = Annotated[
    Literal["resident", "streamed"],
    typer.Option(
        help="resident: the outputs stay in the arena. streamed: they are taken row by row.",
        rich_help_panel=ENDS,
    ),
]
MaxOverhead = Annotated[
    float | None,
    typer.Option(
        parser=parse_share,
        metavar="SHARE",
        help="Multiply-adds that may be done twice to save memory: 5% (or 0.05); with "
        "--budget only as many as it takes to fit. c99: operators in parts, also where that costs "
        "nothing; a streamed image may be read several times; 0 unless given. onnx: halos of "
        "tiles; 0.04 unless given.",
        rich_help_panel=PLANNING,
    ),
]
Objective = Annotated[
    Literal["memory", "balanced", "latency"],
    typer.Option(
        help="Rows of an operator that are made in one step, so that weights are read less often. "
        "memory: as many as the least arena has room for. latency: as many as it takes for weights "
        "to cost little, in more memory. balanced: half-way. With --budget the fastest that fits.",
        rich_help_panel=PLANNING,
    ),
]
Shapes = Annotated[
    list[str] | None,
    typer.Option(
        "--shape",
        help="An input's shape, where the file leaves it open: x=1x3x224x224.",
        rich_help_panel=ENDS,
    ),
]
MaxElements = Annotated[
    int,
    typer.Option(
        min=1,
        help="Refuse networks with more numbers than this, weights included, before they take "
        "this machine's memory.",
        rich_help_panel=PLANNING,
    ),
]
IoLayout = Annotated[
    Literal["nhwc", "nchw"],
    typer.Option(help="Memory order of images handed in and out.", rich_help_panel=ENDS),
]
IoType = Annotated[
    Literal["file", "8bit"] | None,
    typer.Option(
        help="Types of inputs and outputs: those of the file, or, of a quantised network that has "
        "floats there, the 8-bit numbers that it makes of them. net.h says what they stand for. "
        "file unless given; with --int8 8bit.",
        rich_help_panel=ENDS,
    ),
]

Flash = Annotated[str, typer.Option(help="Bytes for all weights, scales and biases: 256KiB.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="ONNX file to write.")]
Test = Annotated[
    list[Path] | None,
    typer.Option(help="Pictures to measure accuracy on, before and after; see --calibrate."),
]
Uncalibrated = Annotated[
    bool,
    typer.Option(
        "--uncalibrated",
        help="Store weights small without --calibrate, which costs accuracy.",
        rich_help_panel=PICTURES,
    ),
]
Classes = Annotated[
    Path | None,
    typer.Option(
        "--classes",
        "--labels",
        help="Class numbers, a line each or .npy, of --test, or else of the pictures. (--labels is "
        "an older name of it; the --labels of fit is a list of names.)",
    ),
]
Mean = Annotated[
    str, typer.Option(help="Subtracted from pixels (0..255): one value or one a channel.")
]
Std = Annotated[str, typer.Option(help="Pixels are divided by this after --mean.")]
MeanOrNot = Annotated[
    str | None,
    typer.Option(
        help="Subtracted from pixels (0..255), 0 unless given: one value or one a channel. Inputs "
        "of 8 bits have pixels over their whole range unless this or --std is given.",
        rich_help_panel=PICTURES,
    ),
]
StdOrNot = Annotated[
    str | None,
    typer.Option(
        help="Pixels are divided by this after --mean, by 1 unless given.", rich_help_panel=PICTURES
    ),
]
Bgr = Annotated[bool, typer.Option("--bgr", help="Pictures in BGR order.")]
Weights = Annotated[
    Literal["both", "plain", "generated"],
    typer.Option(
        help="What the weights of a layer may become: numbers of few bits (plain), products of "
        "small factors (generated), or whichever is better.",
        rich_help_panel=PICTURES,
    ),
]
Form = Annotated[
    Literal["cheaper", "factored", "materialised"],
    typer.Option(
        help="Run factors as a chain of small layers (factored), make the weights of them as they "
        "are needed (materialised), or whichever is cheaper."
    ),
]
