"""What the whole numbers of a tensor stand for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quant:
    """real = (number - zero) * scale: one scale for all, or one for each place along `axis`.

    `scales` are float32 values; `zeros` has as many numbers, in the range of the tensor's type.
    """

    scales: tuple[float, ...]
    zeros: tuple[int, ...]
    axis: int | None = None
