"""Fused activations: clamps of whole numbers, or an operator more behind a float one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lowtide.frontends.tflite.factors import clamp, within
from lowtide.frontends.tflite.network import FIRST
from lowtide.frontends.tflite.site import Site


def limits(op: Site, activation: int) -> dict[str, int]:
    """The attributes low and high that a fused activation gives an 8-bit operator."""
    held = op.output()
    if activation == 0:
        whole = np.iinfo(held.dtype.name)
        return {"low": int(whole.min), "high": int(whole.max)}
    ends = clamp(held.dtype, *op.scale(held), activation)
    if ends is None:
        raise op.refuse(f"fused activation {activation} is not supported")
    return {"low": ends[0], "high": ends[1]}


def make_float(
    op: Site,
    type_: str,
    inputs: Sequence[str],
    activation: int,
    image: bool = False,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Adds a float operator, and what its fused activation is."""
    ends, held = within(activation), op.output()
    if ends is None:
        raise op.refuse(f"fused activation {activation} is not supported")
    if ends == (None, None):
        op.make(type_, inputs, image, attributes)
        return
    shape = tuple(held.shape[a] for a in FIRST) if image else held.shape
    made = op.between(type_, inputs, shape, held.dtype, **(attributes or {}))
    make_clip(op, made, ends, image)


def make_clip(
    op: Site, of: str, ends: tuple[float | None, float | None], image: bool = False
) -> None:
    """Adds what keeps a tensor within two ends, and makes the operator's output."""
    if ends == (0, None):
        op.make("Relu", [of], image)
    else:
        op.make("Clip", [of], image, {"min": ends[0], "max": ends[1]})
