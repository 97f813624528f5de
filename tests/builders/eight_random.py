"""Random 8-bit networks, some with floats at their ends, and random ways to plan them."""

from __future__ import annotations

import random
from dataclasses import replace

from eight import Eight
from lowtide.ir.dtype import F32, I8, U8
from lowtide.ir.graph import Graph, Tensor
from lowtide.planner.options import Options

_GREEDY = Options(place="greedy")
_WAYS = (
    replace(_GREEDY, schedule="layerwise"),
    replace(_GREEDY, schedule="layerwise", overlap="pixel"),
    replace(_GREEDY, schedule="layerwise", io_layout="nchw"),
    _GREEDY,
    replace(_GREEDY, objective="latency"),
    replace(_GREEDY, max_overhead=0.3),
    replace(_GREEDY, image="streamed"),
    replace(_GREEDY, result="streamed"),
    replace(_GREEDY, image="streamed", result="streamed"),
    replace(_GREEDY, image="streamed", max_overhead=0.5),
)


def random_way(seed: int) -> Options:
    """How to plan network number `seed`."""
    dice = random.Random(f"way {seed}")
    way = _WAYS[seed % len(_WAYS)]
    return replace(way, align=4) if dice.random() < 0.3 else way


def random_network(seed: int) -> tuple[Eight, Graph]:
    """Up to seven convolutions, sums, pools and joins, and perhaps a classifier or floats."""
    dice = random.Random(seed)
    shape = dice.choice((1, 3, 4)), dice.choice((6, 9, 12)), dice.choice((5, 8, 12))
    net = Eight(seed, dice.choice((I8, I8, U8)), x=(1, *shape))
    seen = [_begun(net, shape, dice)]
    for _ in range(dice.randint(1, 7)):
        seen.append(_next(net, seen, dice))
    made = [_ended(net, seen[-1], dice)]
    if dice.random() < 0.3:
        made += [dice.choice(seen[1:])]
    return net, net.graph(*dict.fromkeys(made))


def _begun(net: Eight, shape: tuple[int, int, int], dice: random.Random) -> str:
    channels, height, width = shape
    kind = dice.choice(("as it is", "as it is", "floats", "channels last"))
    if kind == "floats":
        net.tensors["x"] = Tensor("x", (1, *shape), F32)
        return net.quantised("x")
    return net.image(1, height, width, channels) if kind == "channels last" else "x"


def _next(net: Eight, seen: list[str], dice: random.Random) -> str:
    x = seen[-1]
    shape = net.tensors[x].shape
    kind = dice.choice(("conv", "conv", "depthwise", "point", "sum", "pool", "join"))
    if kind == "conv":
        filters, kernel, stride = (
            dice.choice((1, 4, 8, 20)),
            dice.choice((1, 3)),
            dice.choice("112"),
        )
        return net.conv(x, filters, kernel=kernel, stride=int(stride))
    if kind == "depthwise":
        return net.conv(x, shape[1], group=shape[1])
    if kind == "point":
        return net.conv(x, dice.choice((3, 8, 70)), kernel=1, pad=0)
    if kind == "sum":
        return net.sum(x, dice.choice([y for y in seen if net.tensors[y].shape == shape]))
    if kind == "pool":
        return net.pool(x) if min(shape[2:]) > 1 else net.mean(x)
    beside = [y for y in seen if net.tensors[y].shape[2:] == shape[2:] and y != x]
    return net.joined(x, dice.choice(beside)) if beside else net.sum(x, x)


def _ended(net: Eight, x: str, dice: random.Random) -> str:
    kind = dice.choice(("as it is", "mean", "dense", "softmax", "floats", "float conv"))
    if kind == "floats":
        return net.real(x)
    if kind == "float conv":
        return net.real_conv(net.real(x), 4)
    if kind in ("mean", "dense", "softmax"):
        x = net.mean(x) if dice.random() < 0.7 else x
    if kind in ("dense", "softmax"):
        x = net.dense(net.flat(x), dice.choice((2, 10)))
    return net.softmax(x) if kind == "softmax" else x
