"""Each kernel of whole rows, alone, on rows of exactly the size it may touch, against numpy.

Numbers are whole, so results must be equal, with vectors of every length and without any; and
AddressSanitizer sees every element that is read or written too far.

    rows   x x x -> y      several rows at a time, of which some inputs are padding (NULL);
           - x x -> y      pixels of a tile may lie in two of them
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.ir.codes import limits, pack
from lowtide.kernels.choose import source, sources
from lowtide.kernels.packing import BLOCK
from lowtide.kernels.rows import LEAST_UNPACKED, ROWS, UNPACKED
from lowtide.timing.board_build import link
from lowtide.timing.board_run import run_on_board
from lowtide.timing.boards import board
from tools import need_board

HARNESS = Path(__file__).with_name("row_kernel_harness.c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
CONV, DEPTHWISE, MAX, MEAN, PACKED = range(5)
QUADS = "-DQUADS"
"""The kernels of Arm's FPU, its assembler in C."""
BITS = ", ".join(f"BITS_{bits} = 1" for bits in (*range(1, 9), "ANY"))
LIMITS = f"enum {{ ZEROS = 350, RUNS = 15, COLUMNS = 90, {BITS} }};"
KEEP, RELU, CLAMP, LEAKY = range(4)
NO_POOL, MAX_POOL, SUM_POOL = range(3)
Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Shape:
    """struct rows of kernels/c/rows.h, field by field."""

    kh: int
    kw: int
    stride: int
    dilation: int
    before: int
    iw: int
    is_: int
    ci: int
    ow: int
    os: int
    co: int
    groups: int
    ph: int = 1
    pw: int = 1
    pool: int = NO_POOL
    grows: int = 0
    on: int = 0
    padded: int = 0
    act: int = KEEP
    low: float = 0.0
    high: float = 0.0

    def packed(self) -> bytes:
        *whole, low, high = astuple(self)
        return np.array(whole, "<i4").tobytes() + np.array([low, high], "<f4").tobytes()


@dataclass(frozen=True)
class Packed:
    """Weights [kh][kw][ci][co] as codes of few bits; so many outputs share a scale."""

    codes: Array
    bits: int
    centred: bool
    halves: bool
    scales: Array
    per: int

    @property
    def values(self) -> Array:
        scales = self.scales.repeat(self.per)
        return ((self.codes + 0.5 * self.centred) * scales).astype(np.float32)

    @property
    def bytes(self) -> bytes:
        scales = self.scales.astype("<f2" if self.halves else "<f4").tobytes()
        return pack(self.codes.ravel(), self.bits) + scales


@dataclass(frozen=True)
class Case:
    """One call; x[j * ph * kh + ..] is None where the row is padding, w is [kh][kw][ci][co]."""

    kernel: int
    shape: Shape
    x: tuple[Array | None, ...]
    w: Array
    b: Array | None
    y: tuple[Array, ...]
    codes: Packed | None = None
    most: int = UNPACKED

    @property
    def room(self) -> int:
        """The floats of memory for what is unpacked."""
        s = self.shape
        return min(s.kw * s.ci * BLOCK, self.most)

    @property
    def rows(self) -> int:
        return len(self.x) // (self.shape.kh * self.shape.ph)

    def packed(self) -> bytes:
        weights = self.blocks() if self.kernel == CONV else self.w.ravel()
        head, held = (
            [self.kernel, self.rows, self.b is not None, weights.size, 0, 0, 0, 1, 0],
            self.codes,
        )
        exists = [row is not None for row in self.x]
        if held:
            size = len(held.bytes) - held.scales.size * (2 if held.halves else 4)
            head[3:] = [size, held.bits, held.centred, held.halves, held.per, self.room]
        biases = [] if self.b is None else [self.b]
        rows, others = (
            b"".join(a.astype("<f4").tobytes() for a in arrays)
            for arrays in ([row for row in self.x if row is not None], [*biases, *self.y])
        )
        data = rows + (held.bytes if held else weights.astype("<f4").tobytes()) + others
        start = np.array(head, "<i4").tobytes() + self.shape.packed()
        return start + np.array(exists, "<i4").tobytes() + data

    def blocks(self) -> Array:
        s = self.shape
        cuts = [g * s.co + m for g in range(s.groups) for m in range(0, s.co, BLOCK)]
        parts = [part.ravel() for part in np.split(self.w, cuts[1:], axis=-1)]
        return np.concatenate([*parts, np.zeros(BLOCK - 1 if s.co % BLOCK else 0, np.float32)])

    def expected(self) -> list[Array]:
        """The output rows by the definition."""
        s, made = self.shape, [row.copy() for row in self.y]
        for j in range(self.rows):
            for q in range(s.ow):
                out = made[0] if s.grows else made[j]
                pixel = out[q * s.os : q * s.os + s.co * s.groups]
                taps = [(py, px) for py in range(s.ph) for px in range(s.pw)]
                sums = [self._window(j, q, py, px) + (pixel if s.on else 0) for py, px in taps]
                values = [self._activated(value) for value in sums]
                if s.grows:
                    values = [pixel + values[0]]
                elif s.pool == MAX_POOL:
                    values = [np.max(values, axis=0)]
                elif s.pool == SUM_POOL:
                    values = [np.sum(values, axis=0) / np.float32(len(values))]
                pixel[:] = values[0]
        return made

    def _window(self, j: int, q: int, py: int, px: int) -> Array:
        s, found = self.shape, []
        total = np.zeros(s.co * s.groups, np.float32) if self.b is None else self.b.copy()
        first = (q * s.pw + px) * s.stride - s.before
        for ky in range(s.kh):
            row = self.x[(j * s.ph + py) * s.kh + ky]
            for kx in range(s.kw):
                column = first + kx * s.dilation
                if row is not None and 0 <= column < s.iw:
                    pixel = row[column * s.is_ :][: s.ci * s.groups]
                    found.append(pixel)
                    total += self._products(pixel, ky, kx)
        if self.kernel == MAX:
            return np.max(found, axis=0) if found else np.full(s.groups, -np.inf, np.float32)
        if self.kernel == MEAN:
            count = s.kh * s.kw if s.padded else len(found)
            with np.errstate(invalid="ignore"):
                return np.sum(found, axis=0, initial=0.0, dtype=np.float32) / np.float32(count)
        return total

    def _products(self, pixel: Array, ky: int, kx: int) -> Array:
        s = self.shape
        if self.kernel == DEPTHWISE:
            return pixel * self.w[ky, kx, 0]
        if self.kernel not in (CONV, PACKED):
            return np.zeros(s.groups, np.float32)
        weights = self.w[ky, kx].reshape(s.ci, s.groups, s.co)
        return np.einsum("gi,igo->go", pixel.reshape(s.groups, s.ci), weights).ravel()

    def _activated(self, value: Array) -> Array:
        s = self.shape
        if s.act == RELU:
            return np.maximum(value, 0)
        if s.act == CLAMP:
            return np.clip(value, s.low, s.high)
        return np.where(value < 0, value * s.low, value) if s.act == LEAKY else value


def random_case(dice: random.Random) -> Case:
    """Any geometry, with channels on both sides of blocks and vectors."""
    numbers = np.random.default_rng(dice.randrange(2**32))

    def whole(*size: int) -> Array:
        return numbers.integers(-4, 5, size).astype(np.float32)

    kernel, rows = dice.choice((CONV, CONV, DEPTHWISE, MAX, MEAN)), dice.choice((1, 1, 2, 3))
    ci = co = groups = 1
    if kernel == CONV:
        groups = dice.choice((1, 1, 1, 2))
        ci, co = dice.choice((1, 3, 8, 17, 70)), dice.choice((1, 7, 8, 16, 21, 32, 40))
    else:
        groups = dice.choice((1, 3, 4, 7, 8, 12, 16, 21, 40))
    kh, kw, stride, dilation = (dice.randint(1, n) for n in (3, 5, 3, 2))
    ph, pw = dice.choice(((1, 1), (1, 1), (2, 2), (1, 3))) if kernel == CONV else (1, 1)
    before, ow = dice.randrange(kw * dilation), dice.choice((1, 2, 5, 7, 8, 13, 19))
    iw = max((ow * pw - 1) * stride + dice.randint(1, kw * dilation) - before, 1)
    is_, os = ci * groups + dice.choice((0, 0, 5)), co * groups + dice.choice((0, 0, 5))
    s = Shape(kh, kw, stride, dilation, before, iw, is_, ci, ow, os, co, groups, ph, pw)
    s = replace(s, pool=NO_POOL if ph * pw == 1 else dice.choice((MAX_POOL, SUM_POOL)))
    if kernel == CONV and ph * pw == 1 and dice.random() < 0.2:
        s = replace(s, pool=SUM_POOL, grows=1, os=0)
    elif kernel == CONV and ph * pw == 1:
        s = replace(s, on=int(dice.random() < 0.3))
    s = replace(s, padded=dice.randint(0, 1), act=dice.choice((KEEP, RELU, CLAMP, LEAKY)))
    low, high = {CLAMP: (-3.0, 6.0), LEAKY: (0.5, 0.0)}.get(s.act, (0.0, 0.0))
    s = replace(s, low=low, high=high)
    length = (iw - 1) * is_ + ci * groups
    x = tuple(whole(length) if dice.random() < 0.8 else None for _ in range(rows * ph * kh))
    w = whole(kh, kw, ci, co * groups)
    biased = kernel in (CONV, DEPTHWISE) and not s.on and dice.random() < 0.5
    b = whole(co * groups) if biased else None
    made = (ow - 1) * s.os + co * groups
    y = tuple(whole(made) for _ in range(1 if s.grows else rows))
    case = Case(kernel, s, x, w, b, y)
    if kernel == CONV and s.pool == NO_POOL and not s.on and dice.random() < 0.5:
        held = random_codes(dice, w.shape)
        case = replace(case, kernel=PACKED, w=held.values, codes=held)
        case = replace(case, most=dice.choice((UNPACKED, LEAST_UNPACKED, BLOCK)))
    # A mean of nothing is refused before it comes to a kernel.
    empty = kernel == MEAN and np.isnan(np.concatenate(case.expected())).any()
    return replace(case, shape=replace(s, padded=1)) if empty else case


def random_codes(dice: random.Random, shape: tuple[int, ...]) -> Packed:
    """Weights of 1 to 8 bits; scales are powers of two."""
    numbers, bits = np.random.default_rng(dice.randrange(2**32)), dice.randint(1, 8)
    low, high = limits(bits)
    per = dice.choice([n for n in (1, 2, 5) if shape[-1] % n == 0])
    scales = (2.0 ** numbers.integers(-1, 2, shape[-1] // per)).astype(np.float32)
    codes = numbers.integers(low, high + 1, shape).astype(np.int8)
    return Packed(codes, bits, bits == 1 or dice.random() < 0.5, dice.random() < 0.5, scales, per)


def built(folder: Path, lanes: int | None, *more: str) -> Path:
    """The harness with vectors of so many floats, or as many as this machine has."""
    (folder / "kernels.c").write_text("\n".join([source("unpack.h"), LIMITS, *sources(ROWS)]))
    compiler = find_compiler()
    assert compiler is not None
    lanes_flags = ["-march=native"] if lanes is None else [f"-DLANES={lanes}", "-Wno-psabi"]
    command = [
        *compiler,
        *WARNINGS,
        *SANITIZE,
        *lanes_flags,
        *more,
        "-I",
        str(folder),
        str(HARNESS),
    ]
    subprocess.run([*command, "-o", "harness", "-lm"], cwd=folder, check=True)
    return folder / "harness"


def run(harness: Path, cases: list[Case]) -> subprocess.CompletedProcess[bytes]:
    data = b"".join(case.packed() for case in cases)
    return subprocess.run([str(harness)], input=data, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("lanes", "more"), [(None, ()), (1, ()), (1, (QUADS,)), (4, ()), (8, ()), (16, ())]
)
def test_row_kernels_equal_numpy_and_stay_inside(
    lanes: int | None, more: tuple[str, ...], tmp_path: Path
) -> None:
    dice = random.Random(20)
    cases = [random_case(dice) for _ in range(250)]
    done = run(built(tmp_path, lanes, *more), cases)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    compare(cases, done.stdout)
    assert {(case.shape.grows, case.shape.on) for case in cases} == {(0, 0), (0, 1), (1, 0)}
    assert {(case.kernel, case.rows > 1) for case in cases} >= {(k, True) for k in range(5)}
    assert {case.codes.bits for case in cases if case.codes} == set(range(1, 9))


@pytest.mark.parametrize(("name", "flags"), [("m4", "-O3"), ("m4", "-Os"), ("m55", "-O2")])
def test_on_a_board(name: str, flags: str, tmp_path: Path) -> None:
    need_board(name)
    cases = [random_case(random.Random(seed)) for seed in range(200)]
    (tmp_path / "kernels.c").write_text("\n".join([source("unpack.h"), LIMITS, *sources(ROWS)]))
    (tmp_path / "cases.bin").write_bytes(b"".join(case.packed() for case in cases))
    elf = link(board(name), [str(HARNESS)], tmp_path, [f"-I{tmp_path}", "-DBOARD", flags])
    status, said = run_on_board(board(name), elf, 300)
    assert status == 0, said
    compare(cases, (tmp_path / "made.bin").read_bytes())


def compare(cases: list[Case], made: bytes) -> None:
    """Whether the rows that a harness made of some cases are those of the definition."""
    results, at = np.frombuffer(made, "<f4"), 0
    for case in cases:
        for row in case.expected():
            # What lies between the pixels of the output is not the kernel's to write.
            np.testing.assert_array_equal(results[at : at + row.size], row, str(case.shape))
            at += row.size
    assert at == results.size


@pytest.mark.parametrize("kernel", [CONV, DEPTHWISE])
def test_the_rows_are_as_small_as_they_can_be(kernel: int, tmp_path: Path) -> None:
    """One weight less and AddressSanitizer says so: the test above can fail."""
    inside, groups = (16, 1) if kernel == CONV else (1, 16)
    s = Shape(1, 3, 1, 1, 0, 8, 16, inside, 6, 16, 16 // groups, groups)
    row, w = np.ones(8 * 16, np.float32), np.ones((1, 3, inside, 16), np.float32)
    case = Case(kernel, s, (row,), w, None, (np.zeros(6 * 16, np.float32),))
    harness = built(tmp_path, None)
    assert run(harness, [case]).returncode == 0
    packed = bytearray(case.packed())
    packed[12:16] = np.array([w.size - 1], "<i4").tobytes()
    done = subprocess.run([str(harness)], input=packed, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"AddressSanitizer" in done.stderr
