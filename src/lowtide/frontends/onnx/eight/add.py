"""Sums and products of two operands."""

from __future__ import annotations

import numpy as np

from lowtide.frontends.onnx.eight.site import Site, ends, operator
from lowtide.frontends.onnx.eight.table import function
from lowtide.ir.whole import fused


@operator("Add", "Mul")
def add(op: Site) -> bool:
    """Of 8-bit numbers, one of which may be a constant."""
    a, b, end = op.whole(0), op.whole(1), op.ending()
    if a is None or b is None or end is None:
        return function(op)
    if end.clamped and a.dtype == b.dtype == end.made.dtype:  # onnxruntime clamps floats
        tables = {"reals": a.real(a.all).tolist(), "b_reals": b.real(b.all).tolist()}
        given = {**ends(end), **tables, "scale": float(end.made.scale)}
        return op.make(f"Q{op.op.type}Reals", [a.name, b.name], end, given)
    ra, rb = (np.float32(one.scale / end.made.scale) for one in (a, b))
    if op.op.type == "Add":
        rest = fused(*(np.asarray(v) for v in (a.zero, ra, np.float32(rb * np.float32(b.zero)))))
        parts = np.asarray([ra, rb, np.float32(end.made.zero) - rest], np.float32)
        factor = op.add_constant(parts, "M")
    else:
        factor = op.add_factor(np.float32(a.scale * b.scale) / end.made.scale)
    zeros = {"x_zero": a.zero, "b_zero": b.zero}
    return op.make(f"Q{op.op.type}", [a.name, b.name, factor], end, ends(end, **zeros))
