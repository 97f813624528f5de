"""The order of least peak is least, keeps the rules, and is left alone if it is already."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.errors import LowtideError
from lowtide.schedules.least_peak import Order, OrderProblem, given_order, least_peak

NONE: frozenset[int] = frozenset()


def peak_of(problem: OrderProblem, steps: Sequence[int]) -> int:
    """The most bytes alive at one step, from the definition of when a storage lives."""
    live = [0] * len(steps)
    for storage, size in enumerate(problem.sizes):
        used = [at for at, step in enumerate(steps) if storage in problem.uses[step]]
        from_start, to_end = storage in problem.held_from_start, storage in problem.held_to_end
        if from_start and to_end:
            first, last = 0, len(steps) - 1
        elif used:
            first = 0 if from_start else used[0]
            last = len(steps) - 1 if to_end else used[-1]
        else:
            continue
        for at in range(first, last + 1):
            live[at] += size
    return max(live)


def follows(problem: OrderProblem, steps: Sequence[int]) -> bool:
    place = {step: at for at, step in enumerate(steps)}
    return sorted(steps) == list(range(len(problem.uses))) and all(
        place[other] < place[step]
        for step, earlier in enumerate(problem.after)
        for other in earlier
    )


@st.composite
def small_graphs(draw: st.DrawFn) -> OrderProblem:
    """Up to seven steps; any step may share any storage, inputs and outputs included."""
    steps, storages = draw(st.integers(1, 7)), draw(st.integers(1, 8))
    some = st.frozensets(st.integers(0, storages - 1), max_size=3)
    after = [
        draw(st.frozensets(st.integers(0, step - 1), max_size=2)) if step else NONE
        for step in range(steps)
    ]
    return OrderProblem(
        sizes=tuple(draw(st.integers(1, 9)) for _ in range(storages)),
        uses=tuple(draw(some) for _ in range(steps)),
        after=tuple(after),
        held_from_start=draw(some),
        held_to_end=draw(some),
    )


@settings(max_examples=150, derandomize=True, deadline=None)
@given(small_graphs())
def test_least_peak_agrees_with_all_orders(problem: OrderProblem) -> None:
    orders = permutations(range(len(problem.uses)))
    least = min(peak_of(problem, steps) for steps in orders if follows(problem, steps))
    found, given_ = least_peak(problem), given_order(problem)
    assert found == Order(found.steps, least, True, least)
    assert follows(problem, found.steps)
    assert peak_of(problem, found.steps) == least
    assert given_.peak == peak_of(problem, given_.steps)
    assert given_.bound <= least
    if given_.peak == least:
        assert found.steps == given_.steps


@settings(max_examples=60, derandomize=True, deadline=None)
@given(small_graphs(), st.integers(0, 5))
def test_a_capped_search_says_what_it_knows(problem: OrderProblem, states: int) -> None:
    least, found = least_peak(problem), least_peak(problem, states=states)
    assert found.bound <= least.peak <= found.peak
    assert found.proven == (found.bound == found.peak)
    assert follows(problem, found.steps)
    assert peak_of(problem, found.steps) == found.peak


def branches(*widths: int) -> OrderProblem:
    """An input of one byte and wide branches that each shrink to one byte, then a sum.

    x 1 -+- wide[0] -- narrow 1 -+
         +- wide[1] -- narrow 1 -+- sum 1        given: all the wide ones first
         +- ...
    """
    count = len(widths)
    wide = [frozenset({0, 1 + k}) for k in range(count)]
    narrow = [frozenset({1 + k, 1 + count + k}) for k in range(count)]
    return OrderProblem(
        sizes=(1, *widths, *[1] * count, 1),
        uses=(*wide, *narrow, frozenset(range(1 + count, 2 + 2 * count))),
        after=(
            *[NONE] * count,
            *[frozenset({k}) for k in range(count)],
            frozenset(range(count, 2 * count)),
        ),
        held_from_start=frozenset({0}),
        held_to_end=frozenset({1 + 2 * count}),
    )


def test_one_branch_after_the_other() -> None:
    """Both wide, 1 + 8 + 8 bytes; one by one, a wide, a narrow and either x or the other narrow."""
    problem = branches(8, 8)
    assert given_order(problem).peak == 17
    assert least_peak(problem).peak == 10
    assert least_peak(problem).proven
    assert least_peak(problem).steps in {(0, 2, 1, 3, 4), (1, 3, 0, 2, 4)}


def test_the_widest_branch_goes_first() -> None:
    """Each branch run to its end leaves a byte: 8 bytes meet none of those, 7 meet one, ..."""
    problem = branches(4, 5, 6, 7, 8)
    found = least_peak(problem)
    assert (found.peak, found.proven) == (10, True)
    assert peak_of(problem, found.steps) == 10


def test_twelve_outputs_on_three_scales() -> None:
    """A detector: 3 taps of a chain, 4 heads of 5 steps each; all downsets would be 10 ** 9."""
    uses: list[frozenset[int]] = []
    after: list[frozenset[int]] = []
    sizes, outputs = [4000], []

    def step(source: int, by: int | None, size: int) -> tuple[int, int]:
        sizes.append(size)
        uses.append(frozenset({source, len(sizes) - 1}))
        after.append(NONE if by is None else frozenset({by}))
        return len(sizes) - 1, len(uses) - 1

    tap: tuple[int, int | None] = (0, None)
    for scale in (256, 64, 16):
        tap = step(*tap, 4 * scale)
        for _ in range(4):
            head: tuple[int, int | None] = tap
            for _ in range(4):
                head = step(*head, scale)
            outputs.append(step(*head, scale // 4)[0])
    held = frozenset(outputs)
    problem = OrderProblem(tuple(sizes), tuple(uses), tuple(after), frozenset({0}), held)
    found = least_peak(problem)
    assert found.proven
    assert follows(problem, found.steps)
    assert found.peak == peak_of(problem, found.steps) <= given_order(problem).peak


def test_no_steps() -> None:
    """What is held throughout is alive even if nothing runs."""
    problem = OrderProblem((3, 5), (), (), frozenset({0, 1}), frozenset({0}))
    assert least_peak(problem) == Order((), 3, True, 3)


def test_an_order_that_contradicts_itself_is_refused() -> None:
    problem = OrderProblem((1,), (frozenset({0}),) * 2, (frozenset({1}), NONE), NONE, NONE)
    with pytest.raises(LowtideError, match="step 0"):
        least_peak(problem)
