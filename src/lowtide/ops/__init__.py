"""The operators. Importing this package fills the table of entries."""

from lowtide.ops import conv, matmul, pad, pointwise, pool, resize, softmax, views
from lowtide.ops.entry import ENTRIES, Bound, Entry, Join, Meaning, Views, bind, meaning

__all__ = [
    "ENTRIES",
    "Bound",
    "Entry",
    "Join",
    "Meaning",
    "Views",
    "bind",
    "conv",
    "matmul",
    "meaning",
    "pad",
    "pointwise",
    "pool",
    "resize",
    "softmax",
    "views",
]
