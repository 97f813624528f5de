"""How a layer is to be stored: sizes and bits, before there are numbers."""

from __future__ import annotations

from dataclasses import dataclass

from lowtide.weights.format import Filters


@dataclass(frozen=True)
class Setting:
    """Sizes and bit widths of a layer's factors.

    `rank` is Bi, 0: no U. `kernels` is Bc, 0: no V. `bits` are those of B, U and V; with neither U
    nor V the first is that of plain weights.
    """

    bits: tuple[int, int, int]
    rank: int = 0
    kernels: int = 0

    @property
    def plain(self) -> bool:
        return not (self.rank or self.kernels)

    def sizes(self, filters: Filters) -> tuple[int, int, int]:
        """Elements of B, U and V."""
        k = self.kernels or filters.outputs
        across = filters.outputs * k if self.kernels else 0
        if self.rank:
            return k * self.rank * filters.taps, k * self.rank * filters.inputs, across
        return k * filters.inputs * filters.taps, 0, across

    def code_bits(self, filters: Filters) -> int:
        """Bits of all codes; scales are not in it."""
        return sum(n * q for n, q in zip(self.sizes(filters), self.bits, strict=True))

    def bytes(self, filters: Filters, scale_bytes: int = 2) -> int:
        """What `Generated.bytes` will be."""
        sizes = self.sizes(filters)
        vectors = (self.kernels or filters.outputs) * (2 if self.rank else 1)
        vectors += filters.outputs if self.kernels else 0
        packed = sum(-(-n * q // 8) for n, q in zip(sizes, self.bits, strict=True))
        return packed + vectors * scale_bytes


def plain(bits: int) -> Setting:
    """Plain n-bit weights, a scale for each output."""
    return Setting((bits, 0, 0))


def published(
    filters: Filters, rank: int, kernels: int, bits: tuple[int, int, int], first: bool = False
) -> Setting:
    """The paper's setting (Bi, Bc, bits of B, U, V) on one layer.

    Level 1 only where 0 < Bi < min(inputs, taps); level 2 only where Bc is smaller than both sides
    of the product; the first convolution has level 1 alone, a 1x1 level 2 alone. A depthwise layer
    is C rows over Bi basis kernels, with the bits of U and B. What neither level suits is plain,
    with the bits of U.
    """
    b, u, v = bits
    if filters.inputs == 1 and filters.groups > 1:
        fits = 0 < rank < filters.taps
        return Setting((b, 0, u), kernels=rank) if fits else plain(u)
    inside = rank if 0 < rank < min(filters.inputs, filters.taps) else 0
    most = min(filters.outputs, filters.inputs * filters.taps)
    across = kernels if 0 < kernels < most and filters.groups == 1 and not first else 0
    if not (inside or across):
        return plain(u)
    return Setting((b, u if inside else 0, v if across else 0), inside, across)
