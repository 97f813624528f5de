"""Targets: a folder each; emit(plan) gives the files by name.

A backend reads a plan and decides nothing.
"""

from lowtide.backends.c99 import alignment, emit, emit_together, with_figures

__all__ = ["alignment", "emit", "emit_together", "with_figures"]
