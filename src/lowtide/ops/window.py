"""Sliding windows: the geometry that convolutions and pools share."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from lowtide.ir.index import Index, Var, index_of
from lowtide.ops.entry import Bound, ints


@dataclass(frozen=True)
class SlidingWindow:
    """One spatial axis: output i reads inputs i*stride - before + k*dilation for k < kernel."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    out: int
    tap: Var

    def index(self, axis: Index) -> Index:
        """The input position that the output position `axis` reads at tap `tap`."""
        return axis * self.stride + index_of(self.tap) * self.dilation - self.before

    def counts(self, include_pad: bool) -> list[int]:
        """How many taps of each output lie in the image (or in the padded image)."""
        low, high = (-self.before, self.size + self.after) if include_pad else (0, self.size)
        firsts = (i * self.stride - self.before for i in range(self.out))
        return [max(self._taps_below(high - f) - self._taps_below(low - f), 0) for f in firsts]

    def _taps_below(self, distance: int) -> int:
        """How many taps lie less than `distance` behind the first."""
        return min(max(-(-distance // self.dilation), 0), self.kernel)


def windows(op: Bound, kernel: tuple[int, ...]) -> tuple[SlidingWindow, ...]:
    """The sliding windows of a convolution or pool, one for each axis after batch and channel.

    Raises UnsupportedModel where strides, dilations and pads do not fit the kernel or the output.
    """
    rank = len(kernel)
    sizes, outs = op.shape(0)[2:], op.out[2:]
    if len(sizes) != rank:
        raise op.refuse(f"a kernel of {rank} axes on an input of {len(sizes)} spatial axes")
    strides = ints(op.attribute("strides") or [1] * rank)
    dilations = ints(op.attribute("dilations") or [1] * rank)
    pads = _pads(op, sizes, kernel, strides, dilations)
    names = {1: "x", 2: "yx", 3: "zyx"}.get(rank)
    if names is None or not len(strides) == len(dilations) == rank or len(pads) != 2 * rank:
        raise op.refuse(f"strides, dilations and pads must fit a kernel of {rank} axes (1 to 3)")
    made = []
    for a in range(rank):
        tap = Var("k" + names[a], kernel[a])
        before, after = pads[a], pads[a + rank]
        window = SlidingWindow(
            sizes[a], kernel[a], strides[a], dilations[a], before, after, outs[a], tap
        )
        made.append(window)
        _check_out(op, window)
    return tuple(made)


def _check_out(op: Bound, window: SlidingWindow) -> None:
    """The output size the file gives must be the one the attributes give."""
    span = (window.kernel - 1) * window.dilation + 1
    room = window.size + window.before + window.after - span
    whole = room // window.stride + 1
    spare = ceil(room / window.stride) + 1
    allowed = {whole, spare} if "ceil_mode" in op.operator.attributes else {whole}
    if op.attribute("auto_pad").startswith("SAME"):
        allowed.add(ceil(window.size / window.stride))
    if window.out < 1 or window.out not in allowed:
        raise op.refuse(f"output size {window.out} where the attributes give {whole}")


def _pads(
    op: Bound,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> tuple[int, ...]:
    mode, rank = op.attribute("auto_pad"), len(kernel)
    if mode == "NOTSET":
        return ints(op.attribute("pads") or [0] * (2 * rank))
    if mode == "VALID":
        return (0,) * (2 * rank)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise op.refuse(f"auto_pad '{mode}' is not supported")
    before, after = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        out = ceil(size / stride)
        total = max((out - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        small = total // 2
        before.append(small if mode == "SAME_UPPER" else total - small)
        after.append(total - before[-1])
    return tuple(before + after)
