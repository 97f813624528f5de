"""Forbidden differences of address, from the lifetimes of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.overlap import problem as overlap
from lowtide.overlap.blocks import by_blocks, by_pairs, least
from lowtide.overlap.problem import collisions, placement_problem
from lowtide.overlap.spans import spans
from lowtide.rows.liveness import Life, live_bytes


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
    """Up to six rows: whole, one after the other, backwards, or at random with some never live."""
    count = draw(st.integers(1, 6))
    kind = draw(st.sampled_from(["whole", "forwards", "backwards", "random", "torn"]))
    first, length = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    k = np.arange(count)
    if kind in ("random", "torn"):
        start = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)))
        length = st.integers(-1, 3)
        if kind == "random":
            return Life(draw(st.integers(1, 4)), start, start + draw(length))
        lengths = np.array(draw(st.lists(length, min_size=count, max_size=count)))
        return Life(draw(st.integers(1, 4)), start, start + lengths)
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


QUICK = settings(derandomize=True, max_examples=500, deadline=None)


@QUICK
@given(lives(), lives())
def test_intervals_are_exact(a: Life, b: Life) -> None:
    """Every difference of address is forbidden just when two live rows would meet: both ways."""
    blocks = by_blocks(spans(a), spans(b)).pairs()
    assert collisions(a, b) == blocks == by_pairs(spans(a), spans(b)).pairs()
    for difference in range(-b.bytes - a.bytes - 2, b.bytes + a.bytes + 3):
        inside = any(low < difference < high for low, high in blocks)
        assert inside == meets(a, b, difference), (blocks, difference)


def forbidden(a: Life, b: Life) -> tuple[tuple[int, int], ...]:
    """The same from every pair of rows: how many intervals hold each difference of address."""
    together = (
        (a.start[:, None] <= a.stop[:, None])
        & (b.start <= b.stop)
        & (a.start[:, None] <= b.stop)
        & (b.start <= a.stop[:, None])
    )
    i, j = np.nonzero(together)
    holds = np.zeros(a.bytes + b.bytes + 2, np.int64)  # by difference + a.bytes
    np.add.at(holds, a.bytes + j * b.cell_bytes - (i + 1) * a.cell_bytes + 1, 1)
    np.add.at(holds, a.bytes + (j + 1) * b.cell_bytes - i * a.cell_bytes, -1)
    edge = np.diff(np.pad(np.cumsum(holds) > 0, 1).astype(np.int8))
    first, end = np.flatnonzero(edge == 1) - a.bytes, np.flatnonzero(edge == -1) - a.bytes
    return tuple(zip((first - 1).tolist(), end.tolist(), strict=True))


def convolved(
    image: tuple[int, int],
    window: tuple[int, int, int, int],
    cell_bytes: tuple[int, int],
    backward: tuple[bool, bool] = (False, False),
    lag: int = 0,
) -> tuple[Life, Life]:
    """The pixels of an image, and those of its convolution, which takes the steps after it.

    window is k, stride, pad, dilation. A pixel lives until the last output pixel that reads it is
    made, or not at all if none does and lag is 0; an output pixel until `lag` steps after its
    making, or to the end if lag is 0. backward: the image, the output is made from its last pixel.
    """
    k, stride, pad, dilation = window
    made, step = [], 0
    out = tuple((n + 2 * pad - dilation * (k - 1) - 1) // stride + 1 for n in image)
    for (height, width), turned in ((image, backward[0]), (out, backward[1])):
        at = step + np.arange(height * width).reshape(height, width)
        made.append(at[::-1, ::-1] if turned else at)
        step += height * width
    read = made[0] + lag - 1
    for y, x in np.ndindex(k, k):
        taps = [
            np.arange(n) * stride - pad + t * dilation for n, t in zip(out, (y, x), strict=True)
        ]
        inside = [(tap >= 0) & (tap < n) for tap, n in zip(taps, image, strict=True)]
        pixels = np.ix_(*(tap[ok] for tap, ok in zip(taps, inside, strict=True)))
        read[pixels] = np.maximum(read[pixels], made[1][np.ix_(*inside)])
    held = made[1] + lag if lag else np.full(out, step)
    a, b = ((m.ravel(), r.ravel()) for m, r in zip(made, (read, held), strict=True))
    return Life(cell_bytes[0], *a), Life(cell_bytes[1], *b)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Life, Life]:
    k, stride, dilation = (draw(st.integers(1, n)) for n in (4, 3, 2))
    pad, reach = draw(st.integers(0, k // 2 * dilation)), dilation * (k - 1) + 1
    image = draw(st.integers(reach, 18)), draw(st.integers(reach, 18))
    cell_bytes = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    backward = draw(st.booleans()), draw(st.booleans())
    return convolved(
        image,
        (k, stride, pad, dilation),
        cell_bytes,
        backward,
        draw(st.sampled_from([0, 1, 5, 40])),
    )


MANY = settings(derandomize=True, max_examples=150, deadline=None)


@MANY
@given(convolutions())
def test_pixels_of_a_convolution(pair: tuple[Life, Life]) -> None:
    """Strides, padding and row ends break the order in which pixels die; the union is exact."""
    a, b = pair
    exact = forbidden(a, b)
    assert collisions(a, b) == exact
    assert by_blocks(spans(a), spans(b)).pairs() == exact
    assert by_blocks(spans(b), spans(a)).pairs() == tuple((-h, -low) for low, h in exact[::-1])


@MANY
@given(st.one_of(convolutions(), st.tuples(lives(), lives())), st.sampled_from([0, 1, 2, 8, 64]))
def test_cut_short_only_gaps_are_lost(pair: tuple[Life, Life], most: int) -> None:
    """Nothing that is forbidden is let through, and the lowest and the highest end are exact."""
    exact, found = (by_blocks(*map(spans, pair), *most) for most in ((), (most,)))
    assert found.covers(exact.low, exact.high).all()
    assert found.low[:1].tolist() == exact.low[:1].tolist()
    assert found.high[-1:].tolist() == exact.high[-1:].tolist()


def test_a_gap_in_the_middle_of_many_pixels() -> None:
    """
    a   |#### 500 ####|.... 400 ....|#### 500 ####|     live # while b is, 8 bytes a pixel
    b                 |== 300 ==|                       fits between, A_a - A_b = -4800 .. -4000
    """
    k = np.arange(1400)
    a = Life(8, k, np.where((k < 500) | (k >= 900), 3000 + k, 1400))
    b = Life(8, 2000 + k[:300], 2500 + k[:300])
    gapped = ((-1400 * 8, -900 * 8 + 300 * 8), (-500 * 8, 300 * 8))
    assert collisions(a, b) == forbidden(a, b) == gapped
    assert by_blocks(spans(a), spans(b)).pairs() == gapped
    assert by_blocks(spans(a), spans(b), most=0).pairs() == ((-1400 * 8, 300 * 8),)


@pytest.mark.parametrize("backward", [(False, False), (False, True), (True, False), (True, True)])
def test_a_hundred_thousand_pixels(backward: tuple[bool, bool]) -> None:
    """The output of a 3 x 3 convolution may lie a row and two pixels below its input.

    Pixel (y, x) is read last when output (y+1, x+1) is made, 317 pixels on; when the convolution
    runs backward, (y-1, x-1) is, and the output may lie above. How the input was made is over.
    """
    width = 316
    a, b = convolved((width, width), (3, 1, 1, 1), (8, 8), backward)
    reach, size = 8 * (width + 2), 8 * width**2
    assert collisions(a, b) == (((-reach, size),) if backward[1] else ((-size, reach),))


def test_a_hundred_thousand_pixels_in_no_order() -> None:
    """Pixel k of a meets only the k-th from the end of b: intervals that touch, 4 bytes long."""
    k = np.arange(100_000)
    assert len(collisions(Life(2, k, k), Life(2, k[::-1], k[::-1]))) == 100_000
    dice = np.random.default_rng(1)
    even, odd = 2 * dice.permutation(100_000), 2 * dice.permutation(100_000) + 1
    assert collisions(Life(2, even, even), Life(3, odd, odd)) == ()


def test_least() -> None:
    values = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    begin, end = np.array([(i, j) for i in range(8) for j in range(i + 1, 9)]).T
    assert least(values, begin, end).tolist() == [
        values[i:j].min() for i, j in zip(begin, end, strict=True)
    ]
    assert least(values, begin[:0], end[:0]).tolist() == []


def test_spans_are_made_once_for_each_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(overlap, "spans", lambda held: made.append(held) or spans(held))
    held = {str(k): life(4, (k, 9), (k + 1, 9)) for k in range(8)}
    problem = placement_problem(held, 20, 4)
    assert len(made) == 8
    assert problem.forbidden == {(i, j): ((-8, 8),) for j in range(8) for i in range(j)}


def test_live_bytes_and_the_bound() -> None:
    """Two rows of 8 bytes, one of 4: at step 2 all live, 20 bytes."""
    held = {"a": life(8, (0, 2), (1, 3)), "b": life(4, (2, 4))}
    assert live_bytes(held, 4).tolist() == [8, 16, 20, 12, 4, 0]
    assert placement_problem(held, 4, 4).lower_bound == 20
