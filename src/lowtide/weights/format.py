"""The one format of generated weights: W = V (U B), each factor of low bits.

Source: Gu et al., "Towards Memory-Efficient Neural Networks via Multi-Level in situ Generation",
ICCV 2021, section 3. Their U, B, V and Bi, Bc are `inside`, `basis`, `across` and `rank`,
`kernels` here; their scale per tensor is one per vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from lowtide.ir.codes import Array, Codes


@dataclass(frozen=True)
class Filters:
    """The shape of a layer's weights [outputs, inputs, *area]; `inputs` are those of one group.

    A dense layer is a pointwise convolution: its area is () or (1, 1). Depthwise: inputs = 1 and
    groups = outputs.
    """

    outputs: int
    inputs: int
    area: tuple[int, ...] = ()
    groups: int = 1

    @property
    def taps(self) -> int:
        """Elements of the area, the paper's k*k."""
        return prod(self.area)

    @property
    def size(self) -> int:
        return self.outputs * self.inputs * self.taps

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.outputs, self.inputs, *self.area)


@dataclass(frozen=True, eq=False)
class Generated:
    """A layer's weights as factors.

        basis                    [kernels, inputs * taps]                   B alone: plain n-bit
        inside                   [kernels, rank * inputs]  over basis [kernels, rank * taps]
            kernel[i] = inside[i]^T basis[i]                                level 1: U B
        across                   [outputs, kernels]
            W = across kernel                                               level 2: V (...)

    Without `across` there is one kernel for each output. A depthwise layer is `across`
    [C, kernels] over a few basis kernels of one input (the paper calls those U and B; it is the
    same product). Each row of a factor has its own scale, so scaling the outputs of a layer, as
    folding a batch norm does, changes scales only.
    """

    filters: Filters
    basis: Codes
    inside: Codes | None = None
    across: Codes | None = None

    def __post_init__(self) -> None:
        f, taps = self.filters, self.filters.taps
        if self.across is None and self.kernels != f.outputs:
            raise ValueError(f"{self.kernels} kernels for {f.outputs} outputs and no factor V")
        if self.across is not None and self.across.codes.shape != (f.outputs, self.kernels):
            raise ValueError(f"V {self.across.codes.shape}, not {(f.outputs, self.kernels)}")
        if self.inside is None:
            if self.basis.length != f.inputs * taps:
                raise ValueError(f"kernels of {self.basis.length}, not {f.inputs * taps}")
        elif self.basis.length % taps or self.inside.codes.shape != (
            self.kernels, self.rank * f.inputs,
        ):  # fmt: skip
            raise ValueError(f"U {self.inside.codes.shape} over B {self.basis.codes.shape}")

    @property
    def kernels(self) -> int:
        """The paper's Bc; the number of outputs where there is no V."""
        return self.basis.vectors

    @property
    def rank(self) -> int:
        """The paper's Bi; 0 where there is no U."""
        return 0 if self.inside is None else self.basis.length // self.filters.taps

    @property
    def factors(self) -> tuple[Codes, ...]:
        return tuple(f for f in (self.across, self.inside, self.basis) if f is not None)

    @property
    def bytes(self) -> int:
        """What is stored: packed codes and scales."""
        return sum(factor.bytes for factor in self.factors)

    @cached_property
    def kernel_values(self) -> Array:
        """The kernels [kernels, inputs * taps], float32."""
        if self.inside is None:
            return self.basis.values
        u = self.inside.values.reshape(self.kernels, self.rank, self.filters.inputs)
        b = self.basis.values.reshape(self.kernels, self.rank, self.filters.taps)
        made = np.matmul(u.transpose(0, 2, 1), b)
        return np.asarray(made).reshape(self.kernels, -1)

    @cached_property
    def values(self) -> Array:
        """W [outputs, inputs, *area], float32."""
        w = self.kernel_values if self.across is None else self.across.values @ self.kernel_values
        return w.reshape(self.filters.shape)

    def scaled(self, gains: Array) -> Generated:
        """The layer with each output multiplied by a gain [outputs]; only scales change."""
        if self.across is not None:
            return Generated(self.filters, self.basis, self.inside, self.across.scaled(gains))
        if self.inside is not None:
            return Generated(self.filters, self.basis, self.inside.scaled(gains))
        return Generated(self.filters, self.basis.scaled(gains))

    def name(self) -> str:
        """What it is, in short: "3-bit", "44 of rank 2, 3-6-3" (bits of B, U, V)."""
        bits = [f.bits for f in (self.basis, self.inside, self.across) if f is not None]
        if len(bits) == 1:
            return f"{bits[0]}-bit"
        rank = f" of rank {self.rank}" if self.rank else ""
        return f"{self.kernels}{rank}, {'-'.join(map(str, bits))}"
