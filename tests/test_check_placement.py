"""The placement checker: what it lets pass and what it says otherwise.

four rows of 4 bytes, made at steps 0..3, each dead two steps later

     bytes 0    4    8    12   16
step 0     |r0  |    |    |    |
     1     |r0  |r1  |    |    |
     2     |r0  |r1  |r2  |    |
     3     |    |r1  |r2  |r3  |
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

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
