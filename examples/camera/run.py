"""From a camera's lines to boxes, or a label, on emulated boards: build, run, count and draw.

    python examples/camera                                        the shipped network, on an M4
    python examples/camera face.onnx --pictures DIR --board m4 --board m55 --format yuv

The program is fitted with its image streamed, and compiled with camera.c, pixels.c, faces.c and
main.c for this PC and for each board, whose linker is given --ram bytes. What it finds must be the
same everywhere. MODEL may also be a folder that an earlier run fitted (out/camera/fitted).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import drawing
import sensor
import table
from firmware import Found, OnBoard, Program, found_in, on_board, on_this_pc
from settings import Seeing, settings, size_of

import lowtide
from lowtide.check.verify import read_folder
from lowtide.cli.parse import numbers_or_none
from lowtide.data.open_picture import PICTURES
from lowtide.data.samples import read_labels
from lowtide.errors import CheckError, LowtideError, UsageError
from lowtide.planner.memory_map import MemoryMap
from lowtide.planner.options import Options
from lowtide.sizes import parse_bytes
from lowtide.timing.boards import BOARDS, Board, apt_line

EXAMPLES = Path(__file__).parents[1]
SHIPPED = EXAMPLES / "resnet8_cifar10_int8.onnx"
SHIPPED_MEAN, SHIPPED_STD = "125.307,122.961,113.8575", "62.985,62.0925,66.708"
BARE = tuple(board.name for board in BOARDS if board.memory is not None)

EXIT_CODES = (
    "exit codes: 0 done, 2 usage, 4 network or picture unreadable or unsupported, 5 a check failed"
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python examples/camera", description=__doc__, epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = made.add_argument
    add("model", nargs="?", type=Path, metavar="MODEL", help="an 8-bit network, or a fitted folder")
    add("--board", action="append", choices=BARE, help="m4 unless given; may be repeated")
    add("--pictures", type=Path, help="a folder or a picture; the shipped ones unless given")
    add("--format", choices=sensor.LINE_BYTES, default="bayer", help="what the sensor sends")
    add("--labels", type=Path, help="names of the classes, a line each")
    add("--mean", help="as of lowtide fit; whole range unless given")
    add("--std", help="as of lowtide fit")
    add("--ram", default="96KiB", help="RAM of the board, for everything (96KiB)")
    add("--timeout", type=float, default=600, help="seconds a board may take (600)")
    add("-o", "--output", type=Path, default=Path("out/camera"), help="folder (out/camera)")
    return made


@dataclass(frozen=True)
class Shown:
    """What was found in each picture, by this PC and all boards, and what boards took for it."""

    network: MemoryMap
    pictures: Mapping[Path, sensor.Pixels]
    found: Sequence[Found]
    runs: Sequence[OnBoard]

    def __str__(self) -> str:
        lines = [table.found_text([path.name for path in self.pictures], self.found)]
        if self.runs:
            lines += ["", table.boards_text(self.runs, self.network.arena_bytes, len(self.found))]
            lines += ["", "  bytes by the link map; each board found what this PC finds"]
        return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Runs the example; returns the exit code."""
    asked = parser().parse_args(words)
    try:
        shown = show(asked)
    except LowtideError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return error.exit_code
    for k, ((path, seen), found) in enumerate(
        zip(shown.pictures.items(), shown.found, strict=True)
    ):
        drawing.draw(seen, found, asked.output / f"{k}-{path.stem}.png")
    print(f"{shown}\n  drawn in {asked.output}")
    return 0


def show(asked: argparse.Namespace) -> Shown:
    """Fits, builds and runs; raises LowtideError."""
    seeing, ram = _seeing(asked), parse_bytes(asked.ram, "--ram")
    paths = pictures_in(asked.pictures or EXAMPLES / "pictures")
    fitted = fit(asked.model or SHIPPED, asked.output / "fitted")
    network = read_folder(fitted).memory
    size, header = size_of(network), settings(network, seeing)
    pictures = {path: sensor.picture(path, size.width, size.height) for path in paths}
    frames = b"".join(sensor.frame(seen, asked.format) for seen in pictures.values())
    program = Program(fitted, header, frames)
    _say("this PC's build")
    said = on_this_pc(program, asked.output / "host")
    runs = []
    for board in [one for one in BOARDS if one.name in (asked.board or ["m4"])]:
        if _missing(board):
            continue
        _say(f"{board.name}: {len(paths)} frames on {board.machine}")
        made = on_board(program, asked.output / board.name, board, ram, asked.timeout)
        if made.said != said:
            raise CheckError(f"{board.name} found something else than this PC: {made.said[:200]}")
        runs.append(made)
    return Shown(network, pictures, found_in(said), runs)


def _seeing(asked: argparse.Namespace) -> Seeing:
    shipped = asked.model is None
    labels = asked.labels or (EXAMPLES / "cifar10_labels.txt" if shipped else None)
    return Seeing(
        asked.format,
        numbers_or_none(asked.mean or (SHIPPED_MEAN if shipped else None)),
        numbers_or_none(asked.std or (SHIPPED_STD if shipped else None)),
        tuple(read_labels(labels)) if labels else (),
    )


def fit(model: Path, to: Path) -> Path:
    """The folder of a program whose image is handed in row by row, as numbers of 8 bits."""
    if model.is_dir():
        return model
    options = Options(image="streamed", io_type="8bit")
    lowtide.fit(model, options=options, progress=_say).emit("c99", to)
    return to


def pictures_in(given: Path) -> list[Path]:
    """A picture, or those of a folder in the order of their names."""
    inside = given.glob("*") if given.is_dir() else [given]
    found = sorted(path for path in inside if path.suffix.lower() in PICTURES)
    if not found:
        raise UsageError(f"{given} holds no pictures ({', '.join(PICTURES)})")
    return found


def _missing(board: Board) -> bool:
    """Whether tools are; says so."""
    if board.missing:
        absent = " and no ".join(tool.absent for tool in board.missing)
        _say(f"{board.name} skipped: there is no {absent}; {apt_line(board.missing)}")
    return bool(board.missing)


def _say(what: str) -> None:
    print(f"camera: {what}", file=sys.stderr, flush=True)
