"""C99: a plan as one small, readable, checkable program."""

from lowtide.backends.c99.emit import emit
from lowtide.backends.c99.header import with_figures
from lowtide.backends.c99.storages import table_bytes

__all__ = ["emit", "table_bytes", "with_figures"]
