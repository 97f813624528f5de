"""The order of elements in which kernels and loops read a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.ir.codes import Codes
from lowtide.ir.graph import Array

BLOCK = 16
"""Output channels of a block of weights: BLOCK of c/vectors.h."""


def bits(codes: Codes, run: int) -> dict[str, int]:
    """What C must be able to unpack (BITS_1 .. of c/packed_codes.h): codes in runs of so many."""
    widths = {f"BITS_{n}": int(n == codes.bits) for n in range(1, 9)}
    return {**widths, "BITS_ANY": int(run % 8 > 0)}


@dataclass(frozen=True)
class InOrder:
    """The order of a constant whose axes lie as `axes` lists them, outermost first."""

    constant: str
    axes: tuple[int, ...]

    def pack(self, values: Array) -> Array:
        """The elements of the constant, or of its codes, in that order, in one dimension."""
        return np.ascontiguousarray(values.transpose(self.axes)).ravel()


@dataclass(frozen=True)
class InBlocks:
    """Weights of a convolution in blocks of 16 output channels of a group: [ky][kx][in][16] each.

    The last block of a group is narrower. A vector that begins at its last channel reads up to 15
    elements behind the array: so many zeros follow.
    """

    constant: str
    groups: int

    def pack(self, values: Array) -> Array:
        """Weights [out, in, ky, kx] or [out, in, kx] in that order, in one dimension."""
        taps = values.transpose(*range(2, values.ndim), 1, 0).reshape(-1, values.shape[0])
        each = values.shape[0] // self.groups
        starts = [g * each + m for g in range(self.groups) for m in range(0, each, BLOCK)]
        ends = [*starts[1:], values.shape[0]]
        parts = [taps[:, a:b].ravel() for a, b in zip(starts, ends, strict=True)]
        spare = np.zeros(BLOCK - 1 if each % BLOCK else 0, np.float32)
        return np.concatenate([*parts, spare])


@dataclass(frozen=True)
class InPairs:
    """Weights of a convolution for two channels at a time: words a0 b0 a1 b1 of two inputs each.

    Runs of inputs are `together` columns of a row of the window long, and filled up to a word. Of
    inputs in fours, those are in a word that are widened together, 0 2 and 1 3. Where a window
    of three columns `slides`, a word is followed by those for the columns before it:
    [ky][word][kx 2, 1, 0], else [ky][kx][word].
    """

    constant: str
    together: int
    slides: bool

    def pack(self, values: Array) -> Array:
        """Weights [out, in, ky, kx] in that order, in one dimension, of an even number of words."""
        outside, inside, height, width = values.shape
        values = np.pad(values, ((0, outside % 2), (0, 0), (0, 0), (0, 0)))
        if inside % 4 == 0:
            fours = values.reshape(-1, 2, inside // 4, 2, 2, height, width)
            order = (0, 5, 2, 4, 6, 3, 1) if self.slides else (0, 5, 6, 2, 4, 3, 1)
            return np.ascontiguousarray(
                (fours[..., ::-1] if self.slides else fours).transpose(order)
            ).ravel()
        rows = values.transpose(0, 2, 3, 1).reshape(len(values), -1, self.together * inside)
        fours = np.arange(rows.shape[2] // 4 * 4).reshape(-1, 2, 2).swapaxes(1, 2).ravel()
        turned = [*fours, *range(len(fours), rows.shape[2])]
        even = np.pad(rows[..., turned], ((0, 0), (0, 0), (0, rows.shape[2] % 2)))
        runs = even.reshape(len(values), -1)
        filled = np.pad(runs, ((0, 0), (0, runs.shape[1] % 4)))
        words = filled.reshape(len(values) // 2, 2, -1, 2).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(words).ravel()


@dataclass(frozen=True)
class InWords:
    """Weights of a convolution as words of four inputs, in blocks of 16 channels: [word][16][4].

    Runs of inputs are `together` columns of a row of the window long, and filled up to a word, as
    the last block is to 16 channels.
    """

    constant: str
    together: int

    def pack(self, values: Array) -> Array:
        """Weights [out, in, ky, kx] in that order, in one dimension."""
        runs = values.transpose(0, 2, 3, 1).reshape(
            len(values), -1, self.together * values.shape[1]
        )
        filled = np.pad(runs, ((0, -len(runs) % BLOCK), (0, 0), (0, -runs.shape[2] % 4)))
        words = filled.reshape(-1, BLOCK, filled[0].size // 4, 4).swapaxes(1, 2)
        return np.ascontiguousarray(words).ravel()


@dataclass(frozen=True)
class InQuads:
    """Weights of a convolution for four channels at a time: [block of inputs][4][16].

    The inputs are those of a window, column after column and row after row; zeros fill up the last
    block and the last four channels.
    """

    constant: str

    def pack(self, values: Array) -> Array:
        """Weights [out, in, ky, kx] in that order, in one dimension."""
        rows = values.transpose(0, 2, 3, 1).reshape(len(values), -1)
        filled = np.pad(rows, ((0, -len(rows) % 4), (0, -rows.shape[1] % BLOCK)))
        quads = filled.reshape(-1, 4, filled.shape[1] // BLOCK, BLOCK).swapaxes(1, 2)
        return np.ascontiguousarray(quads).ravel()


@dataclass(frozen=True)
class InSixteens:
    """Weights of a convolution of each channel by itself, 16 channels at a time: [ky][kx][16]."""

    constant: str

    def pack(self, values: Array) -> Array:
        """Weights [channels, 1, ky, kx] in that order, in one dimension; the last is filled up with
        what is there, so that a vector may hold several pixels."""
        filled = np.pad(values, ((0, -len(values) % BLOCK), (0, 0), (0, 0), (0, 0)), "wrap")
        return np.ascontiguousarray(
            filled.reshape(-1, BLOCK, filled[0].size).swapaxes(1, 2)
        ).ravel()


@dataclass(frozen=True)
class InFours:
    """Weights of a dense layer, four inputs of four outputs at a time; zeros fill up both."""

    constant: str

    def pack(self, values: Array) -> Array:
        """Weights [out, in] in that order, in one dimension."""
        filled = np.pad(values, [(0, -n % 4) for n in values.shape])
        blocks = filled.reshape(len(filled) // 4, 4, -1, 4).swapaxes(1, 2)
        return np.ascontiguousarray(blocks).ravel()


@dataclass(frozen=True)
class Numbers:
    """Whole numbers that are worked out from constants, under a name of their own."""

    constant: str
    numbers: tuple[int, ...]

    def pack(self, values: Array) -> Array:
        """The numbers."""
        return np.array(self.numbers, np.int32)


Order = InOrder | InBlocks | InPairs | InQuads | InSixteens | InWords | InFours | Numbers


@dataclass(frozen=True)
class ByFamily:
    """A constant in an order of their own for some families of processors (`families.py`)."""

    variants: tuple[tuple[str, Order], ...]
    others: Order

    @property
    def constant(self) -> str:
        """The name of the constant."""
        return self.others.constant


Packing = Order | ByFamily
