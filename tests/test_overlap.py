"""Forbidden differences of address, from the lifetimes of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.live import Life, live_bytes
from lowtide.overlap import collisions, placement_problem


def life(cell_bytes: int, *rows: tuple[int, int]) -> Life:
    start, stop = zip(*rows, strict=True)
    return Life(cell_bytes, np.array(start), np.array(stop))


def test_a_one_by_one_convolution_runs_in_place() -> None:
    """
    step          0  1  2  3       row k of the input is read, and row k of the output made, in
    input row 0   ####             step k+1: both live then, so they may not lie on each other, but
    input row 1   #######          output row k may lie on input row k-1:
    output row 0     ##########
    output row 1        #######    forbidden: -2 rows < A_in - A_out < 1 row
    """
    image = life(8, (0, 1), (0, 2), (0, 3))
    made = life(8, (1, 4), (2, 4), (3, 4))
    assert collisions(image, made) == ((-24, 8),)
    assert collisions(made, image) == ((-8, 24),)


def test_storages_that_never_meet_may_lie_anywhere() -> None:
    assert collisions(life(4, (0, 1)), life(4, (2, 3))) == ()


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Up to six rows: whole, one after the other, backwards, or at random."""
    count = draw(st.integers(1, 6))
    kind = draw(st.sampled_from(["whole", "forwards", "backwards", "random"]))
    first, length = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    k = np.arange(count)
    if kind == "random":
        start = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
        return Life(draw(st.integers(1, 4)), start, start + draw(st.integers(-1, 3)))
    slope = {"whole": 0, "forwards": 1, "backwards": -1}[kind]
    start = first + (slope * k - min(0, slope * (count - 1)))
    return Life(draw(st.integers(1, 4)), start, start + length)


def meets(a: Life, b: Life, difference: int) -> bool:
    """Whether two live rows share a byte when a lies `difference` above b: every pair is tried."""
    for i in range(len(a.start)):
        for j in range(len(b.start)):
            alive = a.start[i] <= a.stop[i] and b.start[j] <= b.stop[j]
            together = a.start[i] <= b.stop[j] and b.start[j] <= a.stop[i]
            low, high = difference + i * a.cell_bytes, j * b.cell_bytes
            if alive and together and low < high + b.cell_bytes and high < low + a.cell_bytes:
                return True
    return False


@settings(derandomize=True, max_examples=500, deadline=None)
@given(lives(), lives())
def test_intervals_are_exact(a: Life, b: Life) -> None:
    """Every difference of address is forbidden just when two live rows would meet."""
    found = collisions(a, b)
    for difference in range(-b.bytes - a.bytes - 2, b.bytes + a.bytes + 3):
        inside = any(low < difference < high for low, high in found)
        assert inside == meets(a, b, difference), (found, difference)


def test_live_bytes_and_the_bound() -> None:
    """Two rows of 8 bytes, one of 4: at step 2 all live, 20 bytes."""
    held = {"a": life(8, (0, 2), (1, 3)), "b": life(4, (2, 4))}
    assert live_bytes(held, 4).tolist() == [8, 16, 20, 12, 4, 0]
    assert placement_problem(held, 4, 4).lower_bound == 20
