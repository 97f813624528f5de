"""Inputs side by side."""

from __future__ import annotations

from lowtide.frontends.onnx.eight.moves import moved
from lowtide.frontends.onnx.eight.site import Site, operator


@operator("Concat")
def concat(op: Site) -> bool:
    """Parts of other scales than the result's are looked up before."""
    parts = [op.active(k) for k in range(len(op.op.inputs))]
    held = [part for part in parts if part is not None]
    if len(held) < len(parts):
        return False
    end = op.ending()
    if end is None or all(part.is_like(held[0]) for part in held):
        return moved(op)
    made, names = end.made, []
    for k, part in enumerate(held):
        table = made.numbers(part.real(part.all)).clip(end.low, end.high)
        known = (table == part.all).all() and part.dtype == made.dtype
        names.append(
            part.name
            if known
            else op.between("QLookup", [part.name], op.shape(k), made, table=table.tolist())
        )
    return op.make("Concat", names, end, op.op.attributes)
