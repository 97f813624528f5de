"""Matrix products."""

from __future__ import annotations

from math import prod

import numpy as np
import tflite

from lowtide.frontends.tflite.activate import limits, make_float
from lowtide.frontends.tflite.conv import check_sums, zeros_of_weights
from lowtide.frontends.tflite.factors import as_float32, multipliers
from lowtide.frontends.tflite.site import Site, operator
from lowtide.ir.dtype import F32, I8, I32


def _rows(op: Site, inside: int) -> tuple[str, int]:
    """Input 0 as rows of `inside` elements: its name, and how many rows."""
    held = op.input(0)
    count = prod(held.shape)
    if inside < 1 or count % inside:
        raise op.refuse(f"not supported: rows of {inside} of an input of shape {[*held.shape]}")
    rows = (count // inside, inside)
    if held.shape == rows:
        return op.name(0), rows[0]
    return op.between("Reshape", [op.name(0)], rows, held.dtype, held.quant, shape=rows), rows[0]


@operator("FULLY_CONNECTED")
def fully_connected(op: Site) -> None:
    """Weights [out, in] on the rows of the input, whatever its other axes are."""
    options, weights = op.options(tflite.FullyConnectedOptions), op.constant(1)
    if options.WeightsFormat():
        raise op.refuse("shuffled weights", "convert for the reference kernels")
    if weights.ndim != 2:
        raise op.refuse(f"weights of shape {[*weights.shape]}; 2 axes are needed")
    outside, inside = weights.shape
    x, rows = _rows(op, inside)
    held, flat = op.output(), (rows, outside)
    if prod(held.shape) != prod(flat):
        raise op.refuse(f"an output of shape {[*held.shape]} for {rows} rows of {outside}")
    activation, names = options.FusedActivationFunction(), [x, op.name(1)]
    if op.has(2):
        op.constant(2)
        names.append(op.name(2))
    if not op.is_eight(0, 1):
        if held.shape == flat:
            make_float(op, "Gemm", names, activation, attributes={"transB": 1})
        else:
            made = op.between("Gemm", names, flat, F32, transB=1)
            make_float(op, "Reshape", [made], activation, attributes={"shape": held.shape})
        return
    if op.has(2) and op.input(2).dtype != I32:
        raise op.refuse(f"a bias of type {op.input(2).dtype}; int32 is needed")
    check_sums(op, 0, weights, zeros_of_weights(op, 1), 2)
    m, n = multipliers(_factors(op))
    names += [] if op.has(2) else [""]
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    ends = {
        "x_zero": op.scale(op.input(0))[1],
        "w_zero": zeros_of_weights(op, 1),
        "y_zero": op.scale(held)[1],
        **limits(op, activation),
        "rounding": "tflite" if held.dtype == I8 else "once",  # of LiteRT's kernel
    }
    if held.shape == flat:
        op.make("QDense", names, attributes=ends)
    else:
        made = op.between("QDense", names, flat, held.dtype, held.quant, **ends)
        op.make("Reshape", [made], attributes={"shape": held.shape})


def _factors(op: Site) -> list[float]:
    (sx, _), (sy, _), weights = op.scale(op.input(0)), op.scale(op.output()), op.input(1)
    scales = op.scales(weights)
    if len(scales) not in (1, weights.shape[0]):
        raise op.refuse(f"{len(scales)} scales of weights for {weights.shape[0]} channels")
    if len(scales) == 1:
        return [as_float32(sx * scales[0]) / sy]
    return [sx * scale / sy for scale in scales]


@operator("BATCH_MATMUL")
def batch_matmul(op: Site) -> None:
    """Rows of a times columns of b; either may be transposed."""
    options, names = op.options(tflite.BatchMatMulOptions), [op.name(0), op.name(1)]
    across = (int(options.AdjX()), int(options.AdjY()))
    a, b = (op.input(k).shape for k in (0, 1))
    if min(len(a), len(b)) < 2:
        raise op.refuse(f"not supported for shapes {[*a]} and {[*b]}")
    ends = a[-1 if across[0] else -2], b[-2 if across[1] else -1]
    op.shape((*np.broadcast_shapes(a[:-2], b[:-2]), *ends))
    if not op.is_eight(0, 1):
        for k, turned in enumerate(across):
            if turned:
                names[k] = _turned(op, k)
        op.make("MatMul", names)
        return
    if op.output().dtype != I8:
        raise op.refuse("not supported for uint8 numbers")
    (sa, za), (sb, zb), (sy, zy) = (op.scale(t) for t in (op.input(0), op.input(1), op.output()))
    m, n = multipliers([as_float32(sa * sb) / sy])
    names += [op.add_constant(m, "m"), op.add_constant(n, "n")]
    given = {"x_zero": za, "b_zero": zb, "y_zero": zy, **limits(op, 0), "across": across}
    op.make("QMatMul", names, attributes=given)


def _turned(op: Site, k: int) -> str:
    """An operand with its last two axes changed."""
    held = op.input(k)
    rank = len(held.shape)
    order = (*range(rank - 2), rank - 1, rank - 2)
    shape = tuple(held.shape[a] for a in order)
    return op.between("Transpose", [op.name(k)], shape, held.dtype, held.quant, perm=order)
