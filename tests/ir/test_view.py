"""Views compose with strides exactly when numpy can make them without a copy."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lowtide.ir.index import number
from lowtide.ir.view import Permute, Reshape, Slice, Strided, View, contiguous

SHAPES = [(2, 3, 4), (1, 6, 4), (6, 4), (24,), (4, 1, 3, 2), (2, 12), (3, 8), (1, 24, 1)]


def as_numpy(strided: Strided, memory: np.ndarray) -> np.ndarray:
    """The strided view of a flat array."""
    size = memory.itemsize
    return np.lib.stride_tricks.as_strided(
        memory[strided.offset :], strided.shape, [s * size for s in strided.strides]
    )


@st.composite
def views(draw: st.DrawFn) -> tuple[Strided, View]:
    """A dense tensor in some memory order, and a view of it."""
    shape = draw(st.sampled_from(SHAPES))
    order = draw(st.permutations(range(len(shape))))
    kind = draw(st.sampled_from(["permute", "reshape", "window"]))
    if kind == "permute":
        return contiguous(shape, order), Permute(tuple(draw(st.permutations(range(len(shape))))))
    if kind == "reshape":
        return contiguous(shape, order), Reshape(draw(st.sampled_from(SHAPES)))
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    steps = [draw(st.sampled_from([-1, 1, 2])) for _ in shape]
    to = [
        draw(st.integers(1, len(range(start, n if step > 0 else -1, step))))
        for start, step, n in zip(starts, steps, shape, strict=True)
    ]
    return contiguous(shape, order), Slice(tuple(starts), tuple(steps), tuple(to))


def expected(view: View, tensor: np.ndarray) -> np.ndarray:
    """What numpy makes of the view."""
    if isinstance(view, Permute):
        return tensor.transpose(view.order)
    if isinstance(view, Reshape):
        return tensor.reshape(view.to)
    rows = zip(view.starts, view.steps, view.to, strict=True)
    return tensor[np.ix_(*(start + step * np.arange(n) for start, step, n in rows))]


@settings(derandomize=True, max_examples=300, deadline=None)
@given(views())
def test_strides_and_indices_agree_with_numpy(case: tuple[Strided, View]) -> None:
    held, view = case
    memory = np.arange(prod(held.shape))
    tensor = as_numpy(held, memory)
    seen = view.strides(held)
    if seen is not None:
        assert (as_numpy(seen, memory) == expected(view, tensor)).all()
        assert seen.shape == view.shape(held.shape)
    wanted = expected(view, tensor)
    at = tuple(n - 1 for n in wanted.shape)
    index = view.index([number(i) for i in at], held.shape)
    assert tensor[tuple(i.constant for i in index)] == wanted[at]


def test_reshape_is_a_view_exactly_when_memory_allows() -> None:
    """[2,3,4] row-major can be seen as [6,4]; with its last axes swapped in memory it cannot."""
    assert Reshape((6, 4)).strides(contiguous((2, 3, 4), (0, 1, 2))) is not None
    assert Reshape((6, 4)).strides(contiguous((2, 3, 4), (0, 2, 1))) is None
    assert Reshape((2, 12)).strides(contiguous((2, 3, 4), (1, 2, 0))) is not None


def test_an_output_pulls_its_maker_into_place() -> None:
    """
    A detector head: conv [1,6,2,5] -> Transpose to NHWC -> Reshape [1,20,3], wanted row-major.
    Going back, the convolution's channels lie side by side, pixel after pixel.
    """
    wanted = contiguous((1, 20, 3), (0, 1, 2))
    nhwc = Reshape((1, 20, 3)).inverse(wanted, (1, 2, 5, 6))
    assert nhwc is not None
    conv = Permute((0, 2, 3, 1)).inverse(nhwc, (1, 6, 2, 5))
    assert conv is not None
    assert conv.strides[1:] == (1, 30, 6)
