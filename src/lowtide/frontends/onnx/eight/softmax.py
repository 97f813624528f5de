"""Softmax."""

from __future__ import annotations

import numpy as np

from lowtide.frontends.onnx.eight.site import Site, ends, operator

AXIS_ALONE = 13
"""The first opset in which Softmax goes along one axis."""


@operator("Softmax")
def softmax(op: Site) -> bool:
    """Floats from a table, whose quotients are whole parts of onnxruntime's whole of 1 / scale."""
    x, end, given = op.active(0), op.ending(), op.op.attributes
    last = len(op.out) - 1
    axis = int(given.get("axis", -1 if op.op.opset >= AXIS_ALONE else 1)) % max(last + 1, 1)
    if x is None or end is None or x.dtype != end.made.dtype or not op.out:
        return False
    if op.op.opset < AXIS_ALONE and axis != last:
        return False
    powers = np.exp(np.arange(-255, 1) * float(x.scale)).astype(np.float32)
    steps = float(np.floor(np.float32(1) / end.made.scale))
    found = {"axis": axis, "exponentials": powers.tolist(), "steps": steps, **ends(end)}
    return op.make("QSoftmax", [x.name], end, found)
