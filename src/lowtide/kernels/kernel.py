"""A kernel as a value: what it matches, what it needs, and what a task gets of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lowtide.kernels.calls import Call
from lowtide.kernels.packing import Packing
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import Grain, Task


@dataclass(frozen=True)
class Kernel:
    """A faster way to make rows than the loops of a definition.

    `name` is the C function; `sources` are the files of `c/` that it needs, in their order; `match`
    says what a task gets of it, or None where it does not compute what the task does.
    """

    name: str
    sources: tuple[str, ...]
    match: Callable[[Kernel, Task, Layout], Use | None]


@dataclass(frozen=True)
class Use:
    """What one task gets of a kernel.

    `grain` is the finest step in which the kernel makes a row: what it makes may lie on what it
    reads as far as that allows. `scratch` is how many elements it keeps on the stack for a step,
    `packings` the constants that it reads, weights first, and `limits` the sizes that its C must at
    least be compiled with.
    """

    kernel: Kernel
    call: Call
    grain: Grain
    packings: tuple[Packing, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    scratch: int = 0
