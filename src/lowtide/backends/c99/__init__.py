"""C99: a plan as one small, readable, checkable program."""

from lowtide.backends.c99.about import with_figures
from lowtide.backends.c99.arena import alignment
from lowtide.backends.c99.emit import emit
from lowtide.backends.c99.selftest import Case, selftest
from lowtide.backends.c99.together import emit_together

__all__ = ["Case", "alignment", "emit", "emit_together", "selftest", "with_figures"]
