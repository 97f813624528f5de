"""Targets: a folder each; emit(plan) gives the files by name.

A backend reads a plan and decides nothing.
"""

from lowtide.backends.c99 import Case, alignment, emit, emit_together, selftest, with_figures

__all__ = ["Case", "alignment", "emit", "emit_together", "selftest", "with_figures"]
