"""The kernel of sums of two 8-bit numbers, alone, equal to numpy, also where rows lie over each
other. With AddressSanitizer on this machine; on boards, both halves.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.ir import whole
from lowtide.ir.graph import Array
from lowtide.kernels.add_eight import ADDS
from lowtide.kernels.calls import Scaled
from lowtide.kernels.choose import sources
from lowtide.timing.board_build import link
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import board
from tools import need_board

HARNESS = Path(__file__).with_name("eight_add_harness.c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
HELIUM = "#if defined __ARM_FEATURE_MVE\n#define FAMILY_HELIUM\n#endif\n"
LIMITS = "enum { PIXEL8 = 40 };\n"


@dataclass(frozen=True)
class Case:
    """Two rows and their sum in an arena; the last pixel is made first if `back`."""

    columns: int
    channels: int
    back: bool
    at: tuple[int, int, int]
    arena: Array
    terms: tuple[Scaled, Scaled]
    sum: Scaled
    bounds: tuple[int, int]

    def packed(self) -> bytes:
        n, c = self.columns, self.channels
        shape = [2, 1, 1, 0, 0, n, c, c, 0, 0, n, c, c, 0, 0, 0, 0, 0, 0, self.back, 1, 1, 0]
        numbers = [v for s in (*self.terms, self.sum) for v in (s.zero, s.m, s.shift)]
        head = [len(self.arena), *self.at, *shape, *numbers, *self.bounds]
        return np.array(head, "<i4").tobytes() + self.arena.tobytes()

    def expected(self) -> Array:
        """The arena afterwards."""
        size, arena, value = self.columns * self.channels, self.arena.copy(), np.int64(0)
        for at, one in zip(self.at, self.terms, strict=False):
            raised = (self.arena[at : at + size].astype(np.int64) - one.zero) << 20
            value = value + whole.rescale(raised, one.m, -one.shift)
        made = whole.rescale(value, self.sum.m, -self.sum.shift) + self.sum.zero
        arena[self.at[2] : self.at[2] + size] = np.clip(made, *self.bounds)
        return arena


def draw(dice: random.Random) -> Case:
    """The sum lies over what was read before it is made, or is being read, or apart."""
    columns, channels, back = dice.randint(1, 9), dice.randint(1, 40), dice.random() < 0.5
    size = columns * channels
    first = dice.choice([size, size + dice.randint(0, size)])
    over = dice.choice([0, 0, dice.randint(0, size), size])
    y = first + over if back else first - over
    second = dice.choice([y, max(first, y) + size])
    arena = np.random.default_rng(dice.randrange(1 << 30)).integers(-128, 128, 5 * size, np.int8)
    factors = [Scaled(dice.randint(-128, 127), dice.randrange(1 << 30, 1 << 31), 0) for _ in "abc"]
    shifts = dice.choice([0, 2, 5]), dice.choice([0, 1]), dice.choice([14, 17, 19])
    a, b, c = (Scaled(s.zero, s.m, n) for s, n in zip(factors, shifts, strict=True))
    half = Scaled(a.zero, 1 << 30, 0)  # TFLite's factor of the larger scale
    a, b = dice.choice([(half, b), (a, half), (a, b)])
    low, high = dice.choice([(-128, 127), (-128, 127), (-100, 50)])
    return Case(columns, channels, back, (first, second, y), arena, (a, b), c, (low, high))


def cases() -> list[Case]:
    dice = random.Random(5)
    return [draw(dice) for _ in range(300)]


def compare(found: list[Case], made: bytes) -> None:
    for k, case in enumerate(found):
        wanted = case.expected()
        arena, made = np.frombuffer(made[: wanted.size], np.int8), made[wanted.size :]
        np.testing.assert_array_equal(arena, wanted, err_msg=f"case {k}: {case}")
    assert not made


def test_sums_on_this_machine(tmp_path: Path) -> None:
    compiler = find_compiler() or pytest.skip("no C compiler")
    (tmp_path / "kernels.c").write_text(HELIUM + LIMITS + "".join(sources(ADDS)))
    command = [*compiler, "-std=c11", *WARNINGS, *SANITIZE, f"-I{tmp_path}", str(HARNESS)]
    subprocess.run([*command, "-o", "harness"], cwd=tmp_path, check=True)
    given = b"".join(case.packed() for case in cases())
    done = subprocess.run([tmp_path / "harness"], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    compare(cases(), done.stdout)


@pytest.mark.parametrize("name", ["m4", "m55"])
def test_sums_on_a_board(name: str, tmp_path: Path) -> None:
    need_board(name)
    (tmp_path / "kernels.c").write_text(HELIUM + LIMITS + "".join(sources(ADDS)))
    (tmp_path / "cases.bin").write_bytes(b"".join(case.packed() for case in cases()))
    elf = link(board(name), [str(HARNESS)], tmp_path, [f"-I{tmp_path}", "-DBOARD", "-O2"])
    status, said = run_on_board(board(name), elf, 300)
    assert status == 0, said
    compare(cases(), (tmp_path / "made.bin").read_bytes())
