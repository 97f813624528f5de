"""Functions of one number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import erf, pi, sqrt
from typing import Any

import numpy as np
import tflite

from lowtide.frontends.tflite import tables
from lowtide.frontends.tflite.activate import make_clip
from lowtide.frontends.tflite.factors import as_float32, number_of
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import F16, F32, I8, U8
from lowtide.ir.graph import Array

_FLOAT = {
    "ABS": "Abs", "CEIL": "Ceil", "COS": "Cos", "ELU": "Elu", "EXP": "Exp", "FLOOR": "Floor",
    "LOG": "Log", "NEG": "Neg", "ROUND": "Round", "SIN": "Sin", "SIGN": "Sign", "SQRT": "Sqrt",
}  # fmt: skip
_OF_BYTES: dict[str, Callable[[Array], Array]] = {
    "ELU": lambda a: np.where(a < 0, np.expm1(a), a),
    "EXP": np.exp,
    "LOG": lambda a: np.where(a > 0, np.log(a), -np.inf),
}
"""Of int8 numbers: in float32 by a table."""


def make_lookup(op: Site, values: Sequence[int]) -> None:
    """Adds a table of all results of one 8-bit number."""
    name, image = op.pointwise()
    op.make("QLookup", [name], image, {"table": list(values)})


def _ends(op: Site) -> tuple[tables.Ends, tables.Ends, int, int]:
    """Scales and zero points of input and output, and the limits of the output's type."""
    kind = np.iinfo(op.output().dtype.name)
    return op.scale(op.input(0)), op.scale(op.output()), int(kind.min), int(kind.max)


def _make_float(op: Site, type_: str, **attributes: Any) -> None:
    name, image = op.pointwise()
    op.make(type_, [name], image, attributes)


def _of_bytes(op: Site, function: Callable[[Array], Array]) -> None:
    """A function of int8 numbers by TFLite's table of float32."""
    x, y, _, _ = _ends(op)
    if op.input(0).dtype != I8:
        raise op.refuse(f"not supported for {op.input(0).dtype} numbers")
    make_lookup(op, tables.of_reals(I8, x, y, function))


@operator(*_FLOAT)
def named(op: Site) -> None:
    """The function that the operator is named after; of int8 numbers some of them."""
    if not op.is_eight(0):
        _make_float(op, _FLOAT[op.node.kind])
    elif op.node.kind == "ABS" and op.input(0).dtype == I8:
        x, y, least, most = _ends(op)
        values = tables.scaled(np.abs(tables.numbers(I8, x[1])), as_float32(x[0] / y[0]))
        make_lookup(op, tables.table(values, y[1], least, most))
    elif op.node.kind in _OF_BYTES:
        _of_bytes(op, _OF_BYTES[op.node.kind])
    else:
        raise op.refuse("not supported for 8-bit numbers")


@operator("RSQRT", "SQUARE")
def power(op: Site) -> None:
    """1 / sqrt(x), x * x"""
    if op.is_eight(0):
        if op.node.kind == "SQUARE":
            raise op.refuse("not supported for 8-bit numbers")
        x, y, least, most = _ends(op)
        if op.input(0).dtype != I8:
            raise op.refuse(f"not supported for {op.input(0).dtype} numbers")
        values = tables.inverse_roots(tables.numbers(I8, x[1]), x[0], y[0])
        make_lookup(op, tables.table(values, y[1], least, most))
        return
    name, image = op.pointwise()
    exponent = np.asarray(2 if op.node.kind == "SQUARE" else -0.5, np.float32)
    op.make("Pow", [name, op.add_constant(exponent, "exponent")], image)


@operator("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def relu(op: Site) -> None:
    """Clamps. TFLite Micro does not scale anew for RELU6 of int8, LiteRT does for uint8."""
    low, high = {
        "RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1),
    }[op.node.kind]  # fmt: skip
    if not op.is_eight(0):
        name, image = op.pointwise()
        make_clip(op, name, (low, high), image)
        return
    x, y, least, most = _ends(op)
    kind = op.input(0).dtype
    if op.node.kind == "RELU6" and kind == I8:
        ends = (number_of(0, *x), number_of(6, *x))
        make_lookup(op, tables.table(tables.numbers(kind, 0), 0, *ends))
        return
    values = tables.scaled(tables.numbers(kind, x[1]), as_float32(x[0] / y[0]))
    low_end = max(least, number_of(low, *y))
    high_end = most if high is None else min(most, number_of(high, *y))
    make_lookup(op, tables.table(values, y[1], low_end, high_end))


@operator("LEAKY_RELU")
def leaky_relu(op: Site) -> None:
    """alpha * x below zero"""
    alpha = op.options(tflite.LeakyReluOptions).Alpha()
    if not op.is_eight(0):
        _make_float(op, "LeakyRelu", alpha=alpha)
        return
    x, y, least, most = _ends(op)
    values = tables.leaky(tables.numbers(op.input(0).dtype, x[1]), x[0], y[0], alpha)
    make_lookup(op, tables.table(values, y[1], least, most))


@operator("LOGISTIC", "TANH")
def sigmoid(op: Site) -> None:
    """1 / (1 + exp(-x)), tanh(x)"""
    is_logistic = op.node.kind == "LOGISTIC"
    if not op.is_eight(0):
        _make_float(op, "Sigmoid" if is_logistic else "Tanh")
        return
    x, y, least, most = _ends(op)
    kind = op.input(0).dtype
    zero = least if is_logistic else least + 128
    if y != (1 / (256 if is_logistic else 128), zero):
        raise op.refuse(f"a result with scale {y[0]:g} and zero point {y[1]}")
    if kind == U8:
        function: Callable[[Array], Array] = _logistic if is_logistic else np.tanh
        make_lookup(op, tables.of_reals(kind, x, y, function))
        return
    fixed = tables.logistic if is_logistic else tables.tanh
    values = fixed(tables.numbers(kind, x[1]), x[0])
    make_lookup(op, tables.table(values, zero, least, most))


def _logistic(a: Array) -> Array:
    return np.asarray(np.float32(1) / (np.float32(1) + np.exp(-a)))


@operator("HARD_SWISH")
def hard_swish(op: Site) -> None:
    """x * clamp(x / 6 + 1/2, 0, 1)"""
    if not op.is_eight(0):
        _make_float(op, "HardSwish")
        return
    x, y, least, most = _ends(op)
    values = tables.hard_swish(tables.numbers(op.input(0).dtype, x[1]), x[0], y[0])
    make_lookup(op, tables.table(values, y[1], least, most))


@operator("GELU")
def gelu(op: Site) -> None:
    """x / 2 * (1 + erf(x / sqrt(2)))"""
    close = op.options(tflite.GeluOptions).Approximate()
    if op.is_eight(0):
        _of_bytes(op, _close_gelu if close else _gelu)
    else:
        _make_float(op, "Gelu", approximate="tanh" if close else "none")


def _gelu(a: Array) -> Array:
    return np.asarray(a / 2 * (1 + np.vectorize(erf)(a / sqrt(2))))


def _close_gelu(a: Array) -> Array:
    return np.asarray(a / 2 * (1 + np.tanh(sqrt(2 / pi) * (a + 0.044715 * a**3))))


@operator("QUANTIZE")
def quantize(op: Site) -> None:
    """Reals made whole, or whole numbers given another scale."""
    x, (kind, out) = op.input(0), (op.input(0).dtype, op.output().dtype)
    if out not in (I8, U8) or kind not in (F32, I8, U8):
        raise op.refuse(f"not supported: from {kind} to {out}")
    (scale, zero), ends = op.scale(op.output()), np.iinfo(out.name)
    low, high = int(ends.min), int(ends.max)
    name, image = op.pointwise()
    if kind == F32:
        attributes = {"scale": scale, "y_zero": zero, "low": low, "high": high}
        op.make("Quantize", [name], image, attributes)
        return
    x_scale, x_zero = op.scale(x)
    values = tables.scaled(tables.numbers(kind, x_zero), x_scale / scale)
    make_lookup(op, tables.table(values, zero, low, high))


@operator("DEQUANTIZE")
def dequantize(op: Site) -> None:
    """Whole numbers made real; constants, half floats too, at once."""
    x, out = op.input(0), op.output().dtype
    if out != F32 or x.dtype not in (F16, I8, U8):
        raise op.refuse(f"not supported: from {x.dtype} to {out}")
    if op.is_constant(0):
        held = op.constant(0)
        if x.dtype != F16:
            held = _real(op, held)
        op.settle(held)
        return
    if x.dtype == F16:
        raise op.refuse("not supported for half floats that are no constant")
    name, image = op.pointwise()
    scale, zero = op.scale(x)
    op.make("Dequantize", [name], image, {"scale": scale, "x_zero": zero})


def _real(op: Site, held: Array) -> Array:
    """(x - zero) * scale, with scales of channels too."""
    quant = op.input(0).quant
    if quant is None:
        raise op.refuse("not supported for a constant without a scale")
    along = [1] * held.ndim
    if quant.axis is not None and not 0 <= quant.axis < held.ndim:
        raise op.refuse(f"scales along axis {quant.axis} of {held.ndim}")
    if quant.axis is not None:
        along[quant.axis] = len(quant.scales)
    scales = np.reshape(np.asarray(quant.scales), along)
    return np.asarray((held.astype(np.int64) - np.reshape(quant.zeros, along)) * scales)


@operator("CAST")
def cast(op: Site) -> None:
    """The same number in another type."""
    if op.is_constant(0):
        op.settle(op.constant(0))
        return
    name, image = op.pointwise()
    op.make("Cast", [name], image)
