"""The operators of 8-bit networks: whole numbers in, whole numbers out, and how they are rounded.

They know nothing of memory, rows, C, and of the file that they were read from.
"""

from importlib import import_module

for _name in (
    "arithmetic", "conv", "dense", "ends", "l2", "lookup", "pool", "resize", "softmax", "sum",
):  # fmt: skip
    import_module(f"lowtide.ops.eight.{_name}")
