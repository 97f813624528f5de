"""Random layers of 8-bit numbers of the kinds that have kernels, a few beside each other in a
program, for what compilers make of the kernels of every family.

    x0 -> conv -> y0,  x1 -> depthwise -> y1,  x2, x3 -> sum -> y2, ..     each by itself

All that decides how a kernel goes is drawn: types, windows, padding, channels, multipliers, how
sums end, what is added up behind, and the plan.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from eight import Eight, evaluated, planned
from lowtide.backends import emit
from lowtide.check.trial import unpack
from lowtide.errors import LowtideError
from lowtide.ir.dtype import I8, U8, DType
from lowtide.ir.graph import Array, Graph, Tensor
from lowtide.planner.memory_map import MemoryMap, memory_map
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from programs import turned

MOST = 3000
"""Elements of an image that a layer makes: they run in no time."""


@dataclass(frozen=True)
class EightLayers:
    """Some layers in one program, and what they must make of its inputs, to the bit."""

    name: str
    plan: Plan
    inputs: dict[str, Array]
    graph: Graph

    @cached_property
    def memory(self) -> MemoryMap:
        return memory_map(self.plan)

    @cached_property
    def files(self) -> dict[str, bytes]:
        return emit(self.plan)

    def wrong(self, wrote: bytes) -> str:
        """What is wrong with the outputs that a program wrote, or nothing."""
        expected = evaluated(self.graph, self.inputs)
        made = unpack(wrote, self.memory.outputs)
        for name, y, wanted in zip(self.graph.outputs, made, expected, strict=True):
            off = np.flatnonzero(y != wanted)
            if off.size:
                op = self.graph.producer[name]
                return f"{self.name}: {op.name}: {off.size} of {y.size} differ, {op.attributes}"
        return ""


def eight_layers(seed: int, together: int = 6) -> EightLayers:
    """The program of a seed, of so many layers."""
    dice = random.Random(f"eight layers {seed}")
    net, made = Eight(seed, dice.choice((I8, I8, U8))), list[str]()
    while len(made) < together:
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        name = kind(net, dice)
        made += [name] if name else []
    net.inputs = tuple(name for name in net.tensors if name.startswith("x"))
    graph = net.graph(*made)
    return EightLayers(f"layers {seed}", _planned(graph, dice), net.feed(), graph)


def _planned(graph: Graph, dice: random.Random) -> Plan:
    """Layer by layer, overlapping as closely as may be, or in rows."""
    common: dict[str, Any] = {"place": "greedy", "align": dice.choice((1, 4, 16))}
    if dice.random() < 0.7:
        overlap = dice.choice(("none", "row", "group", "pixel", "pixel"))
        plan = planned(graph, Options(schedule="layerwise", overlap=overlap, **common))
        if overlap == "none" or dice.random() < 0.6:
            return plan
        return turned(plan, frozenset(k for k, task in enumerate(plan.tasks) if task.row))
    try:
        return planned(graph, Options(objective=dice.choice(("memory", "latency")), **common))
    except LowtideError:
        return planned(graph, Options(schedule="layerwise", **common))


def _image(net: Eight, dice: random.Random, channels: int) -> str:
    name = f"x{len(net.tensors)}"
    shape = (1, channels, dice.randint(4, 9), dice.randint(4, 14))
    if dice.random() < 0.1:
        shape = (1, channels, dice.randint(1, 3), dice.randint(1, 3))
    net.tensors[name] = Tensor(name, shape, net.dtype)
    return name


def _channels(dice: random.Random) -> int:
    return dice.choice((dice.randint(1, 8), dice.randint(2, 36), 4 * dice.randint(1, 9)))


def _axis(dice: random.Random, size: int) -> tuple[int, int, int, int, int] | None:
    """Kernel, stride, dilation, padding before and after, if windows fit."""
    kernel, stride, dilation = dice.choice((1, 1, 2, 3, 3, 3, 4, 5)), dice.choice((1, 1, 2, 3)), 1
    if dice.random() < 0.2:
        dilation = dice.choice((2, 3))
    reach = (kernel - 1) * dilation
    pads = dice.choice(((0, 0), (reach // 2, reach - reach // 2), (reach, 0), (0, min(reach, 1))))
    return (kernel, stride, dilation, *pads) if size + sum(pads) > reach else None


def _window(
    net: Eight, x: str, dice: random.Random
) -> tuple[dict[str, Any], tuple[int, int]] | None:
    """The attributes of a window, and the sizes of what it makes."""
    sizes = net.tensors[x].shape[2:]
    axes = [_axis(dice, size) for size in sizes]
    if dice.random() < 0.5:  # the usual ones
        axes = [axes[0], axes[0]]
    rows, columns = axes
    if rows is None or columns is None:
        return None
    out = [
        (n + before + after - (kernel - 1) * dilation - 1) // stride + 1
        for n, (kernel, stride, dilation, before, after) in zip(sizes, (rows, columns), strict=True)
    ]
    if min(out) < 1:
        return None
    names = ("kernel_shape", "strides", "dilations")
    given = {name: [rows[k], columns[k]] for k, name in enumerate(names)}
    return {**given, "pads": [rows[3], columns[3], rows[4], columns[4]]}, (out[0], out[1])


def _conv(net: Eight, dice: random.Random) -> str | None:
    """A convolution of one group."""
    return _summed(net, dice, _image(net, dice, _channels(dice)), _channels(dice), 1)


def _mean(net: Eight, dice: random.Random) -> str | None:
    """A mean over all of a convolution of one tap."""
    x = _image(net, dice, _channels(dice))
    attributes = {"kernel_shape": [1, 1], "strides": [1, 1], "dilations": [1, 1], "pads": [0] * 4}
    sizes = net.tensors[x].shape[2:]
    y = _made(net, dice, x, _channels(dice), 1, attributes, sizes, net.dtype)
    return net.mean(y)


def _depthwise(net: Eight, dice: random.Random) -> str | None:
    """Of each channel by itself, which makes one channel or several."""
    channels = max(2, _channels(dice))
    x = _image(net, dice, channels)
    return _summed(net, dice, x, channels * dice.choice((1, 1, 1, 2, 3)), channels)


def _summed(net: Eight, dice: random.Random, x: str, filters: int, group: int) -> str | None:
    found = _window(net, x, dice)
    if found is None or filters * found[1][0] * found[1][1] > MOST:
        del net.tensors[x]
        return None
    return _made(net, dice, x, filters, group, *found)


def _made(
    net: Eight, dice: random.Random, x: str, filters: int, group: int,
    attributes: dict[str, Any], sizes: tuple[int, ...], dtype: DType | None = None,
) -> str:  # fmt: skip
    inside = net.tensors[x].shape[1] // group
    shape = (filters, inside, *attributes["kernel_shape"])
    terms = int(np.prod(shape[1:]))
    kind, given, ends = _ending(net, dice, filters, terms, dtype)
    w = net.constant(_weights(net, dice, shape))
    made = (1, filters, *sizes)
    return net.add(kind, [x, w, *given], made, ends.pop("made"), group=group, **attributes, **ends)


def _weights(net: Eight, dice: random.Random, shape: tuple[int, ...]) -> Array:
    least = dice.choice((-128, -127, -127, -3))
    return net.dice.integers(least, dice.choice((127, 128, 4)), shape).astype(np.int8)


def _ending(
    net: Eight, dice: random.Random, filters: int, terms: int, dtype: DType | None = None
) -> tuple[str, list[str], dict[str, Any]]:
    """The operator, its bias and factors, its attributes; now and then such as few files have."""
    made = dtype or dice.choice((net.dtype, net.dtype, net.dtype, I8, U8))
    low, high = (-128, 127) if made == I8 else (0, 255)
    zero = dice.randint(low, high)
    if dice.random() < 0.3:
        low, high = dice.choice(((zero, high), (low + 9, high - 20), (zero, min(high, zero + 40))))
    odd = dice.random() < 0.15
    reals = net.dice.uniform(0.5, 1, dice.choice((1, filters))) / (60 * terms**0.5)
    if odd:
        reals = reals * net.dice.choice([1.0, 1.0, 2.0**-20, 300.0, -1.0], reals.shape)
    rounding = dice.choice(("tflite", "tflite", "tflite", "once", "float"))
    if rounding == "float":
        given = [net.constant(reals.astype(np.float32))]
    else:
        given = net.factor(*reals.tolist())
    far = rounding == "float" and dice.random() < 0.1
    most = (1 << 31) - 1 if far else 9999
    bias = net.dice.integers(-most, most, filters).astype(np.int32)
    ends = {
        "x_zero": dice.randint(net.low, net.high), "y_zero": zero, "low": low, "high": high,
        "rounding": rounding, "made": made,
    }  # fmt: skip
    return "QConvWrapped" if far else "QConv", [net.constant(bias), *given], ends


def _dense(net: Eight, dice: random.Random) -> str | None:
    inside, units = dice.choice((dice.randint(1, 9), dice.randint(1, 90))), dice.randint(1, 20)
    name = f"x{len(net.tensors)}"
    net.tensors[name] = Tensor(name, (1, inside), net.dtype)
    kind, given, ends = _ending(net, dice, units, inside)
    w = net.constant(_weights(net, dice, (units, inside)))
    kind = kind.replace("QConv", "QDense")
    return net.add(kind, [name, w, *given], (1, units), ends.pop("made"), **ends)


def _sum(net: Eight, dice: random.Random) -> str | None:
    """Of two images; the scales of a file make one factor a half."""
    a = _image(net, dice, _channels(dice))
    b = f"x{len(net.tensors)}"
    net.tensors[b] = replace(net.tensors[a], name=b)
    less = dice.uniform(0.01, 1) / 2
    halves = dice.choice(((0.5, less), (less, 0.5), (0.5, 0.5)))
    m, n = net.factor(*halves, dice.uniform(0.5, 2) / 2**20)
    ends = {**net.ends(), **dice.choice(({}, {}, {"low": net.low // 2, "high": net.high - 30}))}
    ends["b_zero"] = dice.randint(net.low, 0)
    return net.add("QAdd", [a, b, m, n], net.tensors[a].shape, **ends)


def _pool(net: Eight, dice: random.Random) -> str | None:
    x = _image(net, dice, _channels(dice))
    found, kind = _window(net, x, dice), dice.choice(("MaxPool", "QAveragePool"))
    if found is None or any(_misses(net.tensors[x].shape, found[0])):
        del net.tensors[x]
        return None
    attributes, sizes = found
    ends = {"low": net.low, "high": net.high} if kind == "QAveragePool" else {}
    return net.add(kind, [x], (*net.tensors[x].shape[:2], *sizes), **attributes, **ends)


def _misses(shape: tuple[int, ...], window: dict[str, Any]) -> list[bool]:
    """Whether a window along each axis may have no tap in the image."""
    found = []
    for k, size in enumerate(shape[2:]):
        kernel, stride, dilation = (
            window[name][k] for name in ("kernel_shape", "strides", "dilations")
        )
        before, after = window["pads"][k], window["pads"][2 + k]
        made = (size + before + after - (kernel - 1) * dilation - 1) // stride + 1
        spots = [[q * stride - before + t * dilation for t in range(kernel)] for q in range(made)]
        found.append(not all(any(0 <= at < size for at in taps) for taps in spots))
    return found


KINDS = {_conv: 5, _depthwise: 4, _mean: 1, _dense: 1, _sum: 1, _pool: 1}
