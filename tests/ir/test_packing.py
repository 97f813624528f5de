"""Constants found to be low-bit codes: exactly, in no more bytes than they had, or not at all."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import lowtide.ir.find_codes
from lowtide.ir.codes import Codes, limits, make
from lowtide.ir.find_codes import LEAST_SAVED, find_codes


@pytest.fixture(autouse=True)
def _every_warning_fails() -> Iterator[None]:
    """A division by zero, an overflow: what numpy warns of was not thought of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def any_codes(seed: int) -> Codes:
    """Codes of all bits, with scales of 16 bits or, for odd seeds, too small for those."""
    rng = np.random.default_rng(seed)
    bits = 1 + seed % 8
    low, high = limits(bits)
    centred = bits == 1 or bool(rng.integers(2))
    shape = int(rng.integers(4, 40)), int(rng.integers(50, 200))
    scales = rng.uniform(0.05, 1.0, shape[0]) * rng.choice([-1, 1], shape[0])
    if seed % 2:
        scales *= 1e-7
    made = rng.integers(low, high + 1, shape)
    if rng.random() < 0.3:  # a filter that was pruned
        scales[rng.integers(shape[0])] = 0
    return make(bits, centred, made, scales)


@pytest.mark.parametrize("seed", range(64))
def test_codes_are_found_from_their_values(seed: int) -> None:
    codes = any_codes(seed)
    found = find_codes(codes.values)
    assert found is not None
    np.testing.assert_array_equal(found.values, codes.values)
    assert found.bytes <= codes.bytes


@pytest.mark.parametrize("per", [2, 3, 8])
def test_rows_share_the_scale_they_were_given(per: int) -> None:
    """Filters of one kernel: U [kernels * rank, inputs] has a scale for each kernel."""
    rng = np.random.default_rng(per)
    codes = make(4, False, rng.integers(-8, 8, (12, per * 40)), rng.uniform(0.1, 1, 12))
    found = find_codes(codes.values.reshape(12 * per, 40))
    assert found is not None
    assert found.bytes == codes.bytes
    assert found.vectors == 12


def test_any_shape_is_taken_along_its_first_axis() -> None:
    rng = np.random.default_rng(0)
    codes = make(3, True, rng.integers(-4, 4, (16, 4 * 3 * 3)), rng.uniform(0.1, 1, 16))
    found = find_codes(codes.values.reshape(16, 4, 3, 3))
    assert found is not None
    np.testing.assert_array_equal(found.values, codes.values)


def _with(value: float, at: int) -> np.ndarray:
    array = np.tile(np.arange(-4, 4, dtype=np.float32), (16, 16))
    array.flat[at] = value
    return array


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32),
        np.ones((64, 64)),  # float64
        np.ones((4, 4), np.float32),  # too small to gain anything
        np.ones(4096, np.float32),  # a bias: no rows
        np.zeros((0, 5), np.float32),
        _with(np.nan, 5),
        _with(np.inf, 500),
        _with(-np.inf, 0),
        _with(1e30, 3),  # nothing that 8 bits span
        _with(np.pi, 7),
        np.full((64, 64), np.finfo("f4").max) * np.random.default_rng(1).choice([-1, 1], (64, 64)),
        np.full((64, 64), np.inf, np.float32),
    ],
)
def test_what_codes_cannot_give_exactly_stays(array: np.ndarray) -> None:
    assert find_codes(array) is None


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((64, 64), np.float32),
        np.full((64, 64), -0.0, np.float32),
        _with(0.0, 0),
        (np.random.default_rng(0).integers(-3, 4, (64, 64)) * 2.0**-149).astype(np.float32),
        (np.random.default_rng(0).choice([-1, 1], (64, 64)) * 2.0**126).astype(np.float32),
    ],
    ids=["zeros", "minus zeros", "whole", "subnormal", "huge"],
)
def test_odd_numbers_that_are_codes(array: np.ndarray) -> None:
    found = find_codes(array)
    assert found is not None
    np.testing.assert_array_equal(found.values.reshape(array.shape), array)
    assert array.nbytes - found.bytes >= LEAST_SAVED


def test_an_array_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And forgotten with it: another array at the same address is another array."""
    array = _with(0.0, 0)
    found = find_codes(array)
    monkeypatch.setattr(lowtide.ir.find_codes, "_packed", lambda _: pytest.fail("looked at twice"))
    assert find_codes(array) is found
    number, gone = id(array), weakref.ref(array)
    del array
    gc.collect()
    assert gone() is None
    assert number not in lowtide.ir.find_codes._KNOWN
