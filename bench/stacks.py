"""The stack that is said beside the stack that boards measure: docs/budgets.md.

    python -m bench.stacks [--only NAME] [--board m4] [--shared ../shared]

Each network is planned once for each processor, and compiled at -O2, -O3 and -Os with GCC and,
where it is here, Clang. Said: the deepest path of calls. Measured: how far a run writes over paint.
A row is written as it comes. Rows of the commit that is checked out are not measured again; those
of another one make way, unless --only or --board asks for a part: that is printed alone.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.tables import held, markdown, put
from lowtide.backends import emit
from lowtide.check.child import run_child
from lowtide.check.code_size import footprint
from lowtide.check.meter import find_meter
from lowtide.clock import Clock, quiet
from lowtide.errors import LowtideError
from lowtide.pipeline.read import read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from lowtide.room import MAX_ELEMENTS
from lowtide.timing.board_build import COMPILERS, build_for_board, compiler_for
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import CLANG, Board, board

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/budgets.md"
EXAMPLES = ROOT / "examples"
BOARDS = ("m0plus", "m3", "m4", "m7", "m33", "m55")
SHIPPED: Mapping[str, tuple[Path, Options]] = {
    "ResNet-8": (EXAMPLES / "resnet8_cifar10.onnx", Options()),
    "ResNet-8, 8 bits": (EXAMPLES / "resnet8_cifar10_int8.tflite", Options()),
    "ResNet-8, 8 bits, streamed": (
        EXAMPLES / "resnet8_cifar10_int8.tflite", Options(image="streamed", result="streamed"),
    ),
    "ResNet-8, packed": (EXAMPLES / "resnet8_cifar10_small.onnx", Options()),
}  # fmt: skip
LEVELS = ("-O2", "-O3", "-Os")
LARGEST = 512 << 10
"""Bytes of a file of ../shared: half of the flash that boards usually have."""


_NO_MARKS = "-DNET_AT(operator)="
"""As users build: marks between operators keep values in registers that would not be there."""


@dataclass(frozen=True)
class Found:
    """What is said of a program compiled in a way, and what a board measured."""

    compiler: str
    level: str
    said: int
    measured: int


def stacks(
    plan: Plan, where: Board, compilers: Sequence[str] = COMPILERS, levels: Sequence[str] = LEVELS
) -> Iterator[Found]:
    """A plan's program by each compiler that is here, at each level, on a board."""
    files, memory = emit(plan), memory_map(plan)
    for compiler in compilers:
        for level in levels if compiler == "gcc" or CLANG.found else ():
            flags = [level, "-ffp-contract=fast"]
            cc = shlex.join([*compiler_for(where, compiler), *flags])
            meter = find_meter(replace(plan.options, cpu=where.cpu.name, cc=cc))
            said = footprint(files, meter, plan.arena_bytes, 0, memory.called)
            if said.stack_bytes is None:
                raise RuntimeError(said.unknown)
            found = measure(files, memory, where, compiler, flags)
            yield Found(compiler, level, said.stack_bytes, found)


def measure(
    files: Mapping[str, bytes], memory: MemoryMap, where: Board, compiler: str, flags: list[str]
) -> int:
    """Bytes that a run on an image of zeros writes below where the program is called."""
    with TemporaryDirectory(prefix="lowtide-") as name:
        there = Path(name)
        made = build_for_board(files, memory, where, there, 1, compiler, [*flags, _NO_MARKS])
        (there / "inputs").write_bytes(bytes(sum(port.bytes for port in memory.inputs)))
        status, said = run_on_board(where, made.elf, 600)
        found = [line.split()[1] for line in said.splitlines() if line.startswith("stack ")]
        if status or not found:
            raise RuntimeError(f"{where.name} stopped with status {status}: {said[-300:]}")
        return int(found[0])


def planned(model: Path, options: Options, where: Board) -> Plan:
    """The plan of a network for a board's processor."""
    source, graph = read(model, Clock(quiet), None, MAX_ELEMENTS)
    return plan_filters(source, graph, replace(options, cpu=where.cpu.name), Clock(quiet), None)


def networks(shared: Path) -> dict[str, tuple[Path, Options]]:
    """Those that are shipped, and the small ones of 8 bits of ../shared."""
    more = sorted((shared / "models/tflite").glob("*.tflite"))
    return {**SHIPPED, **{o.stem: (o, Options()) for o in more if o.stat().st_size < LARGEST}}


def boards_of(name: str) -> tuple[str, ...]:
    """Those that the page has of a network: all of one that is shipped."""
    return BOARDS if name in SHIPPED else ("m4", "m55")


def measured(name: str, model: Path, options: Options, on: str) -> Iterator[list[str]]:
    """A row for each compiler."""
    found = list(stacks(planned(model, options, board(on)), board(on)))
    for compiler in dict.fromkeys(one.compiler for one in found):
        own = [one for one in found if one.compiler == compiler]
        cells = [f"{one.said:,} / {one.measured:,}" for one in own]
        ratio = max(one.said / one.measured for one in own)
        row = [name, on, compiler, *cells, f"{ratio:.2f}"]
        print(*row, sep="  ", file=sys.stderr, flush=True)
        yield row
        if any(one.said < one.measured for one in own):
            raise SystemExit(f"{name} on {on}: more is measured than said: {own}")


def main() -> None:
    """Prints rows as they are measured, and writes them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--board", choices=BOARDS)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    asked = parser.parse_args()
    there = networks(asked.shared)
    head = run_child(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).stdout.decode()
    said = f"Rows of commit {head.strip()}:\n\n"
    same = said in PAGE.read_text()
    rows = held(PAGE, "stacks") if same else []
    done = {(row[0], row[1]) for row in rows}
    for name in [asked.only] if asked.only else there:
        for on in [asked.board] if asked.board else boards_of(name):
            if (name, on) in done:
                continue
            try:
                rows += measured(name, *there[name], on)
            except LowtideError as refused:
                print(f"{name} on {on}: {refused}", file=sys.stderr)
                continue
            if same or not (asked.only or asked.board):
                rows.sort(key=lambda row: list(there).index(row[0]))
                table = markdown(["network", "board", "compiler", *LEVELS, "most"], rows)
                put(PAGE, "stacks", said + table)


if __name__ == "__main__":
    main()
