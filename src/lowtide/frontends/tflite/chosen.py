"""Comparisons of floats, what is put together of their results, and what these choose."""

from __future__ import annotations

import numpy as np

from lowtide.frontends.tflite.arithmetic import operands
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import BOOL, F32

_COMPARED = {
    "EQUAL": "Equal", "GREATER": "Greater", "GREATER_EQUAL": "GreaterOrEqual", "LESS": "Less",
    "LESS_EQUAL": "LessOrEqual", "NOT_EQUAL": "Equal",
}  # fmt: skip
_TOGETHER = {"LOGICAL_AND": "And", "LOGICAL_OR": "Or"}


def _typed(op: Site, kind: object, *inputs: int) -> None:
    for k in inputs:
        if op.input(k).dtype != kind:
            raise op.refuse(f"'{op.input(k).name}' is {op.input(k).dtype}; {kind} is supported")


@operator(*_COMPARED)
def compared(op: Site) -> None:
    """Which of two numbers is larger."""
    _typed(op, F32, 0, 1)
    names, image = operands(op)
    if op.node.kind != "NOT_EQUAL":
        op.make(_COMPARED[op.node.kind], names, image)
        return
    held = op.output().shape
    shape = tuple(held[a] for a in (0, 3, 1, 2)) if image else held
    op.make("Not", [op.between("Equal", names, shape, BOOL)], image)


@operator(*_TOGETHER)
def together(op: Site) -> None:
    """Both, one of two."""
    _typed(op, BOOL, 0, 1)
    names, image = operands(op)
    op.make(_TOGETHER[op.node.kind], names, image)


@operator("LOGICAL_NOT")
def not_(op: Site) -> None:
    """Not so."""
    _typed(op, BOOL, 0)
    name, image = op.pointwise()
    op.make("Not", [name], image)


@operator("SELECT", "SELECT_V2")
def select(op: Site) -> None:
    """The first of two floats where a mask is set, the second elsewhere."""
    _typed(op, BOOL, 0)
    _typed(op, F32, 1, 2)
    shapes = [op.input(k).shape for k in range(3)]
    op.shape(np.broadcast_shapes(*shapes))
    if op.node.kind == "SELECT" and len(shapes[0]) == 1 < len(shapes[1]):
        raise op.refuse("not supported: a mask of the first axis")
    op.make("Where", [op.name(k) for k in range(3)])
