"""Operators that move elements, or see them differently."""

from __future__ import annotations

from math import prod

from lowtide.frontends.tflite.site import Site, operator


@operator("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(op: Site) -> None:
    """The same elements with other axes, those of the output."""
    held = op.output()
    if prod(held.shape) != prod(op.input(0).shape):
        raise op.refuse(f"{[*op.input(0).shape]} made {[*held.shape]}")
    op.make("Reshape", [op.name(0)], attributes={"shape": held.shape})
