"""A kernel as a value: what it matches, what it needs, and what a task gets of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lowtide.ir.dtype import F32, DType, dtype_of
from lowtide.ir.graph import stored_as
from lowtide.kernels.calls import KernelCall
from lowtide.kernels.packing import Packing
from lowtide.layout.lay_out import Layout
from lowtide.rows.task import Grain, Task


@dataclass(frozen=True)
class Types:
    """The element types that a kernel computes with."""

    input: tuple[DType, ...] = (F32,)
    constants: tuple[DType, ...] = (F32,)
    sum: DType = F32
    output: tuple[DType, ...] = (F32,)


@dataclass(frozen=True)
class Kernel:
    """A faster way to make rows than the loops of a definition.

    `name` is the C function; `sources` are the files of `c/` that it needs, in their order; `match`
    says what a task gets of it, or None where it does not compute what the task does. `needs` are
    features of the processor that its C cannot do without; vectors that it picks by `#if` are none.
    """

    name: str
    sources: tuple[str, ...]
    match: Callable[[Kernel, Task, Layout], Use | None]
    types: Types = Types()
    needs: frozenset[str] = frozenset()

    def use(self, task: Task, layout: Layout) -> Use | None:
        """What a task gets of this kernel, or None where its types are others."""
        graph, types = layout.graph, self.types
        tensors, read = graph.tensors, [name for name in task.operands if name]
        given = {tensors[name].stored for name in read if name in tensors}
        constants = {
            stored_as(dtype_of(graph.constants[n].dtype)) for n in read if n not in tensors
        }
        if task.nest.arithmetic != types.sum or tensors[task.output].stored not in types.output:
            return None
        if not given <= set(types.input) or not constants <= set(types.constants):
            return None
        return self.match(self, task, layout)


@dataclass(frozen=True)
class Use:
    """A kernel as one task uses it.

    `call` has its arguments. `grain` is the finest step in which it makes a row: its output may lie
    over its input as far as that allows, and no farther. `packings` are the constants that it
    reads, weights first. `limits` are sizes that its C must be compiled with, at least. `scratch`
    is how many elements it keeps on the stack, `arena_bytes` what it needs for a step in the arena.
    """

    kernel: Kernel
    call: KernelCall
    grain: Grain
    packings: tuple[Packing, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    scratch: int = 0
    arena_bytes: int = 0
