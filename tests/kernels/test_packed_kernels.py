"""The kernels that unpack low-bit weights, alone, on rows and codes of exactly their size.

As in test_kernels, whose rows and shapes these are. Numbers are whole multiples of powers of two,
so the results must be equal.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest

from lowtide.check.compile import WARNINGS, find_compiler
from lowtide.ir.codes import Codes, limits, make, pack
from lowtide.kernels.choose import source
from lowtide.kernels.pixels import CONV_BLOCK, PACKED_PIXELS
from test_kernels import SANITIZE, Case, Shape, random_case

HARNESS = Path(__file__).with_name("packed_harness.c")
NAMES = (
    "branch.h",
    "unpack.h",
    "inline.h",
    "conv.h",
    "packed_codes.h",
    "packed.h",
    "packed_conv_row.c",
    "packed_depthwise_row.c",
)


@dataclass(frozen=True)
class Packed:
    """A case of test_kernels whose weights [kh, kw, ci, co] are those of codes [vectors, ..].

    Of channels by themselves so many as are `wide` are unpacked at a time.
    """

    case: Case
    codes: Codes
    wide: int = CONV_BLOCK

    @property
    def floats(self) -> int:
        """The room that the kernel has."""
        s, case = self.case.shape, self.case
        rows = s.kh * s.kw * (s.ci // s.co) if case.depthwise else 2 * PACKED_PIXELS
        return (rows + 1) * min(s.co, self.wide if case.depthwise else CONV_BLOCK)

    def bytes(self) -> bytes:
        case, codes, s = self.case, self.codes, self.case.shape
        stored = pack(in_memory(case, codes.codes), codes.bits)
        exists = [row is not None for row in case.x]
        head = [case.depthwise, *(getattr(s, f.name) for f in fields(Shape)), case.b is not None]
        head += [codes.bits, codes.centred, codes.scale_bits == 16, s.co // codes.vectors]
        scales = codes.scales.astype("<f2" if codes.scale_bits == 16 else "<f4").tobytes()
        rows = b"".join(row.astype("<f4").tobytes() for row in case.x if row is not None)
        bias = b"" if case.b is None else case.b.astype("<f4").tobytes()
        numbers = np.array([*head, len(stored), self.floats, *exists], "<i4").tobytes()
        return numbers + rows + stored + scales + bias + case.y.astype("<f4").tobytes()


def in_memory(case: Case, array: np.ndarray) -> np.ndarray:
    """Of an array in the order [co, ci, kh, kw] in the order [kh, kw, ci, co]."""
    s = case.shape
    inputs = s.ci // s.co if case.depthwise else s.ci
    turned = array.reshape(s.co, inputs, s.kh, s.kw).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(turned).ravel()


def random_packed(dice: random.Random) -> Packed:
    """Any geometry and any bits; scales are powers of two, of 16 bits or 32, some rows share one.

    Small ones are subnormal float16s, which the kernels have to read as well.
    """
    case = random_case(dice, (1, 2, 3))
    s, rng = case.shape, np.random.default_rng(dice.randrange(2**32))
    bits, per = dice.randint(1, 8), dice.choice([n for n in (1, 2, 5) if s.co % n == 0])
    low, high = limits(bits)
    small = dice.random() < 0.5
    scales = 2.0 ** rng.integers(-24 if small else -4, -20 if small else 3, s.co // per)
    scales *= rng.choice([-1, 1], len(scales))
    length = per * (s.ci // s.co if case.depthwise else s.ci) * s.kh * s.kw
    values = rng.integers(low, high + 1, (len(scales), length))
    centred = bits == 1 or dice.random() < 0.5
    kind = 16 if dice.random() < 0.5 else 32
    codes = Codes(bits, centred, values.astype(np.int8), scales.astype(np.float32), kind)
    group = 1 if s.atomic else dice.choice((PACKED_PIXELS, max(s.ow, 1)))
    shape = replace(s, group=group)
    # Without biases where scales are tiny: float32 could not hold the sums.
    bias = None if small else case.b
    case = replace(case, shape=shape, w=in_memory(case, codes.values), b=bias)
    return Packed(case, codes, dice.choice((8, 16, 32)))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.c").write_text("\n".join(source(name) for name in NAMES))
    compiler = find_compiler()
    assert compiler is not None
    command = [*compiler, *WARNINGS, *SANITIZE, "-I", str(folder), str(HARNESS), "-o", "harness"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "harness"


def run(harness: Path, cases: list[Packed]) -> subprocess.CompletedProcess[bytes]:
    data = b"".join(case.bytes() for case in cases)
    return subprocess.run([str(harness)], input=data, capture_output=True, check=False)


def test_packed_kernels_equal_numpy_and_stay_inside(harness: Path) -> None:
    dice = random.Random(11)
    cases = [random_packed(dice) for _ in range(200)]
    done = run(harness, cases)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    results, at = np.frombuffer(done.stdout, "<f4"), 0
    for packed in cases:
        made = packed.case.y.size
        np.testing.assert_array_equal(results[at : at + made], packed.case.expected())
        at += made
    assert at == results.size
    for seen in (
        [p.codes.centred for p in cases],
        [p.codes.scale_bits == 16 for p in cases],
        [p.codes.vectors < p.case.shape.co for p in cases],
    ):
        assert set(seen) == {True, False}
    assert {p.codes.bits for p in cases} == set(range(1, 9))
    assert {p.case.shape.ci // p.case.shape.co for p in cases if p.case.depthwise} == {1, 2, 3}
    assert any(0 < abs(p.codes.scales).min() < 2.0**-14 for p in cases if p.codes.scale_bits == 16)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("bits", [1, 3, 8])
def test_not_a_byte_of_codes_is_read_that_is_not_there(
    harness: Path, bits: int, depthwise: bool
) -> None:
    """One byte less and AddressSanitizer says so: the test above can fail."""
    shape = Shape(1, 3, 1, 1, 1, 4, 8, 8, 4, 8, 8)
    size = 24 if depthwise else 192
    row, zeros = np.ones(32, np.float32), np.zeros((8, size // 8), np.int8)
    case = Case(depthwise, shape, (row,), np.zeros(size, np.float32), None, np.zeros(32, "f4"))
    packed = Packed(case, make(bits, True, zeros, np.ones(8)))
    assert run(harness, [packed]).returncode == 0
    data = bytearray(packed.bytes())
    data[4 * 20 : 4 * 21] = np.array([size * bits // 8 - 1], "<i4").tobytes()
    done = subprocess.run([str(harness)], input=data, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"heap-buffer-overflow" in done.stderr
