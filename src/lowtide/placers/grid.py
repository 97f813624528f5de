"""The placement problem in whole grid units, as both placers see it.

Offsets are multiples of the alignment, so a forbidden interval shrinks to its aligned part:

    bytes        lo < A_i - A_j < hi                   e.g. align 4, (-10, 7)
    units        low < a_i - a_j < high                     (-3, 2): -12 and 8 bytes are allowed
                 low = floor(lo / align), high = ceil(hi / align)

Sliding every block down until it stops leaves each offset a sum of such ends, so a divisor that
all of them share can be taken out as well: the unit is the alignment times that divisor, and no
placement of least size is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from lowtide.errors import LowtideError
from lowtide.placers.problem import Interval, Placement, Problem

Wall = tuple[int, int, int]
"""(j, low, high) in the walls of block i: low < a_i - a_j < high is a collision."""

UNPLACED = -1


@dataclass(frozen=True)
class Grid:
    """Blocks of `sizes` bytes whose offsets are whole multiples of `unit` bytes."""

    unit: int
    sizes: tuple[int, ...]
    pairs: Mapping[tuple[int, int], tuple[Interval, ...]]
    """Open intervals of a_i - a_j in units, i < j, sorted; pairs with none are absent."""
    walls: tuple[tuple[Wall, ...], ...]
    bound: int
    """No arena is smaller, in bytes."""

    def height(self, block: int) -> int:
        """How many units `block` takes from its offset on, rounded up."""
        return -(-self.sizes[block] // self.unit)

    def arena_bytes(self, at: Sequence[int]) -> int:
        """The size of the arena when block i lies at unit at[i]; unplaced blocks count 0."""
        tops = (a * self.unit + s for a, s in zip(at, self.sizes, strict=True) if a != UNPLACED)
        return max(tops, default=0)

    def placement(self, at: Sequence[int], bound: int) -> Placement:
        """The placement in bytes; no arena smaller than `bound` is possible."""
        arena = self.arena_bytes(at)
        if arena < bound:  # a wrong bound would pass for a proof
            raise LowtideError(f"placed in {arena} bytes, though {bound} are said to be needed")
        return Placement(tuple(a * self.unit for a in at), arena, arena == bound, bound)


def grid_of(problem: Problem) -> Grid:
    """The problem in units: intervals aligned, empty ones dropped, the common divisor taken out."""
    aligned = {
        pair: spans
        for pair, intervals in sorted(problem.forbidden.items())
        if (spans := _aligned(intervals, problem.align))
    }
    ends = (end for spans in aligned.values() for span in spans for end in span)
    shared = gcd(*ends) or 1
    pairs = {
        pair: tuple((low // shared, high // shared) for low, high in spans)
        for pair, spans in aligned.items()
    }
    sizes = tuple(block.size for block in problem.blocks)
    unit = problem.align * shared
    bound = max([problem.lower_bound, *sizes, *_pair_bounds(unit, sizes, pairs)])
    return Grid(unit, sizes, pairs, _walls(len(sizes), pairs), bound)


def lowest(walls: Iterable[Wall], at: Sequence[int]) -> int:
    """The lowest allowed unit of a block given the blocks that are placed in `at`.

    The free place may lie below a placed neighbour, or inside it where its intervals leave a gap:

        |====j====|      |==k==|
             |-- walls of j --|   |-- walls of k --|
        0    ^ allowed up to here ^ and here
    """
    spans = sorted((at[j] + low, at[j] + high) for j, low, high in walls if at[j] != UNPLACED)
    position = 0
    for low, high in spans:
        if position <= low:
            break
        position = max(position, high)
    return position


def _aligned(intervals: Iterable[Interval], align: int) -> tuple[Interval, ...]:
    """Forbidden intervals in units; those whose gap holds no aligned offset are joined."""
    spans: list[Interval] = []
    for lo, hi in sorted(intervals):
        low, high = lo // align, -(-hi // align)
        if high - low < 2:
            continue  # no whole unit lies strictly inside
        if spans and low < spans[-1][1]:
            low, high = spans[-1][0], max(high, spans[-1][1])
            spans.pop()
        spans.append((low, high))
    return tuple(spans)


def _walls(
    count: int, pairs: Mapping[tuple[int, int], tuple[Interval, ...]]
) -> tuple[tuple[Wall, ...], ...]:
    """The pairs seen from each of their two blocks."""
    walls: list[list[Wall]] = [[] for _ in range(count)]
    for (i, j), spans in pairs.items():
        for low, high in spans:
            walls[i].append((j, low, high))
            walls[j].append((i, -high, -low))
    return tuple(tuple(row) for row in walls)


def _pair_bounds(
    unit: int,
    sizes: Sequence[int],
    pairs: Mapping[tuple[int, int], tuple[Interval, ...]],
) -> list[int]:
    """For each pair the smallest arena that holds both blocks."""
    bounds = []
    for (i, j), spans in pairs.items():
        above = lowest([(0, low, high) for low, high in spans], [0])
        below = lowest([(0, -high, -low) for low, high in spans], [0])
        bounds.append(min(above * unit + sizes[i], below * unit + sizes[j]))
    return bounds
