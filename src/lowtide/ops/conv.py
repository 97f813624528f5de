"""Convolutions."""

from __future__ import annotations

from lowtide.ir.index import Index, Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of
from lowtide.ir.value import Acc, Load, Number, call
from lowtide.ops.entry import Bound, entry, ints
from lowtide.ops.window import windows

ATTRIBUTES = {
    "auto_pad": "NOTSET",
    "dilations": None,
    "group": 1,
    "kernel_shape": None,
    "pads": None,
    "strides": None,
}
TRANSPOSED = {**ATTRIBUTES, "output_padding": None, "output_shape": None}


def _summed(op: Bound, x: Read, w: Read, loops: tuple[Var, ...], onto: bool = False) -> Nest:
    """bias[c] + sum of x * w; `onto`: a sum of the output's shape instead of a bias."""
    axes = axes_of(op.out)
    reads = [x, w]
    start: Load | Number = Number(0.0)
    if op.has(2):
        if op.shape(2) != (op.out if onto else (op.out[1],)):
            raise op.refuse(f"a bias of shape {op.shape(2)} for {op.out[1]} channels")
        reads.append(Read(2, axes if onto else (axes[1],)))
        start = Load(2)
    update = call("add", Acc(0), call("mul", Load(0), Load(1)))
    return Nest(op.out, axes, tuple(reads), (Reduction(loops, start, update),), Acc(0))


def kernel_of(op: Bound) -> tuple[int, ...]:
    return op.shape(1)[2:]


@entry("Conv", attributes=ATTRIBUTES, order="channels_last", kernel=kernel_of, goes_on="ConvOnto")
def conv(op: Bound) -> Nest:
    """A convolution:
    out[n, c, y, x] = bias[c] + sum over ky, kx, i of in[n, g*I + i, y*s - p + ky*d, ..] * w.
    c is in group g, which reads I channels; s is the stride, p the padding, d the dilation."""
    return _conv(op)


@entry("ConvOnto", attributes=ATTRIBUTES, order="channels_last", kernel=kernel_of)
def conv_onto(op: Bound) -> Nest:
    """Not ONNX's: a convolution whose sums go on from those of its third input."""
    return _conv(op, onto=True)


def _conv(op: Bound, onto: bool = False) -> Nest:
    return _summed(op, *taps_of(op), onto)


def taps_of(op: Bound) -> tuple[Read, Read, tuple[Var, ...]]:
    """What a convolution multiplies, an element of the image and a weight, and its loops."""
    kernel = op.shape(1)[2:]
    channels, group = op.shape(0)[1], int(op.attribute("group"))
    inside, outside = op.shape(1)[1], op.out[1]
    if ints(op.attribute("kernel_shape") or kernel) != kernel:
        raise op.refuse(f"kernel_shape differs from the weights' {kernel}")
    if inside * group != channels or outside % group or op.shape(1)[0] != outside:
        raise op.refuse(f"weights {op.shape(1)} do not fit {channels} channels in {group} groups")
    axes, geometry = axes_of(op.out), windows(op, kernel)
    i = Var("i", inside)
    taps = tuple(window.tap for window in geometry)
    channel = axes[1] // (outside // group) * inside + index_of(i)
    spatial = tuple(w.index(axis) for w, axis in zip(geometry, axes[2:], strict=True))
    x = Read(0, (axes[0], channel, *spatial))
    weight = Read(1, (axes[1], index_of(i), *(index_of(t) for t in taps)))
    return x, weight, (*taps, i)


@entry("ConvTranspose", attributes=TRANSPOSED, order="channels_last")
def conv_transpose(op: Bound) -> Nest:
    """out[.., y, ..] sums in[.., (y + p - ky*d) / s, ..] * w where the division is exact."""
    return _summed(op, *taps_of_transposed(op))


def taps_of_transposed(op: Bound) -> tuple[Read, Read, tuple[Var, ...]]:
    """The same of a transposed convolution."""
    kernel = op.shape(1)[2:]
    rank, sizes = len(kernel), op.shape(0)[2:]
    group, channels, each = int(op.attribute("group")), op.shape(0)[1], op.shape(1)[1]
    if not 1 <= rank <= 3 or not len(sizes) == len(op.out) - 2 == rank:
        raise op.refuse(f"{op.shape(0)} -> {op.out} with {rank} kernel axes; 1 to 3 are supported")
    if op.shape(1)[0] != channels or each * group != op.out[1]:
        raise op.refuse(f"weights {op.shape(1)} do not fit {channels} channels in {group} groups")
    if ints(op.attribute("kernel_shape") or kernel) != kernel:
        raise op.refuse(f"kernel_shape differs from the weights' {kernel}")
    strides = ints(op.attribute("strides") or [1] * rank)
    dilations = ints(op.attribute("dilations") or [1] * rank)
    extra = ints(op.attribute("output_padding") or [0] * rank)
    inside = channels // group
    axes, i = axes_of(op.out), Var("i", inside)
    taps = tuple(Var("k" + "zyx"[3 - rank + a], kernel[a]) for a in range(rank))
    spatial, zero = [], []
    for a in range(rank):
        span = (kernel[a] - 1) * dilations[a] + 1
        full = strides[a] * (sizes[a] - 1) + extra[a] + span
        before = cut_before(op, a, full, sizes[a] * strides[a])
        if extra[a] >= strides[a] or op.out[2 + a] - full >= strides[a]:
            raise op.refuse(f"a size of {op.out[2 + a]} beyond what a stride of {strides[a]} makes")
        at = axes[2 + a] + before - index_of(taps[a]) * dilations[a]
        spatial.append(at // strides[a])
        zero.append(at % strides[a])
    channel = axes[1] // each * inside + index_of(i)
    weight = (channel, axes[1] % each, *(index_of(t) for t in taps))
    x = Read(0, (axes[0], channel, *spatial), tuple(z for z in zero if z != Index()))
    return x, Read(1, weight), (*taps, i)


def cut_before(op: Bound, axis: int, full: int, same: int) -> int:
    """How many rows of the full result are cut off in front, by ONNX's and onnxruntime's rule."""
    mode, rank, out = op.attribute("auto_pad"), len(op.out) - 2, op.out[2 + axis]
    pads = ints(op.attribute("pads") or [0] * (2 * rank))
    given = ints(op.attribute("output_shape") or ())
    if len(pads) != 2 * rank or len(given) not in (0, rank):
        raise op.refuse(f"pads and output_shape must fit a kernel of {rank} axes")
    if given:
        before, expected = _half(full - out, mode), given[axis]
    elif mode == "NOTSET":
        before, expected = pads[axis], full - pads[axis] - pads[axis + rank]
    elif mode == "VALID":
        before, expected = 0, full
    else:
        before, expected = _half(full - out, mode), min(full, same)
    if out != expected or out < 1:
        raise op.refuse(f"output size {out} where the attributes give {expected}")
    return before


def _half(cut: int, mode: str) -> int:
    """The front's share of `cut` rows; an odd one goes behind with SAME_UPPER, else in front."""
    return max(cut // 2 if mode == "SAME_UPPER" else cut - cut // 2, 0)
