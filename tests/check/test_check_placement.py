"""The placement checker: what it lets pass and what it says otherwise.

four rows of 4 bytes, made at steps 0..3, each dead two steps later

     bytes 0    4    8    12   16
step 0     |r0  |    |    |    |
     1     |r0  |r1  |    |    |
     2     |r0  |r1  |r2  |    |
     3     |    |r1  |r2  |r3  |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.check import placement
from lowtide.check.placement import Rows, check_placement

TALL = Rows("tall", 4, np.arange(4) * 4, np.arange(4), np.arange(4) + 2)


def rows(name: str, row_bytes: int, *table: tuple[int, int, int]) -> Rows:
    """One (address, start, stop) a row."""
    address, start, stop = np.array(table).T
    return Rows(name, row_bytes, address, start, stop)


def test_a_storage_alone() -> None:
    assert check_placement([TALL], 16, 4) == []
    assert check_placement([], 0, 16) == []


def test_outside_the_arena() -> None:
    assert check_placement([TALL], 15, 4) == [
        "tall row 3 (bytes 12 to 15) is outside the arena of 15 bytes"
    ]
    low = rows("low", 4, (-4, 0, 0))
    assert check_placement([low], 16, 4) == [
        "low row 0 (bytes -4 to -1) is outside the arena of 16 bytes"
    ]


def test_a_row_that_never_lives_may_lie_anywhere() -> None:
    ghost = rows("ghost", 4, (0, 9, 9), (100, 3, 2), (0, 3, 2))
    assert check_placement([ghost, TALL], 16, 4) == []


def test_only_the_first_row_is_aligned() -> None:
    odd = rows("odd", 2, (4, 0, 0), (6, 0, 0))
    assert check_placement([odd], 8, 4) == []
    assert check_placement([odd], 8, 8) == ["odd: row 0 at byte 4 is not aligned to 8"]


def test_rows_threaded_through_dead_rows() -> None:
    """A row at bytes 4 to 7 fits before step 1 and after step 3, not at either of them."""
    for start, stop, fits in ((0, 0, True), (4, 9, True), (0, 1, False), (3, 4, False)):
        thread = rows("thread", 4, (4, start, stop))
        assert (check_placement([TALL, thread], 16, 4) == []) == fits


def test_a_clash_names_both_rows_their_bytes_and_the_steps() -> None:
    thread = rows("thread", 2, (0, 8, 8), (7, 2, 9))
    assert check_placement([thread, TALL], 16, 1) == [
        "thread row 1 (bytes 7 to 8) and tall row 1 (bytes 4 to 7) are both live in steps 2 to 3"
    ]


@pytest.mark.parametrize(("slots", "fits"), [(2, False), (3, True), (4, True)])
def test_a_ring_needs_as_many_rows_as_live_at_once(slots: int, fits: bool) -> None:
    ring = replace(TALL, address=np.arange(4) % slots * 4)
    faults = check_placement([ring], 16, 4)
    assert (faults == []) == fits
    if not fits:
        assert faults == [
            "tall row 0 (bytes 0 to 3) and tall row 2 (bytes 0 to 3) are both live in steps 2 to 2"
        ]


@pytest.mark.parametrize("bad", [replace(TALL, row_bytes=0), replace(TALL, stop=np.arange(3))])
def test_rows_that_are_not_well_formed(bad: Rows) -> None:
    assert check_placement([bad], 16, 4) == [
        "tall: needs rows of 1 byte or more, each with address, start and stop"
    ]


def clashes(one: Rows, other: Rows) -> Iterator[str]:
    """The definition: the first two rows that share a byte and a step, all pairs being tried."""
    for i, j in np.ndindex(len(one.start), len(other.start)):
        if one is other and i >= j:
            continue
        first, last = max(one.start[i], other.start[j]), min(one.stop[i], other.stop[j])
        a, b = one.address[i], other.address[j]
        if first <= last and a < b + other.row_bytes and b < a + one.row_bytes:
            x, y = (
                f"{rows.name} row {row} (bytes {at} to {at + rows.row_bytes - 1})"
                for rows, row, at in ((one, i, a), (other, j, b))
            )
            yield f"{x} and {y} are both live in steps {first} to {last}"
            return


@st.composite
def placed(draw: st.DrawFn) -> Rows:
    """Rows one after the other, in a ring, or anywhere; lives in order, or at random."""
    count, size = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    k, base = np.arange(count), draw(st.integers(0, 40))
    how = draw(st.sampled_from(["run", "run", "ring", "anywhere"]))
    numbers = st.lists(st.integers(0, 40), min_size=count, max_size=count)
    address = base + size * (k % draw(st.integers(1, 5)) if how == "ring" else k)
    if how == "anywhere":
        address = np.array(draw(numbers))
    start = draw(st.integers(0, 20)) + k * draw(st.sampled_from([-1, 0, 1, 1]))
    stop = start + draw(st.integers(0, 4))
    if draw(st.booleans()):
        start = np.array(draw(numbers))
        stop = start + np.array(draw(numbers)) % 4 - 1
    return Rows(draw(st.sampled_from("abc")), size, address, start, stop)


@pytest.mark.parametrize("at_once", [1, 7, placement.AT_ONCE])
@settings(derandomize=True, max_examples=400, deadline=None)
@given(storages=st.lists(placed(), min_size=1, max_size=3))
def test_finds_what_the_definition_finds(at_once: int, storages: list[Rows]) -> None:
    pairs = combinations_with_replacement(storages, 2)
    with patch.object(placement, "AT_ONCE", at_once):
        found = check_placement(storages, 1000, 1)
    assert found == [fault for pair in pairs for fault in clashes(*pair)]


def test_half_a_million_pixels_on_half_a_million() -> None:
    """Each pixel of `new` lies where one of `old` was, and is made when that is dead."""
    k = np.arange(500_000)
    old = Rows("old", 32, 32 * k, k, k + 700)
    new = replace(old, name="new", start=k + 701, stop=k + 900)
    assert check_placement([old, new], 32 * len(k), 16) == []
    new.start[-3] -= 1
    (fault,) = check_placement([old, new], 32 * len(k), 16)
    assert fault.startswith("old row 499997 (bytes 15999904 to 15999935) and new row 499997 (")
    assert fault.endswith(" are both live in steps 500697 to 500697")


def test_rows_over_the_edges_of_a_ring() -> None:
    """Four slots of 8 bytes; row k lives at steps 2k and 2k+1, in slot k % 4.

    bytes  0       8       16      24      32
    thin         |1 |                             clashes with rows 8, 12, .. and 1, 5, 9, ..
    """
    k = np.arange(40)
    ring = Rows("ring", 8, 8 * (k % 4), 2 * k, 2 * k + 1)
    for start, stop, row in ((16, 18, "8 (bytes 0 to 7)"), (11, 15, "5 (bytes 8 to 15)")):
        thin = rows("thin", 3, (100, 3, 2), (6, start, stop))
        last = start if row[0] == "5" else 17
        assert check_placement([thin, ring], 32, 1) == [
            f"thin row 1 (bytes 6 to 8) and ring row {row} are both live in steps {start} to {last}"
        ]
    assert check_placement([rows("thin", 3, (100, 3, 2), (6, 12, 15)), ring], 32, 1) == []
