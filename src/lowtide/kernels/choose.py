"""Which kernel makes a task's rows: the first of the table that matches; None: loops do.

    KERNELS     whole rows, where steps are rows;  pixel by pixel;  dense layers;  8 bits

A new kernel is one entry in one of these families, and its C in `c/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files

from lowtide.ir.dtype import I32
from lowtide.kernels.add_eight import ADDS
from lowtide.kernels.dense import DENSE
from lowtide.kernels.dense_eight import DENSE_EIGHT
from lowtide.kernels.eight import EIGHT
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.patterns import needs_buffer
from lowtide.kernels.pixels import PIXELS
from lowtide.kernels.rows import ROWS
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import PIXEL, Grain, Task

KERNELS: tuple[Kernel, ...] = (*ROWS, *PIXELS, *DENSE, *EIGHT, *ADDS, *DENSE_EIGHT)

SMALL_BUFFER = 256
"""Channels of the largest pixel that the loops of a definition may buffer on the stack."""

FOLDER = files("lowtide.kernels") / "c"


def matching(task: Task, layout: Layout, features: frozenset[str] = frozenset()) -> Iterator[Use]:
    """Yields what each kernel that can make a task's rows gives it, in the order of the table.

    Only kernels that need no features of the processor but `features`.
    """
    for kernel in KERNELS:
        use = kernel.use(task, layout) if kernel.needs <= features else None
        if use is not None:
            yield use


def choose(task: Task, layout: Layout) -> Use | None:
    """The kernel that makes a task's rows in the task's steps; None: the loops of its nest do."""
    return next(matching(task, layout), None)


def finest(task: Task, layout: Layout) -> Grain:
    """The finest steps in which the code that ships makes a row, without a large buffer."""
    found = (use.grain for use in matching(task, layout) if use.grain.pixels)
    small = task.channels <= SMALL_BUFFER or not needs_buffer(task, layout)
    return next(found, PIXEL if small else Grain(pixels=1))


def room(task: Task, layout: Layout) -> int:
    """The bytes in the arena that the code that makes a task's rows needs during a step.

    Only kernels of whole numbers and of packed weights need any.
    """
    packed = any(name in layout.graph.packed for name in task.operands)
    if task.port or not (packed or task.nest.arithmetic == I32):
        return 0
    return next((use.arena_bytes for use in matching(task, layout)), 0)


def scratch(task: Task, use: Use | None, layout: Layout) -> int:
    """How many elements the code that makes a task's rows keeps on the stack for a step."""
    if use is not None or not task.grain.atomic or task.row is None:
        return use.scratch if use else 0
    return task.channels if needs_buffer(task, layout) else 0


def sources(kernels: Sequence[Kernel]) -> list[str]:
    """The text of the C files that kernels need, each once: those of each kernel in its order, so
    that one's words come before another's headers, and in that of the table.
    """
    names = list[str]()
    for kernel in (k for k in KERNELS if k in kernels):
        at = len(names)
        for name in reversed(kernel.sources):
            if name in names:
                at = names.index(name)
            else:
                names.insert(at, name)
    return [source(name) for name in names]


def source(name: str) -> str:
    """The text of a file of `c/`."""
    return (FOLDER / name).read_text()
