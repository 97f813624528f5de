"""Numbers made whole and back: out = (x - zero) * scale, a scale for all or one a channel."""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import I8, I16, I32, U8, U16
from lowtide.ir.index import Index
from lowtide.ir.nest import Nest, Read, axes_of
from lowtide.ir.value import Load, Value, call
from lowtide.ops.entry import FLOAT, Bound, entry

_BYTES = (I8, U8, I16, U16)
_ATTRIBUTES = {"axis": 1, "block_size": 0, "output_dtype": 0}


def _parameters(op: Bound) -> tuple[Read, ...]:
    """Scale and zero point, one number or one for each place along the axis."""
    if op.attribute("block_size"):
        raise op.refuse("scales of blocks (block_size) are not supported")
    axes = axes_of(op.out)
    reads = []
    for operand in (1, 2):
        if not op.has(operand):
            continue
        at: tuple[Index, ...] = ()
        if op.shape(operand):
            axis = int(op.attribute("axis")) % len(op.out)
            if op.shape(operand) != (op.out[axis],):
                raise op.refuse(f"a scale of shape {op.shape(operand)} for axis {axis}")
            at = (axes[axis],)
        reads.append(Read(operand, at))
    return tuple(reads)


@entry(
    "QuantizeLinear",
    attributes={**_ATTRIBUTES, "saturate": 1, "precision": 0},
    other_types={2: _BYTES},
    makes=_BYTES,
)
def quantize(op: Bound) -> Nest:
    """Reals to whole numbers:
    x / scale rounded, halves to even, plus the zero point, kept in the type's range."""
    reads, axes, kind = _parameters(op), axes_of(op.out), np.iinfo(op.outputs[0].dtype.name)
    value: Value = call("round", call("div", Load(0), Load(1)))
    if op.has(2):
        value = call("add", value, Load(2))
    value = call("smaller", call("larger", value, float(kind.min)), float(kind.max))
    return Nest(op.out, axes, (Read(0, axes), *reads), (), value)


@entry(
    "DequantizeLinear",
    attributes=_ATTRIBUTES,
    take=(*_BYTES, I32),
    other_types={1: FLOAT, 2: (*_BYTES, I32)},
    makes=FLOAT,
)
def dequantize(op: Bound) -> Nest:
    """Whole numbers to reals: (x - zero) * scale"""
    reads, axes = _parameters(op), axes_of(op.out)
    value: Value = Load(0)
    if op.has(2):
        value = call("sub", value, Load(2))
    return Nest(op.out, axes, (Read(0, axes), *reads), (), call("mul", value, Load(1)))
