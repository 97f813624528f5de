"""Random operators with windows: convolutions and pools of every geometry.

Each function takes the builder and a value, adds one operator (or what it takes to make it), and
returns its result, or None where the value does not suit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from network_builder import Builder, Value


@dataclass(frozen=True)
class Geometry:
    """The attributes of a window operator and the size of what it makes."""

    kernel: tuple[int, ...]
    out: tuple[int, ...]
    attributes: dict[str, Any]


def _window(b: Builder, sizes: tuple[int, ...], pool: bool, dilate: bool) -> Geometry | None:
    """Kernel, stride, dilation and padding of each axis, by chance; None if nothing is left.

    onnxruntime wants a pool's padding below its kernel and not negative, and no dilation with
    auto_pad SAME. Where SAME asks a convolution for less than -1 pixels of padding, which pixels
    are cut off is not agreed on: onnxruntime and ONNX's reference differ.
    """
    dice, axes = b.dice, range(len(sizes))
    kernel = tuple(dice.choice((1, 2, 3, 3, 5)) for _ in axes)
    stride = tuple(dice.choice((1, 1, 2, 3, 4)) for _ in axes)
    attributes: dict[str, Any] = {"kernel_shape": kernel}
    if dice.random() < 0.8 or prod(stride) > 1:
        attributes["strides"] = stride
    mode = dice.choice(("NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"))
    if mode.startswith("SAME"):
        stride = tuple(min(s, k + (not pool)) for s, k in zip(stride, kernel, strict=True))
        attributes["strides"] = stride
        attributes["auto_pad"] = mode
        return Geometry(
            kernel, tuple(ceil(n / s) for n, s in zip(sizes, stride, strict=True)), attributes
        )
    # A pool whose taps step over the whole image has nothing to take the largest of.
    dilation = tuple(dice.choice((1, 1, min(2, n))) if dilate else 1 for n in sizes)
    if dilate and prod(dilation) > 1:
        attributes["dilations"] = dilation
    pads = [dice.randrange(min(k, 3)) if pool else dice.randrange(3) for k in kernel * 2]
    if mode == "VALID":
        attributes["auto_pad"], pads = mode, [0] * len(pads)
    elif any(pads) or dice.random() < 0.3:
        attributes["pads"] = pads
    room = [
        sizes[a] + pads[a] + pads[a + len(sizes)] - (kernel[a] - 1) * dilation[a] - 1 for a in axes
    ]
    if min(room) < 0:
        return None
    return Geometry(
        kernel, tuple(r // s + 1 for r, s in zip(room, stride, strict=True)), attributes
    )


def _groups(b: Builder, channels: int, transposed: bool = False) -> tuple[int, int]:
    """(groups, output channels): dense, depthwise with or without a multiplier, grouped."""
    kind = b.dice.choice(("dense", "dense", "depthwise", "grouped"))
    if kind == "dense":
        return 1, b.dice.randint(1, 9)
    if kind == "depthwise":
        return channels, channels * b.dice.choice((1, 1, 2))
    group = b.dice.choice([g for g in range(1, channels + 1) if channels % g == 0])
    return group, group * b.dice.randint(1, 3)


def conv(b: Builder, x: Value) -> Value | None:
    if not 3 <= x.rank <= 5:
        return None
    held = _window(b, x.shape[2:], pool=False, dilate=True)
    group, made = _groups(b, x.shape[1])
    if held is None:
        return None
    inside, shape = x.shape[1] // group, (x.shape[0], made, *held.out)
    summed = inside * prod(held.kernel)
    most = 2 * summed * x.most + 2
    if not b.fits(shape, most):
        return None
    inputs: list[Value | str] = [x, b.weights((made, inside, *held.kernel), summed)]
    if b.dice.random() < 0.6:
        inputs.append(b.constant(b.numbers((made,))))
    attributes = dict(held.attributes)
    if b.dice.random() < 0.3:
        del attributes["kernel_shape"]
    if group > 1:
        attributes["group"] = group
    return b.node("Conv", inputs, shape, most, **attributes)


def conv_transpose(b: Builder, x: Value) -> Value | None:
    if x.rank != 4:
        return None
    dice = b.dice
    group, made = _groups(b, x.shape[1])
    kernel = [dice.randint(1, 3) for _ in range(2)]
    stride = [dice.randint(1, 3) for _ in range(2)]
    dilation = [dice.choice((1, 1, 2)) for _ in range(2)]
    extra = [dice.randrange(s) for s in stride]
    pads = [dice.randrange(2) for _ in range(4)]
    out = [
        stride[a] * (x.shape[2 + a] - 1) + extra[a] + (kernel[a] - 1) * dilation[a] + 1
        - pads[a] - pads[a + 2]
        for a in range(2)
    ]  # fmt: skip
    inside, shape = x.shape[1] // group, (x.shape[0], made, *out)
    summed = inside * prod(kernel)
    most = 2 * summed * x.most + 2
    if min(out) < 1 or not b.fits(shape, most):
        return None
    inputs: list[Value | str] = [x, b.weights((x.shape[1], made // group, *kernel), summed)]
    if dice.random() < 0.6:
        inputs.append(b.constant(b.numbers((made,))))
    return b.node(
        "ConvTranspose", inputs, shape, most,
        group=group, strides=stride, dilations=dilation, output_padding=extra, pads=pads,
    )  # fmt: skip


def pool(b: Builder, x: Value) -> Value | None:
    """MaxPool and, where sums need not be exact, AveragePool."""
    if not 3 <= x.rank <= 4:
        return None
    type_ = "MaxPool" if b.whole or b.dice.random() < 0.5 else "AveragePool"
    dilate = b.opset >= (10 if type_ == "MaxPool" else 19)
    held = _window(b, x.shape[2:], pool=True, dilate=dilate)
    if held is None:
        return None
    out, attributes = held.out, dict(held.attributes)
    if b.opset >= 10 and "auto_pad" not in attributes and b.dice.random() < 0.4:
        up = _rounded_up(x.shape[2:], held)
        if up is not None:
            attributes["ceil_mode"], out = 1, up
    if type_ == "AveragePool" and b.dice.random() < 0.5:
        attributes["count_include_pad"] = 1
    shape = (*x.shape[:2], *out)
    return b.node(type_, [x], shape, x.most, **attributes) if b.fits(shape) else None


def _rounded_up(sizes: tuple[int, ...], held: Geometry) -> tuple[int, ...] | None:
    """Output sizes rounded up.

    None where a last window would begin behind the image: onnxruntime leaves it out when it runs,
    and counts it when it infers shapes.
    """
    rank, found = len(sizes), []
    pads = held.attributes.get("pads", [0] * (2 * rank))
    strides = held.attributes.get("strides", (1,) * rank)
    dilations = held.attributes.get("dilations", (1,) * rank)
    for a in range(rank):
        span = (held.kernel[a] - 1) * dilations[a] + 1
        found.append(ceil((sizes[a] + pads[a] + pads[a + rank] - span) / strides[a]) + 1)
        if (found[-1] - 1) * strides[a] >= sizes[a] + pads[a]:
            return None
    return tuple(found)


def global_pool(b: Builder, x: Value) -> Value | None:
    if x.rank != 4:
        return None
    type_ = "GlobalMaxPool" if b.whole or b.dice.random() < 0.3 else "GlobalAveragePool"
    return b.node(type_, [x], (*x.shape[:2], 1, 1), x.most)
