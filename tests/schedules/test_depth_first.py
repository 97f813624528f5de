"""Branches that end soon come first."""

from __future__ import annotations

from lowtide.schedules.depth_first import depth_first


def test_a_head_is_ended_before_the_trunk_goes_on() -> None:
    """As quantisers sort a detector: level by level.

    0 ─┬─> 1 ─> 4 ─> 6 ─> 8      the trunk
       ├─> 2 ─> 5 ─┐
       └─> 3 ──────┴─> 7    two heads that are joined
    """
    after: list[set[int]] = [set(), {0}, {0}, {0}, {1}, {2}, {4}, {3, 5}, {6}]
    found = depth_first([frozenset(one) for one in after])
    assert found == [0, 3, 2, 5, 7, 1, 4, 6, 8]
    assert depth_first([frozenset({k - 1} if k else ()) for k in range(9)]) == [*range(9)]
