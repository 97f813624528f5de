"""Functions of one 8-bit number: 256 numbers."""

from __future__ import annotations

import numpy as np

from lowtide.ir.dtype import I32
from lowtide.ir.nest import Nest, Read, axes_of
from lowtide.ir.value import Chosen, Load, Value, call
from lowtide.ops.eight.finish import EIGHT
from lowtide.ops.entry import Bound, entry


@entry("QLookup", attributes={"table": None}, take=EIGHT, pointwise=True)
def lookup(op: Bound) -> Nest:
    """A function of one 8-bit number, as a table:
    table[x - the least number of x's type]; a number moved and clamped where it is that."""
    table = tuple(int(v) for v in op.attribute("table"))
    given = op.inputs[0]
    if given is None or len(table) != 256:
        raise op.refuse(f"a table of {len(table)} numbers")
    axes, first = axes_of(op.out), int(np.iinfo(given.dtype.name).min)
    finish = _moved(table, first) or Chosen(table, first, Load(0))
    return Nest(op.out, axes, (Read(0, axes),), (), finish, I32)


def _moved(table: tuple[int, ...], first: int) -> Value | None:
    """min(max(x + by, low), high) if the table is that."""
    low, high = min(table), max(table)
    rises = [k for k in range(255) if table[k + 1] != table[k]]
    by = table[rises[0]] - rises[0] if rises else 0
    if table != tuple(min(max(k + by, low), high) for k in range(256)):
        return None
    value: Value = call("add", Load(0), by - first) if by != first else Load(0)
    if low > by:
        value = call("larger", value, low)
    return call("smaller", value, high) if high < by + 255 else value
