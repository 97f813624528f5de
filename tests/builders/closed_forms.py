"""The least distance between a convolution's input and output, in closed form.

Jokic, Emery and Benini (arXiv 2007.09963) overlap the two; these formulas are ours, worked out by
hand for one layer of H x W x C to P x Q x K in raster order, and share nothing with lowtide:

    d = max over p [p*Q*K - a(p)*W*C] + max over q [q*K - b(q)*C] + e

a(p) and b(q) are the first input row and column that output row p and column q, or a later one,
still read; e is what a pixel's own write order adds. d is A_in - A_out where the output lies below
the input and the layer runs forwards; backwards the layer is mirrored.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Axis:
    """One image axis of a layer: input size, kernel, stride, dilation, padding on both sides."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def made(self) -> int:
        reach = (self.kernel - 1) * self.dilation + 1
        return (self.size + self.before + self.after - reach) // self.stride + 1

    @property
    def mirrored(self) -> Axis:
        """The same axis seen from its other end; what the stride leaves over is padding less."""
        reach = (self.kernel - 1) * self.dilation + 1
        far = (self.made - 1) * self.stride + reach - self.size - self.before
        return replace(self, before=far, after=self.before)

    def first(self, p: int) -> int:
        """The first position that outputs p, p + 1, ... read (the size, if they read none)."""
        if self.dilation == 1:
            at = p * self.stride - self.before
            return max(0, at) if at < self.size and at + self.kernel > 0 else self._first(p)
        return self._first(p)

    def _first(self, p: int) -> int:
        taps = range(0, self.kernel * self.dilation, self.dilation)
        rows = (q * self.stride - self.before + t for q in range(p, self.made) for t in taps)
        return min((r for r in rows if 0 <= r < self.size), default=self.size)


@dataclass(frozen=True)
class Layer:
    """A convolution of C channels to K, in `groups`."""

    rows: Axis
    columns: Axis
    inputs: int
    outputs: int
    groups: int

    @property
    def mirrored(self) -> Layer:
        return replace(self, rows=self.rows.mirrored, columns=self.columns.mirrored)

    @property
    def in_elements(self) -> int:
        return self.rows.size * self.columns.size * self.inputs

    @property
    def out_elements(self) -> int:
        return self.rows.made * self.columns.made * self.outputs

    def row_term(self, more: int = 0) -> int:
        """max over p [(p + more)*Q*K - a(p)*W*C]."""
        wide, tall = self.columns.made * self.outputs, self.columns.size * self.inputs
        return max((p + more) * wide - self.rows.first(p) * tall for p in range(self.rows.made))

    def by_pixel(self, e: int = 0) -> int:
        """Pixel after pixel; `e` 0: its K values together."""
        k, c = self.outputs, self.inputs
        columns = max(q * k - self.columns.first(q) * c for q in range(self.columns.made))
        return max(0, self.row_term() + columns + e)

    def by_tiles(self, tile: int) -> int:
        """Tiles of so many output channels: the last begins at K - T if T divides K."""
        return self.by_pixel((self.outputs - 1) // tile * tile)

    def by_group(self, pixels: int, atomic: bool) -> int:
        """Groups of pixels, in any order inside: max over q0 of [min(Q, q0+T)*K - b(q0)*C]."""
        made, k, c = self.columns.made, self.outputs, self.inputs
        columns = max(
            (q if atomic else min(made, q + pixels)) * k - self.columns.first(q) * c
            for q in range(0, made, pixels)
        )
        return max(0, self.row_term() + columns)

    def by_row(self) -> int:
        """A whole row in any order; the input's rows are freed whole."""
        return max(0, self.row_term(more=1))

    def by_line(self) -> int:
        """A whole row from a line buffer."""
        first = min(self.columns.first(q) for q in range(self.columns.made))
        return max(0, self.row_term() - first * self.inputs)


def random_layer(seed: int) -> Layer:
    """Any geometry, with at least two output rows and columns, in which every output reads."""
    dice = random.Random(seed)
    while True:
        rows, columns = _axis(dice), _axis(dice)
        kind = dice.choice(("dense", "dense", "depthwise", "grouped"))
        groups = {"dense": 1, "depthwise": dice.randint(2, 6), "grouped": dice.randint(2, 3)}[kind]
        inputs = groups * (1 if kind != "grouped" else dice.randint(1, 3))
        outputs = groups * dice.randint(1, 3)
        if kind == "dense":
            inputs, outputs = dice.randint(1, 9), dice.randint(1, 9)
        if rows.made >= 2 and columns.made >= 2 and _reads(rows) and _reads(columns):
            return Layer(rows, columns, inputs, outputs, groups)


def _axis(dice: random.Random) -> Axis:
    kernel, dilation = dice.randint(1, 5), dice.choice((1, 1, 1, 2, 3))
    pads = [dice.randint(0, (kernel - 1) * dilation) for _ in range(2)]
    return Axis(dice.randint(3, 12), kernel, dice.randint(1, 3), dilation, *pads)


def _reads(axis: Axis) -> bool:
    """Whether every output reads something: a row that is padding only has no a(p) of its own."""
    starts = [p * axis.stride - axis.before for p in range(axis.made)]
    taps = range(0, axis.kernel * axis.dilation, axis.dilation)
    return all(any(0 <= s + t < axis.size for t in taps) for s in starts)
