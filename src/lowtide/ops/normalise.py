"""Normalisations: what is subtracted and divided by comes from the tensor, or is known before."""

from __future__ import annotations

from lowtide.ir.index import Var, index_of
from lowtide.ir.nest import Nest, Read, Reduction, axes_of, broadcast
from lowtide.ir.value import Acc, Load, Number, Value, call
from lowtide.ops.entry import Bound, entry
from lowtide.ops.reduce import in_rows, over, total


@entry(
    "BatchNormalization",
    attributes={"epsilon": 1e-5, "momentum": 0.9, "training_mode": 0, "spatial": 1},
    pointwise=True,
)
def batch_normalization(op: Bound) -> Nest:
    """(x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c]"""
    if op.attribute("training_mode") or not op.attribute("spatial") or len(op.outputs) > 1:
        raise op.refuse("only inference with statistics per channel is supported")
    axes = axes_of(op.out)
    reads = (Read(0, axes), *(Read(k, (axes[1],)) for k in (1, 2, 3, 4)))
    x, scale, bias, mean, variance = (Load(k) for k in range(5))
    deviation = call("sqrt", call("add", variance, op.attribute("epsilon")))
    normal = call("div", call("sub", x, mean), deviation)
    return Nest(op.out, axes, reads, (), call("add", call("mul", normal, scale), bias))


def _standard(op: Bound, axes: tuple[int, ...], epsilon: float, factors: tuple[Read, ...]) -> Nest:
    """(x - mean) / sqrt(variance + epsilon), then times the first of `factors` plus the second.

    Mean and variance are those over `axes`: a barrier for what lies along them.
    """
    found = in_rows(over(op, axes, kept=True))
    sums = total(found, Load(0))
    mean = call("div", Acc(len(sums) - 1), found.count)
    apart = call("sub", Load(0), mean)
    sums += total(found, call("mul", apart, apart), len(sums))
    deviation = call("sqrt", call("add", call("div", Acc(len(sums) - 1), found.count), epsilon))
    value: Value = call("div", call("sub", Load(1), mean), deviation)
    for k, function in enumerate(("mul", "add")[: len(factors)]):
        value = call(function, value, Load(2 + k))
    here = axes_of(op.out)
    reads = (Read(0, found.index), Read(0, here), *factors)
    return Nest(op.out, here, reads, tuple(sums), value)


@entry("LayerNormalization", attributes={"axis": -1, "epsilon": 1e-5, "stash_type": 1})
def layer_normalization(op: Bound) -> Nest:
    """Over `axis` and all behind it, with a factor and a shift for each place in them."""
    if len(op.outputs) > 1:
        raise op.refuse("its outputs of mean and deviation are not supported")
    axes, rank = axes_of(op.out), len(op.out)
    behind = tuple(range(int(op.attribute("axis")) % rank, rank))
    factors = tuple(Read(k, broadcast(axes, op.shape(k))) for k in (1, 2) if op.has(k))
    return _standard(op, behind, float(op.attribute("epsilon")), factors)


@entry("InstanceNormalization", attributes={"epsilon": 1e-5})
def instance_normalization(op: Bound) -> Nest:
    """Each channel of each image over its pixels."""
    axes = axes_of(op.out)
    factors = tuple(Read(k, (axes[1],)) for k in (1, 2))
    pixels = tuple(range(2, len(op.out)))
    return _standard(op, pixels, float(op.attribute("epsilon")), factors)


@entry("RMSNormalization", attributes={"axis": -1, "epsilon": 1e-5, "stash_type": 1})
def rms_normalization(op: Bound) -> Nest:
    """x / sqrt(mean of squares + epsilon) * scale, over `axis` and all behind it."""
    axes, rank = axes_of(op.out), len(op.out)
    found = in_rows(over(op, tuple(range(int(op.attribute("axis")) % rank, rank)), kept=True))
    sums = total(found, call("mul", Load(0), Load(0)))
    square = call("div", Acc(len(sums) - 1), found.count)
    mean = call("add", square, op.attribute("epsilon"))
    reads = (Read(0, found.index), Read(0, axes), Read(1, broadcast(axes, op.shape(1))))
    finish = call("mul", call("div", Load(1), call("sqrt", mean)), Load(2))
    return Nest(op.out, axes, reads, tuple(sums), finish)


@entry("MeanVarianceNormalization", attributes={"axes": (0, 2, 3)})
def mean_variance_normalization(op: Bound) -> Nest:
    """(x - mean) / deviation over `axes`; ONNX adds 1e-9 to the deviation."""
    rank = len(op.out)
    return _standard(op, tuple(int(a) % rank for a in op.attribute("axes")), 1e-18, ())


@entry("LpNormalization", attributes={"axis": -1, "p": 2})
def lp_normalization(op: Bound) -> Nest:
    """x over the sum of |x|, or over the root of the sum of squares; 0 where that is 0."""
    axes, p = axes_of(op.out), int(op.attribute("p"))
    if p not in (1, 2):
        raise op.refuse(f"p = {p}; 1 or 2 is needed")
    found = in_rows(over(op, (int(op.attribute("axis")) % len(op.out),), kept=True))
    sums = total(found, call("abs", Load(0)) if p == 1 else call("mul", Load(0), Load(0)))
    whole = Acc(len(sums) - 1)
    norm: Value = whole if p == 1 else call("sqrt", whole)
    finish = call("select", norm, call("div", Load(1), norm), 0)
    return Nest(op.out, axes, (Read(0, found.index), Read(0, axes)), tuple(sums), finish)


@entry(
    "LRN",
    attributes={"alpha": 1e-4, "beta": 0.75, "bias": 1.0, "size": None},
    order="channels_last",
)
def local_response_normalization(op: Bound) -> Nest:
    """x / (bias + alpha / size * sum of squares of the `size` channels around)^beta"""
    axes, size = axes_of(op.out), int(op.attribute("size"))
    near = Var("r", size)
    channel = axes[1] + index_of(near) - (size - 1) // 2
    square = Reduction((near,), Number(0.0), call("add", Acc(0), call("mul", Load(0), Load(0))))
    share = call("mul", Acc(0), float(op.attribute("alpha")) / size)
    root = call("pow", call("add", share, op.attribute("bias")), op.attribute("beta"))
    reads = (Read(0, (axes[0], channel, *axes[2:])), Read(0, axes))
    return Nest(op.out, axes, reads, (square,), call("div", Load(1), root))
