"""The stack that is said beside the stack that boards measure: docs/budgets.md.

    python -m bench.stacks [--only NAME] [--board m4] [--shared ../shared]

Each network is planned once for each processor, and compiled at -O2, -O3 and -Os with GCC and,
where it is here, Clang. Said: the deepest path of calls. Measured: how far a run writes over paint.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.tables import markdown, put
from lowtide.backends import emit
from lowtide.check.code_size import footprint
from lowtide.check.meter import find_meter
from lowtide.clock import Clock, quiet
from lowtide.pipeline.read import read
from lowtide.planner.filter_blocks import plan_filters
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.plan import Options, Plan
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
LARGEST = 2 << 20
"""Bytes of a file of ../shared that a board has room for."""


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
        made = build_for_board(files, memory, where, there, 1, compiler, flags)
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
    """Those that are shipped, and the smaller ones of ../shared."""
    more = [
        one for kind in ("tflite", "onnx", "qdq") for one in (shared / "models" / kind).glob("*")
    ]
    small = [one for one in sorted(more) if one.suffix in (".onnx", ".tflite")]
    held = {one.stem: (one, Options()) for one in small if one.stat().st_size < LARGEST}
    return {**SHIPPED, **held}


def main() -> None:
    """Prints rows as they are measured, and writes the page where all were."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only")
    parser.add_argument("--board", choices=BOARDS)
    parser.add_argument("--shared", type=Path, help="its networks too; the page stays as it is")
    asked = parser.parse_args()
    there = networks(asked.shared) if asked.shared else dict(SHIPPED)
    rows = []
    for name in [asked.only] if asked.only else there:
        for on in [asked.board] if asked.board else BOARDS:
            found = list(stacks(planned(*there[name], board(on)), board(on)))
            for compiler in dict.fromkeys(one.compiler for one in found):
                own = [one for one in found if one.compiler == compiler]
                cells = [f"{one.said:,} / {one.measured:,}" for one in own]
                ratio = max(one.said / one.measured for one in own)
                rows.append([name, on, compiler, *cells, f"{ratio:.2f}"])
                print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
                if any(one.said < one.measured for one in own):
                    raise SystemExit(f"{name} on {on}: more is measured than said")
    if not asked.only and not asked.board and not asked.shared:
        put(PAGE, "stacks", markdown(["network", "board", "compiler", *LEVELS, "most"], rows))


if __name__ == "__main__":
    main()
