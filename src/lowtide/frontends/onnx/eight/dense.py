"""Matrix products."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.frontends.onnx.eight.conv import summed
from lowtide.frontends.onnx.eight.ending import sole_reader
from lowtide.frontends.onnx.eight.site import Site, ends, operator


@operator("Gemm")
def gemm(op: Site) -> bool:
    """Rows of the input by weights that are known."""
    given = op.op.attributes
    if given.get("transA") or given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1:
        return False
    return _dense(op, across=bool(given.get("transB")))


@operator("MatMul")
def matmul(op: Site) -> bool:
    """The same, a bias added behind it too, or the product of two that are computed."""
    if op.stored(1) is not None:
        return _with_bias(op) or _dense(op, across=False)
    a, b, end = op.active(0), op.active(1), op.ending()
    if a is None or b is None or end is None or min(len(op.shape(k)) for k in (0, 1)) < 2:
        return False
    factor = op.add_factor(np.float32(a.scale * b.scale) / end.made.scale)
    zeros = {"x_zero": a.zero, "b_zero": b.zero}
    return op.make("QMatMul", [a.name, b.name, factor], end, ends(end, **zeros))


def _with_bias(op: Site) -> bool:
    """MatMul ──> Add as one."""
    graph, behind = op.net.graph, sole_reader(op.op, op.net.graph)
    if behind is None or behind.type != "Add" or graph.shape(behind.output) != op.out:
        return False
    (bias,) = (name for name in behind.inputs if name != op.op.output)
    together = replace(op.op, inputs=(*op.op.inputs, bias), outputs=behind.outputs)
    found = _dense(Site(op.net, together), across=False)
    op.net.done |= {*behind.outputs} if found else set()
    return found


def _dense(op: Site, across: bool) -> bool:
    """`across`: the weights have a row for each output."""
    x, w, end = op.active(0), op.stored(1), op.ending()
    if x is None or w is None or end is None:
        return False
    numbers = op.array(w)
    if numbers.ndim != 2 or w.axis not in (None, 0 if across else 1) or not op.out:
        return False
    found = summed(op, x, w, end, 0 if across else 1)
    if found is None:
        return False
    name = w.name if across else op.add_constant(numbers.T, "weights")
    zeros = {"x_zero": x.zero, "w_zero": int(w.zeros[0])}
    made = [x.name, name, *found.inputs]
    return op.make(f"QDense{found.suffix}", made, end, ends(end, **zeros))
