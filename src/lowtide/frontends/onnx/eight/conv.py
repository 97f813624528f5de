"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lowtide.frontends.onnx.eight.ending import Ending
from lowtide.frontends.onnx.eight.site import Site, ends, operator
from lowtide.frontends.onnx.eight.whole import EIGHT, Whole
from lowtide.ir.dtype import I32
from lowtide.ir.graph import Array
from lowtide.ops.eight.finish import fit, span_of_sums

CLOSE = 1e-3
"""How far the scale of a bias may be from that of the sums it is added to, as a share."""


@operator("Conv", "ConvTranspose")
def conv(op: Site) -> bool:
    """Weights with one scale, or one for each channel that is made."""
    x, w, end = op.active(0), op.stored(1), op.ending()
    along = 0 if op.op.type == "Conv" else 1
    if x is None or w is None or end is None or w.axis not in (None, along):
        return False
    if along and w.axis is not None and op.op.attributes.get("group", 1) != 1:
        return False
    found = summed(op, x, w, end, along)
    if found is None or (found.wraps and along):
        return False
    zeros = {"x_zero": x.zero, "w_zero": int(w.zeros[0])}
    return op.make(
        f"Q{op.op.type}{found.suffix}", [x.name, w.name, *found.inputs], end,
        {**op.op.attributes, **ends(end, **zeros)},
    )  # fmt: skip


@dataclass(frozen=True)
class Summed:
    """The names of bias and factor of sums of products; `wraps`: with the bias they may leave 32
    bits, as quantisers write channels that have next to no weights."""

    inputs: tuple[str, str]
    wraps: bool = False

    @property
    def suffix(self) -> str:
        """What the operator is called behind its name."""
        return "Wrapped" if self.wraps else ""


def summed(op: Site, x: Whole, w: Whole, end: Ending, along: int) -> Summed | None:
    """What sums of products need beside their operands; None where they are not done.

    The weights have an axis `along` of what is made.
    """
    channels = op.out[-1 if op.op.type in ("Gemm", "MatMul") else 1]
    if w.dtype not in EIGHT or len({*w.zeros.tolist()}) > 1 or w.scales.size not in (1, channels):
        return None
    steps = np.asarray(x.scale * w.scales, np.float32)
    bias = _bias(op, steps, channels)
    if bias is None:
        return None
    span = span_of_sums(x.dtype, x.zero, op.array(w), int(w.zeros[0]), channels, along)
    inputs = bias, op.add_factor(steps / end.made.scale)
    if fit(op.net.constants[bias] if bias else np.zeros(1), span):
        return Summed(inputs)
    # Where onnxruntime clamps on its own, it sums floats.
    return Summed(inputs, wraps=True) if fit(np.zeros(1), span) and end.at_once else None


def _bias(op: Site, steps: Array, channels: int) -> str | None:
    """The name of the int32 bias, "" where there is none; None of one in other steps."""
    if not op.has(2):
        return ""
    held, real = op.stored(2), op.constant(2)
    if held is not None:
        numbers = op.array(held)
        if held.dtype != I32 or not np.allclose(held.scales, steps, rtol=CLOSE, atol=0):
            return None
        if held.zeros.any() or numbers.shape[-1:] != (channels,) or numbers.size != channels:
            return None
        return held.name if numbers.ndim == 1 else op.add_constant(numbers.reshape(-1), "bias")
    if real is None or real.shape[-1:] != (channels,) or real.size != channels:
        return None
    if not np.isfinite(real).all():
        return None
    limits = np.iinfo(np.int32)
    numbers = np.clip(np.rint(real.reshape(-1) / steps), limits.min, limits.max)
    return op.add_constant(numbers.astype(np.int32), "bias")
