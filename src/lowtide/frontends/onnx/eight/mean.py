"""Means over axes."""

from __future__ import annotations

from math import prod

import numpy as np

from lowtide.frontends.onnx.eight.site import Site, ends, operator


@operator("GlobalAveragePool")
def global_average_pool(op: Site) -> bool:
    """Over all axes of an image."""
    return _mean(op, tuple(range(2, len(op.shape(0)))), kept=True)


@operator("ReduceMean")
def reduce_mean(op: Site) -> bool:
    """Over the axes that are given."""
    given = op.op.attributes.get("axes")
    if given is None and op.has(1):
        held = op.constant(1)
        given = None if held is None else held.tolist()
    if not given:
        return False
    return _mean(op, tuple(int(a) for a in given), bool(op.op.attributes.get("keepdims", 1)))


@operator("AveragePool")
def average_pool(op: Site) -> bool:
    """Real numbers are added, as onnxruntime does it."""
    x, end = op.active(0), op.ending()
    if x is None or end is None:
        return False
    own = not end.between and x.dtype == end.made.dtype  # it has an operator of its own for these
    given = {
        **op.op.attributes, **ends(end), "reals": x.real(x.all).tolist(),
        "scale": float(end.made.scale), "zero_first": int(own),
    }  # fmt: skip
    return op.make("QAveragePool", [x.name], end, given)


def _mean(op: Site, axes: tuple[int, ...], kept: bool) -> bool:
    x, end = op.active(0), op.ending()
    if x is None or end is None:
        return False
    count = prod(op.shape(0)[a] for a in axes)
    factor = x.scale / np.float32(end.made.scale * np.float32(count))
    given = {"axes": axes, "keepdims": int(kept), **ends(end, x_zero=x.zero)}
    return op.make("QSum", [x.name, op.add_factor(factor)], end, given)
