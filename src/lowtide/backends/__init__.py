"""Targets: a folder each; emit(plan) gives the files by name, declared(task) the code's steps."""

from lowtide.backends.c99 import declared, emit, scratch, table_bytes

__all__ = ["declared", "emit", "scratch", "table_bytes"]
