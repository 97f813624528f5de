"""C99: a plan as one small, readable, checkable program."""

from lowtide.backends.c99.emit import emit

__all__ = ["emit"]
