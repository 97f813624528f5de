"""Element-wise operators of two operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite.activate import limits, make_float
from lowtide.frontends.tflite.factors import as_float32, multipliers
from lowtide.frontends.tflite.network import FIRST
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import F32, I8, I32, I64
from lowtide.ir.graph import Array, Shape

RAISED = 2**20
"""What both operands of a sum are multiplied with before they are scaled."""

_OPTIONS = {
    "ADD": tflite.AddOptions, "SUB": tflite.SubOptions, "MUL": tflite.MulOptions,
    "DIV": tflite.DivOptions,
}  # fmt: skip
_FLOAT = {
    "ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAXIMUM": "Max", "MINIMUM": "Min",
    "POW": "Pow",
}  # fmt: skip
_WHOLE: dict[str, Callable[[Array, Array], Array]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum, "FLOOR_DIV": np.floor_divide, "FLOOR_MOD": np.mod,
    "DIV": lambda a, b: np.trunc(a / b),
}  # fmt: skip
"""Of the arithmetic of shapes."""


def operands(op: Site) -> tuple[list[str], bool]:
    """Inputs 0 and 1, and whether they have channels first: where one was made so."""
    held = [op.input(k) for k in (0, 1)]
    op.shape(np.broadcast_shapes(*(t.shape for t in held)))
    made_first = any(op.net.is_image(t.number) for t in held)
    known = [len(t.shape) == 4 or op.is_constant(k) for k, t in enumerate(held)]
    image = len(op.output().shape) == 4 and made_first and all(known)
    return [_first(op, k) if image else op.name(k) for k in (0, 1)], image


def _first(op: Site, k: int) -> str:
    """An operand with channels first; a constant of fewer axes gets them all."""
    if len(op.input(k).shape) == 4:
        return op.name(k, image=True)
    array = op.constant(k)
    whole = array.reshape((1,) * (4 - array.ndim) + array.shape)
    return op.add_constant(whole.transpose(0, 3, 1, 2), "operand")


def _settled(op: Site) -> bool:
    """Whether both are whole numbers that are known, as in the arithmetic of shapes."""
    if op.input(0).dtype not in (I32, I64) or not all(op.is_constant(k) for k in (0, 1)):
        return False
    if op.node.kind not in _WHOLE:
        raise op.refuse("not supported for whole numbers")
    op.settle(np.asarray(_WHOLE[op.node.kind](op.constant(0), op.constant(1))))
    return True


@operator("ADD", "SUB", "MUL", "DIV")
def binary(op: Site) -> None:
    """a + b, a - b, a * b, a / b"""
    if _settled(op):
        return
    activation = op.options(_OPTIONS[op.node.kind]).FusedActivationFunction()
    if not op.is_eight(0, 1):
        names, image = operands(op)
        make_float(op, _FLOAT[op.node.kind], names, activation, image)
    elif op.node.kind == "DIV":
        raise op.refuse("not supported for 8-bit numbers")
    else:
        _make_eight(op, _factors(op), activation)


def _factors(op: Site) -> list[float]:
    """Of a, of b and of their sum, or of the product."""
    (sa, _), (sb, _), (sy, _) = (op.scale(t) for t in (op.input(0), op.input(1), op.output()))
    if op.node.kind == "MUL":
        return [sa * sb / sy]
    twice = 2 * max(sa, sb)
    if op.node.kind == "SUB" and op.input(0).dtype == I8:  # TFLite Micro's is in float32
        last = as_float32(twice / as_float32(RAISED * sy))
        return [as_float32(sa / twice), as_float32(sb / twice), last]
    return [sa / twice, sb / twice, twice / (RAISED * sy)]


def _make_eight(op: Site, factors: list[float], activation: int, type_: str = "") -> None:
    names, image = operands(op)
    m, n = of_each(factors)
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    zeros = [op.scale(t)[1] for t in (op.input(0), op.input(1), op.output())]
    ends = {
        **dict(zip(("x_zero", "b_zero", "y_zero"), zeros, strict=True)),
        **limits(op, activation),
    }
    op.make(type_ or f"Q{_FLOAT[op.node.kind]}", names, image, ends)


def of_each(factors: list[float]) -> tuple[Array, Array]:
    """The inputs m and n of several factors, all of them where they are equal too."""
    pairs = [multipliers([factor]) for factor in factors]
    return np.concatenate([m for m, _ in pairs]), np.concatenate([n for _, n in pairs])


@operator("MAXIMUM", "MINIMUM", "POW")
def extreme(op: Site) -> None:
    """The larger, the smaller; of 8-bit numbers of one scale as they are. Powers of floats."""
    if _settled(op):
        return
    if op.is_eight(0, 1):
        ends = {op.scale(t) for t in (op.input(0), op.input(1), op.output())}
        if len(ends) > 1 or op.node.kind == "POW":
            raise op.refuse(f"not supported for 8-bit numbers of {len(ends)} scales")
    names, image = operands(op)
    op.make(_FLOAT[op.node.kind], names, image)


@operator("FLOOR_DIV", "FLOOR_MOD")
def floor_div(op: Site) -> None:
    """a / b rounded down, and what is left; of floats the first."""
    if _settled(op):
        return
    if op.is_eight(0, 1) or op.node.kind == "FLOOR_MOD":
        raise op.refuse(f"not supported for {op.input(0).dtype} numbers")
    names, image = operands(op)
    op.make("Floor", [op.between("Div", names, _made_as(op, image), F32)], image)


def _made_as(op: Site, image: bool) -> Shape:
    """The output's shape, with channels first or not."""
    held = op.output().shape
    return tuple(held[a] for a in FIRST) if image else held


@operator("ADD_N")
def add_n(op: Site) -> None:
    """All inputs together, of floats; TFLite Micro takes a zero point off once too often."""
    every = range(len(op.node.inputs))
    op.shape(np.broadcast_shapes(*(op.input(k).shape for k in every)))
    if op.is_eight(*every):
        raise op.refuse("not supported for 8-bit numbers")
    op.make("Sum", [op.name(k) for k in every])


@operator("SQUARED_DIFFERENCE")
def squared_difference(op: Site) -> None:
    """(a - b) * (a - b)"""
    if op.is_eight(0, 1):
        (sa, _), (sb, _), (sy, _) = (op.scale(t) for t in (op.input(0), op.input(1), op.output()))
        twice = 2 * max(sa, sb)
        last = twice * twice / (2**14 * sy)
        _make_eight(op, [sa / twice, sb / twice, last], 0, "QSquaredDifference")
        return
    names, image = operands(op)
    apart = op.between("Sub", names, _made_as(op, image), F32)
    op.make("Mul", [apart, apart], image)


@operator("PRELU")
def prelu(op: Site) -> None:
    """x * slope below zero"""
    names, image = operands(op)
    if not op.is_eight(0, 1):
        op.make("PRelu", names, image)
        return
    (sx, zx), (sa, za), (sy, zy) = (op.scale(t) for t in (op.input(0), op.input(1), op.output()))
    factors = [sx / sy, sx * sa / sy]
    if op.input(0).dtype != I8:  # LiteRT's is in float32
        factors = [as_float32(sx / sy), as_float32(as_float32(sx * sa) / sy)]
    m, n = of_each(factors)
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    ends: dict[str, Any] = {"x_zero": zx, "b_zero": za, "y_zero": zy, **limits(op, 0)}
    op.make("QPRelu", names, image, ends)
