"""Each kernel of 8-bit numbers, alone, on rows of exactly the size it may touch, equal to numpy.

Drawn at random: windows, strides, dilation, padding, rows that are missing, channels that come in
fours or not, and how sums end. On this machine AddressSanitizer sees every element that is read or
written too far; on a board in the emulator the same cases run in the kernels' other half, that of
`__ARM_FEATURE_DSP`.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from itertools import islice
from math import frexp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.ir import whole
from lowtide.ir.dtype import I8, U8
from lowtide.ir.index import Var
from lowtide.kernels.choose import sources
from lowtide.kernels.dense_eight import DENSE_EIGHT
from lowtide.kernels.dot import in_blocks, widest
from lowtide.kernels.eight import EIGHT, NARROW, WIDE
from lowtide.kernels.ending import Ending, Sums
from lowtide.kernels.families import choosing
from lowtide.kernels.helium import FOUR, WIDENED, in_quads, signed_starts
from lowtide.kernels.packing import InFours, InPairs, InQuads, InSixteens, InWords
from lowtide.ops.window import SlidingWindow
from lowtide.timing.board_build import link
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import board
from tools import need_board

HARNESS = Path(__file__).with_name("eight_harness.c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
KINDS = ("TWICE", "ONCE", "SCALED")
LIMITS = "enum { ROWS8 = 4, COLUMNS8 = 40, COLUMNS_DOT8 = 70 };\n"
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Case:
    """One row: a window, its channels in and out, how pixels lie, and how sums end."""

    window: tuple[int, int, int, int, int]  # kh, kw, stride, dilation, before
    sizes: tuple[int, int, int, int]  # iw, is, ow, os
    zero: int
    signed: bool
    pixels: int
    back: bool
    x: tuple[Array | None, ...]  # [iw, ci]
    w: Array  # [co, ci, kh, kw]
    bias: Array
    ending: Ending
    grows: bool = False
    dense: bool = False
    steps: bool = False

    @property
    def channels(self) -> int:
        """Those in; as many as out where each is summed up by itself."""
        return next((row.shape[1] for row in self.x if row is not None), self.w.shape[1])

    @property
    def sums(self) -> Sums:
        axes, (least, most) = (1, 2, 3), (-128, 127) if self.signed else (0, 255)
        start = self.bias - self.zero * self.w.astype(int).sum(axes)
        ends = [self.w.astype(int) * end for end in (least, most)]
        spread = [choose(*ends).sum(axes) for choose in (np.minimum, np.maximum)]
        return Sums(*(tuple((start + d).tolist()) for d in (0 * start, *spread)))

    def packed(self, family: str = "") -> bytes:
        """As the harness reads it, for a family of processors."""
        kh, kw, stride, dilation, _ = self.window
        (co, ci), (iw, apart, ow, out) = self.w.shape[:2], self.sizes
        depthwise = self.channels != ci and not self.dense
        slides = kw == 3 and dilation == 1 and stride <= 2 and ci % 4 == 0
        together = kw if dilation == 1 else 1
        packing = InSixteens("w") if depthwise else InPairs("w", together, slides)
        weights = InFours("w").pack(self.w[..., 0, 0]) if self.dense else packing.pack(self.w)
        ends = np.array(self.ending.numbers(self.sums), "<i4")
        # Words of a tile: each column once where windows slide, else every window by itself.
        words = kh * kw * ci // 2 // 3 * (self.pixels + 2 if stride == 1 else 2 * self.pixels + 1)
        words = words if slides else weights.size // ((co + co % 2) * 2) * self.pixels
        words = -(-co // 4) if depthwise else 0 if self.dense else words
        if family == "dot" and not self.dense:
            weights = InWords("w", kw if depthwise else together).pack(self.w)
            ends = np.array(in_blocks(self.ending, self.sums, self.w), "<i4")
        starts = signed_starts(self.sums, self.w, I8 if self.signed else U8)
        if family == "helium" and depthwise:
            ends = np.array(in_quads(self.ending, starts, WIDENED), "<i4")
        elif family == "helium" and not self.dense:
            weights, words = InQuads("w").pack(self.w), 2 * (-(-kh * kw * ci // 16) * 4)
            ends = np.array(in_quads(self.ending, starts, FOUR), "<i4")
        columns = SlidingWindow(iw, kw, stride, dilation, self.window[4], 0, ow, Var("k", kw))
        e, wide = self.ending, widest(kh, columns, ci, 4 * words)
        plain = e.plain(self.sums) and not (depthwise and self.w.min() == -128)
        shape = [
            *self.window, iw, apart, self.channels, self.zero, not self.signed, ow, out, co,
            self.pixels,
            KINDS.index(e.kind), e.offset, e.low, e.high, plain, self.back, ow, 0, wide,
        ]  # fmt: skip
        words += -(-self.pixels * co // 4) if self.grows else 0
        span = (self.pixels - 1) * stride + (kw - 1) * dilation + 1
        held = self.pixels + (kh * span if co > self.channels else 0)
        words += -(-held * co // 4) if self.steps else 0
        kernel = 4 if self.steps else 3 if self.dense else 2 if self.grows else depthwise
        head = [kernel, weights.nbytes, ends.nbytes, 4 * words]
        whole_numbers = [*head, *shape, *(row is not None for row in self.x)]
        rows = b"".join(self._row(row).tobytes() for row in self.x if row is not None)
        before = np.full(4 * co if self.grows else (ow - 1) * out + co, 0, np.int8)
        parts = (rows, weights.tobytes(), ends.tobytes(), before.tobytes())
        return np.array(whole_numbers, "<i4").tobytes() + b"".join(parts)

    def _row(self, row: Array) -> Array:
        """The pixels as they lie: `is` apart, the last one cut behind its channels."""
        iw, apart, *_ = self.sizes
        held = np.full((iw, apart), 77, np.int64)
        held[:, : row.shape[1]] = row
        return held.ravel()[: (iw - 1) * apart + row.shape[1]].astype(np.uint8)

    def expected(self) -> Array:
        """The row by the definition."""
        kh, kw, stride, dilation, before = self.window
        (iw, _, ow, out), co = self.sizes, len(self.w)
        made, grown = np.zeros((ow - 1) * out + co, np.int64), np.zeros(co, np.int64)
        for q in range(ow):
            sums = self.bias.astype(int)
            for ky in range(kh):
                row = self.x[ky]
                for kx in range(kw):
                    at = q * stride - before + kx * dilation
                    if row is not None and 0 <= at < iw:
                        taps = self.w[:, :, ky, kx].astype(int)
                        x = row[at] - self.zero
                        sums = sums + (
                            taps @ x
                            if taps.shape[1] == len(x)
                            else taps[:, 0] * x.repeat(co // len(x))
                        )
            made[q * out : q * out + co] = self._ended(sums)
            grown += self._ended(sums)
        return grown.astype("<i4").view(np.uint8) if self.grows else made.astype(np.uint8)

    def _ended(self, sums: Array) -> Array:
        e, (m, n) = self.ending, (np.array(self.ending.m), np.array(self.ending.n))
        if e.kind == "SCALED":
            value = whole.scale(sums, m.astype(np.int32).view(np.float32))
        else:
            value = (whole.rescale if e.kind == "TWICE" else whole.rescale_once)(sums, m, n)
        return np.clip(value + e.offset, e.low, e.high)


def draw(dice: random.Random) -> Case:
    numbers = np.random.default_rng(dice.randrange(1 << 30))
    kh, kw = dice.choice([(1, 1), (1, 1), (3, 3), (3, 3), (1, 3), (2, 3), (3, 5), (4, 2)])
    stride, dilation = dice.choice([(1, 1), (1, 1), (2, 1), (2, 1), (3, 1), (1, 2), (2, 2)])
    ci, co = dice.choice([1, 2, 3, 4, 5, 8, 12, 16]), dice.choice([1, 2, 3, 4, 7, 8, 16, 40, 70])
    depthwise = dice.random() < 0.4
    steps = depthwise and dice.random() < 0.5
    if depthwise:
        ci = co = dice.choice([2, 4, 7, 8, 16, 20, 40])
        co *= dice.choice([1, 1, 2, 3]) if steps else 1
    before, after, wide = dice.randrange(kw), dice.randrange(kw), (kw - 1) * dilation + 1
    iw = dice.randint(max(1, wide - before - after), wide + dice.choice([2, 9, 20]))
    ow = (iw + before + after - wide) // stride + 1
    signed = dice.random() < 0.7
    least, most = (-128, 127) if signed else (0, 255)
    x = [numbers.integers(least, most + 1, (iw, ci)) for _ in range(kh)]
    missing = dice.choice([0, 0, 1]) if kh > 1 else 0
    w = numbers.integers(-128, 128, (co, 1 if depthwise else ci, kh, kw)).astype(np.int8)
    ending = _ending(dice, co, kh * kw * w.shape[1])
    return Case(
        (kh, kw, stride, dilation, before),
        (iw, ci + dice.choice([0, 0, 3]), ow, co + dice.choice([0, 0, 2])),
        dice.randint(least, most),
        signed,
        dice.choice([1, NARROW, WIDE]),
        dice.random() < 0.3 and (steps or not depthwise),
        tuple(None if k < missing else row for k, row in enumerate(x)),
        w,
        numbers.integers(-20000, 20000, co),
        ending,
        not depthwise and ending.high < 128 and dice.random() < 0.2,
        steps=steps,
    )


def draw_dense(dice: random.Random) -> Case:
    numbers = np.random.default_rng(dice.randrange(1 << 30))
    ci, co, signed = dice.randint(1, 70), dice.randint(1, 12), dice.random() < 0.7
    least, most = (-128, 127) if signed else (0, 255)
    x, w = numbers.integers(least, most + 1, (1, ci)), numbers.integers(-128, 128, (co, ci, 1, 1))
    return Case(
        (1, 1, 1, 1, 0), (1, ci, 1, co), dice.randint(least, most), signed, 1, False, (x,),
        w.astype(np.int8), numbers.integers(-20000, 20000, co), _ending(dice, co, ci), dense=True,
    )  # fmt: skip


def _ending(dice: random.Random, channels: int, terms: int) -> Ending:
    kind, signed = dice.choice(["TWICE", "TWICE", "TWICE", "ONCE", "SCALED"]), dice.random() < 0.7
    least, most = (-128, 127) if signed else (0, 255)
    if dice.random() < 0.2:
        least, most = least + dice.randrange(20), most - dice.randrange(20)
    # Now and then a factor that is far too small, or above 1, or below 0.
    some = [1.0, 1.0, 1.0, 1.0, *dice.choice([[], [2.0**-20, 300.0, -1.0]])]
    sizes = [dice.choice(some) for _ in range(channels)]
    reals = [size * dice.uniform(0.4, 1) / (70 * terms**0.5) for size in sizes]
    parts = [frexp(real) for real in reals]
    m = [int(part * 2**31) for part, _ in parts]
    n = [n for _, n in parts]
    if kind == "SCALED":
        m = np.array(reals, np.float32).view(np.int32).tolist()
        n = [0] * channels
    return Ending(kind, tuple(m), tuple(n), dice.randint(least, most), least, most)


def cases(seed: int, count: int) -> list[Case]:
    dice = random.Random(seed)
    found = [draw_dense(dice) if k % 8 == 0 else draw(dice) for k in range(count)]
    drawn = (draw(dice) for _ in iter(int, 1))
    return [*found, *islice(filter(scaled_channels, drawn), count // 40)]


def scaled_channels(case: Case) -> bool:
    """Channels by themselves under windows of three columns, as files of QDQ have them."""
    by_themselves = case.w.shape[1] == 1 and case.channels >= 4 and not case.steps
    return by_themselves and case.window[1] == 3 and case.ending.kind == "SCALED"


def compare(found: list[Case], made: bytes) -> None:
    for k, case in enumerate(found):
        wanted = case.expected()
        row, made = np.frombuffer(made[: wanted.size], np.uint8), made[wanted.size :]
        np.testing.assert_array_equal(row, wanted, err_msg=f"case {k}: {case}")
    assert not made


@pytest.mark.parametrize(
    ("family", "flags"),
    [("", SANITIZE), ("", ("-O3", "-march=native")), ("dot", SANITIZE),
     *(("dot", (*flags, f"-march={cpu}")) for cpu, flags in
       [("x86-64-v3", SANITIZE), ("icelake-server", SANITIZE), ("native", ("-O3",)),
        ("alderlake", ("-O3",)), ("x86-64-v3", ("-O3",))])],
)  # fmt: skip
def test_rows_of_the_exact_size(family: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    run_cases(family, [*compiler, *flags], [], tmp_path)


@pytest.mark.parametrize("name", ["aarch64", "aarch64-dot"])
def test_on_aarch64(name: str, tmp_path: Path) -> None:
    need_board(name)
    arm = board(name)
    compiler = [arm.family.compiler.command, *arm.flags, "-O3", "-static"]
    run_cases("dot", compiler, [arm.family.emulator.command, "-cpu", arm.machine], tmp_path)


def run_cases(family: str, compiler: list[str], runs: list[str], folder: Path) -> None:
    """Compiles the kernels for a family, and compares what they make of each case."""
    define = f"#define FAMILY_{family.upper()}\n" if family else ""
    (folder / "kernels.c").write_text(define + LIMITS + "".join(sources([*EIGHT, *DENSE_EIGHT])))
    command = [*compiler, "-std=c11", *WARNINGS, f"-I{folder}", str(HARNESS)]
    subprocess.run([*command, "-o", "harness"], cwd=folder, check=True)
    found = cases(1, 120 if family else 400)
    given = b"".join(case.packed(family) for case in found)
    done = subprocess.run(
        [*runs, folder / "harness"], input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    compare(found, done.stdout)


ALIKE = [
    pytest.param(one, "", marks=pytest.mark.slow) for one in ("m0plus", "m7", "m33", "riscv32")
]
"""Boards whose C is that of another."""


@pytest.mark.parametrize(("name", "family"), [("m3", ""), ("m4", ""), ("m55", "helium"), *ALIKE])
@pytest.mark.parametrize("flags", ["-O3", "-Os"])
def test_on_a_board(name: str, family: str, flags: str, tmp_path: Path) -> None:
    need_board(name)
    status, said = run_there(name, family, [flags], tmp_path)
    assert status == 0, said
    compare(cases(2, 400), (tmp_path / "made.bin").read_bytes())


@pytest.mark.parametrize(("name", "family"), [("m4", ""), ("m55", "helium")])
def test_a_byte_too_far_is_seen_on_a_board(name: str, family: str, tmp_path: Path) -> None:
    need_board(name)
    status, said = run_there(name, family, ["-O1", "-DTOO_FAR"], tmp_path)
    assert status
    assert "FAULT" in said


def run_there(name: str, family: str, flags: list[str], folder: Path) -> tuple[int, str]:
    """What becomes of the cases on a board; its status, and what it said."""
    define = choosing([family]) + "\n" if family else ""
    (folder / "kernels.c").write_text(define + LIMITS + "".join(sources([*EIGHT, *DENSE_EIGHT])))
    (folder / "cases.bin").write_bytes(b"".join(case.packed(family) for case in cases(2, 400)))
    elf = link(board(name), [str(HARNESS)], folder, [f"-I{folder}", "-DBOARD", *flags])
    return run_on_board(board(name), elf, 300)
