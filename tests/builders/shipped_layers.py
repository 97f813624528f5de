"""Random layers as networks have them, a seed each, for what the compilers make of their C.

Everything that decides which loops and kernels are emitted is drawn: batch, axes of the image,
geometry, groups, channels, bias, what is fused behind (pools, means, activations), memory orders,
and the plan. A third of the layers have whole numbers: packed as codes, and exact.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from lowtide.errors import LowtideError
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from network_builder import Builder, Network, Shape, Value
from programs import plan_model, stepped, streamed_model, turned

MOST = 4000
"""Elements of an image that a layer makes: they run in no time."""


@dataclass(frozen=True)
class Axis:
    """One axis of a window operator, and how many positions it makes of `size`."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    def made(self, size: int) -> int:
        reach = (self.kernel - 1) * self.dilation + 1
        return (size + self.before + self.after - reach) // self.stride + 1


def plain(seed: int) -> bool:
    """Whether a seed's layer is one of a picture, its channels last: most kernels are for those."""
    return random.Random(f"plain {seed}").random() < 0.85


def shipped_layer(seed: int) -> Network:
    """The layer of a seed, with what is fused behind it."""
    dice, made = random.Random(f"shipped {seed}"), None
    while made is None:
        b = Builder(dice, dice.choice((13, 17, 21)), whole=seed % 3 == 0)
        draw = _plain_layer if plain(seed) else _any_layer
        made = draw(b)
    return b.finish(f"shipped{seed}", [made])


def _plain_layer(b: Builder) -> Value | None:
    """A layer of a picture, with an activation and a pool behind it."""
    dice = b.dice
    channels = dice.choice((dice.randint(1, 8), dice.randint(1, 40)))
    x = b.input((1, channels, dice.randint(3, 14), dice.randint(3, 14)))
    draw = dice.choices((conv, pool, dense), (22, 9, 3))[0]
    made = draw(b, x)
    if made is not None and draw == conv:
        made = _activation(b, made, [dice.choice(_KERNELS_OWN)]) if dice.random() < 0.75 else made
        kind = dice.choice(("", *2 * ("MaxPool", "AveragePool"), "GlobalAveragePool"))
        made = _pool_behind(b, made, kind) if kind else made
    return made


def _any_layer(b: Builder) -> Value | None:
    """Any batch, axes, order of axes, and anything behind."""
    x = b.input(_image(b.dice))
    if b.dice.random() < 0.1:
        x = _turned(b, x)
    made = b.dice.choices(list(LAYERS), list(LAYERS.values()))[0](b, x)
    for follow in (_activation, _pool_behind, _activation, _turned):
        if made is not None and b.dice.random() < _FOLLOWS[follow]:
            made = follow(b, made)
    return made


def plan_shipped(seed: int, network: Network) -> Plan:
    """A plan of a seed's layer: layer by layer or in rows, streamed or not, any way that fits."""
    dice, model = random.Random(f"plan {seed}"), network.model
    common: dict[str, Any] = {
        "place": "greedy",
        "align": dice.choice((4, 16)),
        "io_layout": "nhwc" if plain(seed) else dice.choice(("nhwc", "nchw")),
    }
    if dice.random() < 0.45:
        common["fuse_pools"] = dice.choice((None, False, False))
        overlap = dice.choice(("none", "row", "group", "group", "pixel", "pixel"))
        plan = plan_model(model, Options(schedule="layerwise", overlap=overlap, **common))
        if overlap == "none" or dice.random() < 0.5:
            return plan
        return turned(plan, frozenset(k for k, task in enumerate(plan.tasks) if task.row))
    ports = {way: dice.choice(("resident", "streamed")) for way in ("image", "result")}
    if dice.random() < 0.5:
        ports = {}
    options = Options(objective=dice.choice(("memory", "latency")), **common, **ports)
    ways: list[Callable[[], Plan]] = [lambda: streamed_model(model, options)]
    if dice.random() < 0.4:
        ways.insert(0, lambda: stepped(model, options, seed))
    for way in ways:
        try:
            return way()
        except LowtideError:  # an image that has no rows to hand in
            continue
    return plan_model(model, Options(**common))


def _image(dice: random.Random) -> Shape:
    batch, rank = dice.choice((1, 1, 1, 1, 1, 2, 3)), dice.choice((1, 1, 2, 2, 2, 2, 2, 3))
    channels = dice.choice((dice.randint(1, 4), dice.randint(1, 12), dice.randint(1, 40)))
    most = {1: 60, 2: 14, 3: 7}[rank]
    return batch, channels, *(dice.randint(2, most) for _ in range(rank))


def _axis(dice: random.Random, size: int, most: int = 5) -> Axis:
    """Any geometry: strides beyond the kernel, padding on one side, taps that are far apart."""
    kernel = dice.choice([k for k in (1, 2, 3, 3, 5) if k <= most])
    stride = dice.choice((1, 1, 1, 2, 3, kernel + 1))
    dilation = dice.choice((1, 1, 1, 2, 3))
    reach = (kernel - 1) * dilation
    before, after = dice.choice(
        ((0, 0), (1, 1), (reach // 2, reach - reach // 2), (reach, 0), (0, 2))
    )
    return Axis(kernel, stride, dilation, before, after)


def _axes(
    dice: random.Random, sizes: Sequence[int], dilate: bool = True
) -> tuple[list[Axis], Shape] | None:
    axes = [_axis(dice, n, 3 if len(sizes) == 3 else 5) for n in sizes]
    axes = axes if dilate else [replace(a, dilation=1) for a in axes]
    out = tuple(a.made(n) for a, n in zip(axes, sizes, strict=True))
    return (axes, out) if min(out) > 0 else None


def _attributes(axes: Sequence[Axis]) -> dict[str, Any]:
    return {
        "strides": [a.stride for a in axes],
        "dilations": [a.dilation for a in axes],
        "pads": [a.before for a in axes] + [a.after for a in axes],
    }


def _groups(dice: random.Random, channels: int) -> tuple[int, int]:
    """Groups, and channels that are made: dense, in groups, or depthwise with any multiplier."""
    kind = dice.choice((*3 * ["dense"], *4 * ["depthwise"], "grouped"))
    if kind == "depthwise" and channels > 1:
        return channels, channels * dice.choice((1, 1, 1, 1, 1, 2, 3))
    if kind == "grouped":
        groups = dice.choice([g for g in range(1, channels + 1) if channels % g == 0])
        return groups, groups * dice.randint(1, max(1, 40 // groups))
    return 1, dice.choice(
        (dice.choice((4, 8, 12, 16, 32)), dice.randint(1, 12), dice.randint(1, 40))
    )


def conv(b: Builder, x: Value) -> Value | None:
    found = _axes(b.dice, x.shape[2:])
    groups, made = _groups(b.dice, x.shape[1])
    if found is None:
        return None
    axes, out = found
    kernel, inside, shape = (
        tuple(a.kernel for a in axes),
        x.shape[1] // groups,
        (x.shape[0], made, *out),
    )
    summed = inside * prod(kernel)
    if prod(shape) > MOST:
        return None
    inputs: list[Value | str] = [x, b.weights((made, inside, *kernel), summed), *_bias(b, made)]
    return b.node("Conv", inputs, shape, 2 * summed * x.most + 2, group=groups, **_attributes(axes))


def _bias(b: Builder, channels: int) -> list[str]:
    return [b.constant(b.numbers((channels,)))] if b.dice.random() < 0.5 else []


def conv_transpose(b: Builder, x: Value) -> Value | None:
    dice, sizes = b.dice, x.shape[2:]
    groups, made = _groups(dice, x.shape[1])
    axes = [
        Axis(dice.randint(1, 3), dice.randint(1, 3), dice.choice((1, 1, 2)), 0, 0) for _ in sizes
    ]
    axes = [
        Axis(a.kernel, a.stride, a.dilation, dice.randrange(2), dice.randrange(2)) for a in axes
    ]
    extra = [dice.randrange(a.stride) for a in axes]
    out = tuple(
        a.stride * (n - 1) + e + (a.kernel - 1) * a.dilation + 1 - a.before - a.after
        for a, n, e in zip(axes, sizes, extra, strict=True)
    )
    kernel, shape = tuple(a.kernel for a in axes), (x.shape[0], made, *out)
    summed = x.shape[1] // groups * prod(kernel)
    if min(out) < 1 or prod(shape) > MOST:
        return None
    weights = b.weights((x.shape[1], made // groups, *kernel), summed)
    return b.node(
        "ConvTranspose", [x, weights, *_bias(b, made)], shape, 2 * summed * x.most + 2,
        group=groups, output_padding=extra, **_attributes(axes),
    )  # fmt: skip


def pool(b: Builder, x: Value) -> Value | None:
    """A pool whose windows have at least one tap in the image each, padding below the kernel."""
    type_ = "MaxPool" if b.whole or b.dice.random() < 0.3 else "AveragePool"
    dilate = type_ == "MaxPool" or b.opset >= 19
    found = _axes(b.dice, x.shape[2:], dilate)
    if found is None or any(max(a.before, a.after) >= a.kernel for a in found[0]):
        return None
    axes, out = found
    given = _attributes(axes)
    if not dilate:
        del given["dilations"]
    if type_ == "AveragePool":
        given["count_include_pad"] = b.dice.randrange(2)
    if any(_misses(a, n) for a, n in zip(axes, x.shape[2:], strict=True)):
        return None
    shape = (*x.shape[:2], *out)
    return b.node(type_, [x], shape, x.most, kernel_shape=[a.kernel for a in axes], **given)


def _misses(axis: Axis, size: int) -> bool:
    """Whether a window has no tap in the image."""
    first = [q * axis.stride - axis.before for q in range(axis.made(size))]
    taps = [k * axis.dilation for k in range(axis.kernel)]
    return not all(any(0 <= at + t < size for t in taps) for at in first)


def dense(b: Builder, x: Value) -> Value | None:
    """Flatten and Gemm: one pixel of many inputs."""
    inside, made = prod(x.shape[1:]), b.dice.randint(1, 40)
    if inside > 1000:
        return None
    flat = b.node("Flatten", [x], (x.shape[0], inside), x.most)
    inputs: list[Value | str] = [flat, b.weights((made, inside), inside), *_bias(b, made)]
    return b.node("Gemm", inputs, (x.shape[0], made), 2 * inside * x.most + 2, transB=1)


_KERNELS_OWN = ("Relu", "Clip", "LeakyRelu")
_KINDS = (*_KERNELS_OWN, "PRelu", "Mul")


def _activation(b: Builder, x: Value, kinds: Sequence[str] = ()) -> Value:
    kind = b.dice.choice(kinds or (_KINDS if b.whole else (*_KINDS, "Sigmoid", "Sigmoid")))
    if kind == "Clip":
        return b.node(kind, [x], x.shape, 6.0, {"min": -4.0, "max": 6.0})
    if kind == "LeakyRelu":
        return b.node(kind, [x], x.shape, 2 * x.most, alpha=2.0 if b.whole else 0.1)
    if kind in ("PRelu", "Mul"):
        a_channel = (x.shape[1], *(1 for _ in x.shape[2:]))
        numbers = b.constant(b.numbers(a_channel))
        return b.node(kind, [x, numbers], x.shape, 2 * x.most)
    return b.node(kind, [x], x.shape, x.most)


def _pool_behind(b: Builder, x: Value, kind: str = "") -> Value | None:
    """A pool of windows side by side or of all pixels, which may be made where it reads."""
    if x.rank < 3:
        return x
    sizes, dice = x.shape[2:], b.dice
    type_ = kind or dice.choice(("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"))
    if b.whole:  # means are not whole
        type_ = type_.replace("Average", "Max")
    if type_.startswith("Global"):
        return b.node(type_, [x], (*x.shape[:2], *(1 for _ in sizes)), x.most)
    kernel = [dice.choice([k for k in (1, 2, 2, 3) if k <= n]) for n in sizes]
    shape = (*x.shape[:2], *(n // k for n, k in zip(sizes, kernel, strict=True)))
    return b.node(type_, [x], shape, x.most, kernel_shape=kernel, strides=kernel)


def _turned(b: Builder, x: Value) -> Value:
    """The same elements in another order of axes."""
    order = [0, *b.dice.sample(range(1, x.rank), x.rank - 1)]
    return b.node("Transpose", [x], tuple(x.shape[a] for a in order), x.most, perm=order)


LAYERS: dict[Callable[[Builder, Value], Value | None], int] = {
    conv: 16, conv_transpose: 2, pool: 6, dense: 2,
}  # fmt: skip

_FOLLOWS: dict[Callable[[Builder, Value], Value | None], float] = {
    _activation: 0.4, _pool_behind: 0.35, _turned: 0.1,
}  # fmt: skip
