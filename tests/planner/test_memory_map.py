"""plan.json: lifetimes of pixels in a few numbers, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.planner.memory_map import StoredAt, life_runs, lifetimes_of
from lowtide.rows.liveness import Life

_STEPS = st.lists(st.sampled_from([0, 2, 2, 2, 7, -3]), min_size=1, max_size=30)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(_STEPS, _STEPS)
def test_stretches_give_every_lifetime_back(later: list[int], longer: list[int]) -> None:
    count = min(len(later), len(longer))
    start, stop = np.cumsum(later[:count]), 50 + np.cumsum(longer[:count])
    stored = StoredAt("x", "float32", 4, 0, 1, count, 4, (), life_runs(Life(4, start, stop)))
    found = lifetimes_of(stored)
    np.testing.assert_array_equal(found[0], start)
    np.testing.assert_array_equal(found[1], stop)


def test_pixels_that_are_made_one_after_the_other_are_one_stretch() -> None:
    """
    pixel   0  1  2  3    4  5  6  7          a row of four, two ticks a pixel; the next row later
    start   1  3  5  7   20 22 24 26          [4, 1, 9, 2, 2], [4, 20, 28, 2, 2]
    """
    start = np.array([1, 3, 5, 7, 20, 22, 24, 26])
    assert life_runs(Life(4, start, start + 8)) == ((4, 1, 9, 2, 2), (4, 20, 28, 2, 2))
