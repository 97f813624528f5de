"""Numbers of large arrays, some at a time: what is worked out on the way takes no memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lowtide.ir.graph import Array

BLOCK = 1 << 17
"""Numbers that are looked at together: what a cache holds."""


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The numbers of arrays of one shape as float64, in an order that all have in common."""
    how: Any = ["external_loop", "buffered", "zerosize_ok"]
    wide = [np.float64] * len(arrays)
    them = [np.asarray(array) for array in arrays]
    for block in np.nditer(them, how, op_dtypes=wide, casting="unsafe", buffersize=BLOCK):
        yield tuple(block) if len(arrays) > 1 else (np.asarray(block),)


def largest_of(y: Array) -> float:
    """The largest finite magnitude."""
    sizes = (np.abs(part[np.isfinite(part)]).max(initial=0.0) for (part,) in blocks(y))
    return float(max(sizes, default=0.0))
