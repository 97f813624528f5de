"""Random layers of 8-bit numbers as they ship, through the kernels of every family: SSE2, AVX2,
VNNI, plain C, NEON, sdot, the DSP extension, Helium, RISC-V; equal to numpy in every byte.

A batch is compiled for each family in one compiler and level, in the next batch in others. In CI
there is one small batch; the rest is slow, and that is tried with AddressSanitizer and UBSan too:
arenas and tables of weights have their exact size (test_eight_kernels.py has rows of theirs).
"""

from __future__ import annotations

import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from eight_layers import EightLayers, eight_layers
from lowtide.ir.dtype import I32
from lowtide.kernels.calls import EightCall
from lowtide.kernels.choose import KERNELS
from lowtide.timing.board_build import compiler_for
from lowtide.timing.boards import CLANG, board
from shipped import Way, run_here, run_there, write, wrong
from tools import EVERY_BOARD, need, need_board

SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

HERE = {
    "SSE2": ("", ()),
    "plain": ("", ("-U__SSE2__",)),
    "AVX2": ("avx2", ("-march=haswell",)),
    "AVX-VNNI": ("avx_vnni", ("-march=haswell", "-mavxvnni")),
    "AVX-512 VNNI": ("avx512_vnni", ("-march=icelake-server",)),
}
"""What this machine may be compiled for: a flag of /proc/cpuinfo, and the compiler's."""

FAMILY = {
    "AVX2": "dot", "AVX-VNNI": "dot", "AVX-512 VNNI": "dot", "aarch64": "dot", "aarch64-dot": "dot",
    "m55": "helium",
}  # fmt: skip
"""Which family's order of weights a machine has, if not the portable one."""

HOW = [(compiler, level) for level in ("-O3", "-O2", "-Os") for compiler in ("gcc", "clang")]
SHORT, LONG, BATCHES = 20, 6, 25
"""Layers of the one program in CI, and programs of each of the other batches."""

NUMBERS = [
    pytest.param(number, marks=[pytest.mark.slow] if number else []) for number in range(BATCHES)
]


@cache
def batch(number: int) -> tuple[EightLayers, ...]:
    if number == 0:
        return (eight_layers(0, SHORT),)
    return tuple(eight_layers(LONG * number + k) for k in range(LONG))


def how(number: int, machine: int) -> tuple[str, str]:
    """The compiler and the level of a batch for a machine; by turns."""
    return HOW[(number + machine) % len(HOW)]


@pytest.mark.parametrize("machine", HERE)
@pytest.mark.parametrize("number", NUMBERS)
def test_layers_on_this_machine(number: int, machine: str, tmp_path: Path) -> None:
    lacks, flags = HERE[machine]
    compiler, level = how(number, list(HERE).index(machine))
    ways = [Way(compiler, (level, *flags), lacks), Way("gcc", (*SANITIZE, *flags), lacks)]
    need(next((way.absent for way in ways), ""))
    if ways[0].lacking:
        pytest.skip(ways[0].lacking)
    sources = write(batch(number), tmp_path)
    for way in ways if number else ways[:1]:
        assert list(wrong(batch(number), run_here(way, sources, tmp_path))) == [], way.name


@pytest.mark.parametrize("name", EVERY_BOARD)
@pytest.mark.parametrize("number", NUMBERS)
def test_layers_on_a_board(number: int, name: str, tmp_path: Path) -> None:
    need_board(name)
    compiler, level = how(number, EVERY_BOARD.index(name))
    need(f"there is no {CLANG.absent}" if compiler == "clang" and CLANG.absent else "")
    sources = write(batch(number), tmp_path)
    wrote = run_there(name, sources, tmp_path, compiler, level)
    assert list(wrong(batch(number), wrote)) == [], (compiler, level)


@pytest.mark.parametrize("machine", [*HERE, *EVERY_BOARD])
def test_a_machine_compiles_the_kernels_of_its_family(machine: str, tmp_path: Path) -> None:
    if machine in HERE:
        command = ["gcc", *HERE[machine][1]]
        need(Way("gcc", ()).absent)
    else:
        need_board(machine)
        command = compiler_for(board(machine), "gcc")
    (source, *_) = write(batch(0), tmp_path)
    done = subprocess.run(
        [*command, "-dM", "-E", source], cwd=tmp_path, capture_output=True, check=True
    )
    defined = {line.split()[1] for line in done.stdout.decode().splitlines()}
    families = {word for word in defined if word.startswith("FAMILY_")}
    wanted = FAMILY.get(machine)
    assert families == ({f"FAMILY_{wanted.upper()}"} if wanted else set())


def reached(layers: EightLayers) -> Counter[str]:
    """What makes the operators of a program: kernels, and how their sums end, or loops."""
    found = Counter[str]()
    for task, use in zip(layers.plan.tasks, layers.plan.uses, strict=True):
        if not task.port:
            kind = f" {use.call.ending.kind}" if use and isinstance(use.call, EightCall) else ""
            found[f"{use.kernel.name}{kind}" if use else "loops"] += 1
    return found


def kernels() -> set[str]:
    """Those of whole numbers."""
    return {kernel.name for kernel in KERNELS if kernel.types.sum == I32}


def reachable() -> set[str]:
    """All that `reached` may name."""
    kinds, summed = ("TWICE", "ONCE", "SCALED"), kernels() - {"add_eight"}
    ends = {f"{name} {kind}" for name in summed for kind in kinds}
    return {*ends, "add_eight", "loops"} - {"conv_eight_sums SCALED"}


@pytest.mark.parametrize("batches", [1, pytest.param(BATCHES, marks=pytest.mark.slow)])
def test_every_kernel_is_reached(batches: int) -> None:
    """On every machine, since each batch runs on all of them."""
    every = [layers for number in range(batches) for layers in batch(number)]
    found = sum((reached(layers) for layers in every), Counter[str]())
    print(*(f"{found[name]:5} {name}" for name in sorted(reachable())), sep="\n")
    assert found.keys() <= reachable()
    missing = (
        reachable() - found.keys()
        if batches > 1
        else kernels() - {name.partition(" ")[0] for name in found}
    )
    assert missing == set()
