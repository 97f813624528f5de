"""Targets: a folder each, found by name; emit(plan) gives the files by name."""

from lowtide.backends.c99 import emit

__all__ = ["emit"]
