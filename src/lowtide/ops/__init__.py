"""The operators: one entry each, and the whole truth about it. Importing this fills the table.

They know nothing of memory, rows and C.
"""

from importlib import import_module

from lowtide.ir.meaning import Join, Meaning, Views
from lowtide.ops.entry import ENTRIES, Bound, Entry, bind
from lowtide.ops.meanings import meaning, understood

__all__ = ["ENTRIES", "Bound", "Entry", "Join", "Meaning", "Views", "bind", "meaning", "understood"]

for _name in (
    "activations", "arithmetic", "conv", "eight", "einsum", "matmul", "move", "normalise", "pad",
    "parted", "pool", "quantise", "reduce", "resize", "softmax", "unary", "views",
):  # fmt: skip
    import_module(f"lowtide.ops.{_name}")
