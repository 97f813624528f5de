"""A placer keeps every pair out of its forbidden intervals, and the exact one is exact."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from lowtide.check.placement import Rows, check_placement
from lowtide.errors import LowtideError, UsageError
from lowtide.placers import PLACERS, greedy, place
from lowtide.placers.cp_sat import solve_interruptibly
from lowtide.placers.grid import Grid
from lowtide.placers.problem import Block, Interval, Placement, Problem

QUICK = settings(max_examples=60, derandomize=True, deadline=None)


def sound(problem: Problem, placement: Placement) -> bool:
    """The definition, word for word."""
    offsets = placement.offsets
    ends = [a + block.size for a, block in zip(offsets, problem.blocks, strict=True)]
    return (
        all(a >= 0 and a % problem.align == 0 for a in offsets)
        and placement.arena_bytes == max(ends, default=0)
        and placement.bound <= placement.arena_bytes
        and placement.proven == (placement.bound == placement.arena_bytes)
        and not any(
            lo < offsets[i] - offsets[j] < hi
            for (i, j), intervals in problem.forbidden.items()
            for lo, hi in intervals
        )
    )


def least_arena(problem: Problem, most: int) -> int:
    """The least arena of all placements within `most` bytes, by trying all that are smaller."""
    least = most

    def extend(offsets: tuple[int, ...], arena: int) -> None:
        nonlocal least
        i = len(offsets)
        if i == len(problem.blocks):
            least = min(least, arena)
            return
        for a in range(0, least - problem.blocks[i].size, problem.align):
            clear = all(
                not lo < offsets[j] - a < hi
                for j in range(i)
                for lo, hi in problem.forbidden.get((j, i), ())
            )
            if clear:
                extend((*offsets, a), max(arena, a + problem.blocks[i].size))

    extend((), 0)
    return least


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    """Up to four blocks, any alignment, up to three forbidden intervals a pair, gaps and all."""
    align = draw(st.sampled_from([1, 1, 2, 4]))
    sizes = draw(st.lists(st.integers(1, 4 * align), min_size=1, max_size=4))
    starts = [draw(st.integers(0, 3)) for _ in sizes]
    blocks = tuple(
        Block(f"b{k}", size, start, start + 2)
        for k, (size, start) in enumerate(zip(sizes, starts, strict=True))
    )
    forbidden: dict[tuple[int, int], tuple[Interval, ...]] = {}
    for i in range(len(sizes)):
        for j in range(i + 1, len(sizes)):
            if draw(st.booleans()):
                forbidden[i, j] = ((-sizes[i], sizes[j]),)
                continue
            reach = 4 * align
            ends = st.lists(st.integers(-reach, reach), min_size=2, max_size=6, unique=True)
            cuts = sorted(draw(ends))
            spans = tuple(zip(cuts[::2], cuts[1::2], strict=False))
            if spans:
                forbidden[i, j] = spans
    return Problem(blocks, align, forbidden, max(sizes))


@QUICK
@given(small_problems())
def test_exact_agrees_with_brute_force(problem: Problem) -> None:
    quick, exact = place(problem, "greedy"), place(problem, "exact")
    assert sound(problem, quick)
    assert sound(problem, exact)
    assert exact.proven
    assert exact.arena_bytes == least_arena(problem, quick.arena_bytes)


def worst_packing(grid: Grid, blocks: Sequence[Block]) -> greedy.Stacking:
    """The largest arena that placing the blocks one by one can lead to."""
    packings = (greedy.fill(grid, order) for order in permutations(range(len(blocks))))
    return max(packings, key=lambda packing: packing.arena_bytes)


@QUICK
@given(small_problems())
def test_exact_does_not_live_on_a_good_start(problem: Problem) -> None:
    """From the worst start the solver itself has to find the least, and to prove it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy, "pack", worst_packing)
        exact = place(problem, "exact")
    assert sound(problem, exact)
    assert exact.proven
    assert exact.arena_bytes == least_arena(problem, place(problem, "greedy").arena_bytes)


def rows_problem(storages: list[Rows], align: int) -> Problem:
    """The problem of storages that are straight runs of rows: its intervals, the slow way."""
    forbidden: dict[tuple[int, int], tuple[Interval, ...]] = {}
    for i, one in enumerate(storages):
        for j in range(i + 1, len(storages)):
            other = storages[j]
            bad: set[int] = set()
            for r, q in product(range(len(one.start)), range(len(other.start))):
                if one.start[r] <= other.stop[q] and other.start[q] <= one.stop[r]:
                    shift = q * other.row_bytes - r * one.row_bytes
                    bad.update(range(shift - one.row_bytes + 1, shift + other.row_bytes))
            lows = [d - 1 for d in sorted(bad) if d - 1 not in bad]
            highs = [d + 1 for d in sorted(bad) if d + 1 not in bad]
            if bad:
                forbidden[i, j] = tuple(zip(lows, highs, strict=True))
    blocks = tuple(
        Block(s.name, s.row_bytes * len(s.start), int(s.start.min()), int(s.stop.max()) + 1)
        for s in storages
    )
    live = (
        sum(s.row_bytes * int(((s.start <= t) & (t <= s.stop)).sum()) for s in storages)
        for t in range(max(block.stop for block in blocks))
    )
    return Problem(blocks, align, forbidden, max(live))


def at_offsets(storages: list[Rows], offsets: tuple[int, ...]) -> list[Rows]:
    return [
        replace(rows, address=offset + rows.row_bytes * np.arange(len(rows.start)))
        for rows, offset in zip(storages, offsets, strict=True)
    ]


@st.composite
def row_problems(draw: st.DrawFn) -> tuple[list[Rows], Problem]:
    """A chain of operators run row by row: row r of each is made from rows r-1 to r+1 before it.

    One storage may be held much longer than its reader needs it, as for a residual sum.
    """
    align = draw(st.sampled_from([1, 4]))
    widths = draw(st.lists(st.integers(1, 12), min_size=3, max_size=6))
    height = draw(st.integers(2, 6))
    r = np.arange(height)
    storages = []
    for k, width in enumerate(widths):
        start = r + max(0, k - 1) * height
        read = k * height + np.minimum(r + 1, height - 1)
        held = 2 * height if draw(st.integers(0, 4)) == 0 else 0
        storages.append(Rows(f"t{k}", width, r, start, read + held))
    return storages, rows_problem(storages, align)


@QUICK
@given(row_problems())
def test_rows_may_overlap_where_the_independent_check_agrees(
    case: tuple[list[Rows], Problem],
) -> None:
    storages, problem = case
    for how in PLACERS:
        placement = place(problem, how)
        assert sound(problem, placement)
        rows = at_offsets(storages, placement.offsets)
        assert check_placement(rows, placement.arena_bytes, problem.align) == []


@QUICK
@given(row_problems(), st.data())
def test_a_block_moved_into_a_forbidden_interval_is_caught(
    case: tuple[list[Rows], Problem], data: st.DataObject
) -> None:
    """One unit inside either end of any interval is a fault; on the end itself there is none."""
    storages, problem = case
    (i, j), intervals = data.draw(st.sampled_from(sorted(problem.forbidden.items())))
    lo, hi = data.draw(st.sampled_from(intervals))
    pair = [storages[i], storages[j]]
    for difference, clash in ((lo, False), (lo + 1, True), (hi - 1, True), (hi, False)):
        below = max(0, -difference)
        rows = at_offsets(pair, (below + difference, below))
        assert bool(check_placement(rows, 10_000, 1)) == clash


def test_a_block_is_threaded_through_a_gap() -> None:
    """Only two rows of `ring` are live when `row` is, so `row` lies between them.

    bytes 0    4    8    12
    ring  |xxxx|    |xxxx|
    row        |row |             row - ring: not within (-4, 4) nor (4, 12)
    """
    blocks = (Block("row", 4, 1, 2), Block("ring", 12, 0, 3))
    problem = Problem(blocks, 4, {(0, 1): ((-4, 4), (4, 12))}, 12)
    for how in PLACERS:
        assert place(problem, how) == Placement((4, 0), 12, True, 12)


def test_a_gap_without_an_aligned_offset_is_no_gap() -> None:
    """The same with an alignment of 8: byte 4 is out of reach, one goes above the other."""
    blocks = (Block("row", 4, 1, 2), Block("ring", 12, 0, 3))
    problem = Problem(blocks, 8, {(0, 1): ((-4, 4), (4, 12))}, 12)
    for how in PLACERS:
        placement = place(problem, how)
        assert sound(problem, placement)
        assert (placement.arena_bytes, placement.proven) == (20, True)


def test_exact_beats_the_order_of_sizes() -> None:
    """Robson's kind of trap: what dies early must not lie where it splits what is left free."""
    lives = [(3, 0, 2), (2, 0, 4), (3, 1, 6), (4, 3, 7), (1, 4, 9), (4, 5, 9), (3, 7, 9)]
    blocks = tuple(Block(f"b{k}", s, a, z) for k, (s, a, z) in enumerate(lives))
    problem = classical(blocks)
    exact = place(problem, "exact")
    assert sound(problem, exact)
    assert exact.arena_bytes == problem.lower_bound
    assert exact.proven


def classical(blocks: tuple[Block, ...], align: int = 1) -> Problem:
    """Two blocks that live at the same time must be apart."""
    forbidden = {
        (i, j): ((-a.size, b.size),)
        for i, a in enumerate(blocks)
        for j, b in enumerate(blocks)
        if i < j and a.start < b.stop and b.start < a.stop
    }
    live = [sum(b.size for b in blocks if b.start <= a.start < b.stop) for a in blocks]
    return Problem(blocks, align, forbidden, max(live, default=0))


def test_many_blocks_are_placed_and_the_same_each_time() -> None:
    dice = np.random.default_rng(1)
    blocks = tuple(
        Block(f"b{k}", int(dice.integers(1, 100)), k // 4, k // 4 + int(dice.integers(1, 8)))
        for k in range(120)
    )
    problem = classical(blocks, align=16)
    for how in PLACERS:
        placement = place(problem, how, seconds=1)
        assert sound(problem, placement)
        assert placement == place(problem, how, seconds=1)


def test_nothing_to_place() -> None:
    for how in PLACERS:
        assert place(Problem((), 16, {}, 0), how) == Placement((), 0, True, 0)


def test_blocks_that_never_meet_share_the_arena() -> None:
    blocks = (Block("a", 5, 0, 1), Block("b", 9, 1, 2), Block("c", 7, 2, 3))
    for how in PLACERS:
        assert place(Problem(blocks, 4, {}, 9), how) == Placement((0, 0, 0), 9, True, 9)


def test_a_lower_bound_that_is_not_one_is_refused() -> None:
    """Else the placement would seem proven."""
    with pytest.raises(LowtideError, match="5 bytes, though 6"):
        place(Problem((Block("a", 5, 0, 1),), 1, {}, 6), "greedy")


def test_blocks_that_conflict_without_a_lifetime_are_kept_apart_too() -> None:
    """The intervals decide; the lifetimes of whole blocks only help."""
    blocks = (Block("a", 5, 2, 2), Block("b", 6, 0, 4), Block("c", 7, 3, 1))
    apart = {(i, j): ((-blocks[i].size, blocks[j].size),) for i, j in ((0, 1), (0, 2), (1, 2))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(greedy, "pack", lambda grid, _: greedy.Stacking((), (0, 5, 20), 27))
        placement = place(Problem(blocks, 1, apart, 7), "exact")
    assert sound(Problem(blocks, 1, apart, 7), placement)
    assert placement.arena_bytes == 18


def test_an_unknown_placer_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"best.*greedy, exact"):
        place(Problem((), 1, {}, 0), "best")


def pigeons(holes: int) -> cp_model.CpModel:
    """One pigeon more than holes, none of which holds two: short to say, long to refute."""
    model = cp_model.CpModel()
    at = [[model.new_bool_var("") for _ in range(holes)] for _ in range(holes + 1)]
    for pigeon in at:
        model.add_at_least_one(pigeon)
    for hole in zip(*at, strict=True):
        for k, one in enumerate(hole):
            for other in hole[:k]:
                model.add_bool_or(~one, ~other)
    return model


def test_ctrl_c_stops_the_solver_and_stays_the_callers() -> None:
    """A signal in the middle of a run raises where the caller's handler says, and soon."""
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers, parameters.max_time_in_seconds = 1, 60
    parameters.cp_model_presolve, parameters.symmetry_level = False, 0
    parameters.linearization_level = 0
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        began = time.monotonic()
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            solve_interruptibly(solver, pigeons(14))
        assert time.monotonic() - began < 20
        with pytest.raises(KeyboardInterrupt):  # still python's own handler, not death
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
