"""Each kernel that ships, alone, on rows of exactly the size it may touch, against numpy.

AddressSanitizer is silent inside one static arena; on rows from malloc it sees every element too
far. Numbers are whole, so the results must be equal.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.kernels.choose import source

HARNESS = Path(__file__).with_name("kernel_harness.c")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Shape:
    """struct conv of kernels/c/conv.h, field by field."""

    kh: int
    kw: int
    sw: int
    dw: int
    pw: int
    iw: int
    is_: int
    ci: int
    ow: int
    os: int
    co: int
    back: int = 0
    group: int = 1
    atomic: int = 0


@dataclass(frozen=True)
class Case:
    """One call: x[ky] is None where the row is padding."""

    depthwise: bool
    shape: Shape
    x: tuple[Array | None, ...]
    w: Array
    b: Array | None
    y: Array

    def packed(self) -> bytes:
        numbers = [getattr(self.shape, f.name) for f in fields(Shape)]
        exists = [row is not None for row in self.x]
        head = [self.depthwise, *numbers, self.b is not None, self.w.size, *exists]
        arrays = [*(row for row in self.x if row is not None), self.w]
        arrays += [self.b] if self.b is not None else []
        data = b"".join(a.astype("<f4").tobytes() for a in (*arrays, self.y))
        return np.array(head, "<i4").tobytes() + data

    def expected(self) -> Array:
        """The output row by the definition, one product at a time."""
        s, made = self.shape, self.y.copy()
        for q in range(s.ow):
            for m in range(s.co):
                total = self.b[m] if self.b is not None else 0.0
                for ky, row in enumerate(self.x):
                    for kx in range(s.kw):
                        column = q * s.sw - s.pw + kx * s.dw
                        if row is not None and 0 <= column < s.iw:
                            total += self._products(row, column, ky, kx, m)
                made[q * s.os + m] = total
        return made

    def _products(self, row: Array, column: int, ky: int, kx: int, m: int) -> float:
        s = self.shape
        first = column * s.is_ if s.is_ > 0 else (column - s.iw + 1) * s.is_
        pixel = row[first : first + s.ci]
        if self.depthwise:
            each = s.ci // s.co
            own = self.w.reshape(s.kh, s.kw, each, s.co)[ky, kx, :, m]
            return float(pixel[m * each : (m + 1) * each] @ own)
        return float(pixel @ self.w.reshape(s.kh, s.kw, s.ci, s.co)[ky, kx, :, m])


def random_case(dice: random.Random, each: Sequence[int] = (1,)) -> Case:
    """Any geometry, with channels on both sides of the kernels' blocks of 32.

    `each` are how many inputs a channel by itself may have.
    """
    numbers = np.random.default_rng(dice.randrange(2**32))
    depthwise = dice.random() < 0.5
    co = dice.choice((1, 2, 5, 31, 32, 33, 64, 70))
    ci = co * dice.choice(each) if depthwise else dice.choice((1, 3, 8, 33))
    kh, kw = dice.randint(1, 4), dice.randint(1, 5)
    sw, dw, iw = dice.randint(1, 3), dice.randint(1, 3), dice.randint(1, 8)
    pw = dice.randrange(kw * dw)
    room = max(iw + pw + dice.randrange(kw * dw) - (kw - 1) * dw - 1, 0)
    is_ = (ci + dice.choice((0, 0, 1, 7))) * dice.choice((1, 1, 1, -1))
    os = co + dice.choice((0, 0, 1, 7))
    back, atomic = dice.randint(0, 1), dice.randint(0, 1)
    s = Shape(kh, kw, sw, dw, pw, iw, is_, ci, room // sw + 1, os, co, back, 1, atomic)

    def whole(size: int) -> Array:
        return numbers.integers(-4, 5, size).astype(np.float32)

    length = (iw - 1) * abs(is_) + ci
    x = tuple(whole(length) if dice.random() < 0.8 else None for _ in range(kh))
    w = whole(kh * kw * ci * (1 if depthwise else co))
    b = whole(co) if dice.random() < 0.5 else None
    return Case(depthwise, s, x, w, b, whole((s.ow - 1) * os + co))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    parts = [source(name) for name in ("branch.h", "conv.h", "conv_row.c", "depthwise_row.c")]
    (folder / "kernels.c").write_text("\n".join(parts))
    compiler = find_compiler()
    assert compiler is not None
    command = [*compiler, *WARNINGS, *SANITIZE, "-I", str(folder), str(HARNESS), "-o", "harness"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "harness"


def run(harness: Path, cases: list[Case]) -> subprocess.CompletedProcess[bytes]:
    data = b"".join(case.packed() for case in cases)
    return subprocess.run([str(harness)], input=data, capture_output=True, check=False)


def test_kernels_equal_numpy_and_stay_inside(harness: Path) -> None:
    dice = random.Random(7)
    cases = [random_case(dice) for _ in range(200)]
    done = run(harness, cases)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    results, at = np.frombuffer(done.stdout, "<f4"), 0
    for case in cases:
        # What lies between the pixels of the output is not the kernel's to write.
        np.testing.assert_array_equal(results[at : at + case.y.size], case.expected())
        at += case.y.size
    assert at == results.size
    shapes = [case.shape for case in cases]
    for kind in ([s.dw > 1 for s in shapes], [s.os > s.co for s in shapes]):
        assert set(kind) == {True, False}
    assert any(s.is_ < 0 for s in shapes)
    assert any(row is None for case in cases for row in case.x)


@pytest.mark.parametrize("depthwise", [False, True])
def test_the_rows_are_as_small_as_they_can_be(harness: Path, depthwise: bool) -> None:
    """One element less and AddressSanitizer says so: the test above can fail."""
    shape = Shape(1, 3, 1, 1, 1, 4, 3, 3, 4, 3, 3)
    size = 9 if depthwise else 27
    row, w = np.ones(12, np.float32), np.ones(size, np.float32)
    case = Case(depthwise, shape, (row,), w, None, np.zeros(12, np.float32))
    assert run(harness, [case]).returncode == 0
    packed = bytearray(case.packed())
    packed[4 * 16 : 4 * 17] = np.array([size - 1], "<i4").tobytes()  # the weights' size
    done = subprocess.run([str(harness)], input=packed, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"heap-buffer-overflow" in done.stderr
