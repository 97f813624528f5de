"""Element types in C: of what lies in the arena, of constants, of a nest's numbers."""

from __future__ import annotations

from collections.abc import Iterator

from lowtide.backends.c99.program import Program
from lowtide.ir.dtype import F32, I8, I16, I32, U8, U16, DType
from lowtide.ir.nest import Nest
from lowtide.ir.value import Call, walk
from lowtide.ir.whole import functions
from lowtide.planner.plan import Plan

IN_ARENA = {F32: "f32", I8: "i8", U8: "u8", I16: "i16", U16: "u16", I32: "i32"}
"""Names of types that may alias: several storages use the same bytes."""


def only_floats(plan: Plan) -> bool:
    """Whether everything in the arena is float32."""
    return all(storage.dtype == F32 for storage in plan.layout.storages.values())


def only_whole(program: Program) -> bool:
    """Whether a program has no float at all, nor needs libm."""
    plan = program.plan
    stored = {storage.dtype for storage in plan.layout.storages.values()}
    nests = [task.nest for task in plan.tasks if not task.port]
    inside = {dtype for nest in nests for dtype in _inside(nest)}
    return F32 not in stored | {nest.arithmetic for nest in nests} | inside


def _inside(nest: Nest) -> Iterator[DType]:
    """The types of what a nest's functions take beside its own numbers."""
    known = functions(nest.arithmetic)
    for part in (part for value in nest.values for part in walk(value)):
        if isinstance(part, Call):
            yield from known[part.function].others.values()


def typedefs(program: Program) -> str:
    """The types of what lies in the arena, and float where anything computes in it."""
    used = {storage.dtype for storage in program.plan.layout.storages.values()}
    used |= set() if only_whole(program) else {F32}
    return "\n".join(
        f"typedef {dtype.c} MAY_ALIAS {name};" for dtype, name in IN_ARENA.items() if dtype in used
    )
