"""How many pixels each edge of a streamed accelerator must hold to neither lock nor wait.

It must not know addresses, schedules or C: here each operator is a process of its own.
"""

from lowtide.backends.fifo.build import build
from lowtide.backends.fifo.depths import Depths, find_depths
from lowtide.backends.fifo.emit import emit

__all__ = ["Depths", "build", "emit", "find_depths"]
