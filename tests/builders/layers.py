"""Random networks of one layer, a seed each: every kind of window, and what else slides.

A lone layer is where overlap shows: its arena is below input and output together just by what the
output may follow the input into. Half the layers compute with whole numbers and must be exact.
"""

from __future__ import annotations

import random
from dataclasses import replace

import network_moves as moves
import network_sums as sums
import network_windows as windows
from closed_forms import Layer, random_layer
from lowtide.planner.options import Options
from lowtide.planner.plan import Plan
from network_builder import Builder, Network, Value
from networks import OPSETS
from programs import plan_model, turned

WIDE = (33, 40, 64, 65, 70, 130, 260)
"""Channels beyond the blocks of the kernels and loops, and beyond their small buffers."""


def lone_layer(seed: int) -> Network:
    """The layer of a seed, now and then with an activation that is fused into it."""
    dice = random.Random(seed)
    whole, made = seed % 2 == 0, None
    while made is None:
        b = Builder(dice, dice.choice(OPSETS), whole)
        made = dice.choices(list(LAYERS), list(LAYERS.values()))[0](b)
    if dice.random() < 0.3:
        made = sums.activation(b, made)
    return b.finish(f"layer{seed}", [made])


def plan_layer(seed: int, network: Network) -> Plan:
    """A plan of a seed's layer, half of them as the planner likes, half of them backward."""
    dice = random.Random(-seed - 1)
    options = Options(
        schedule="layerwise",
        overlap=dice.choice(("row", "group", "pixel")),
        place="exact",
        align=dice.choice((4, 16)),
        io_layout=dice.choice(("nhwc", "nhwc", "nchw")),
    )
    plan = plan_model(network.model, options)
    if dice.random() < 0.5:
        return plan
    return turned(plan, frozenset(k for k, task in enumerate(plan.tasks) if task.row))


def _image(b: Builder) -> Value:
    """An input of few channels, or of many and few pixels."""
    if b.dice.random() < 0.15:
        channels, most = b.dice.choice(WIDE), 4
    else:
        channels, most = b.dice.randint(1, 9), 14
    return b.input((1, channels, b.dice.randint(2, most), b.dice.randint(2, most)))


def conv(b: Builder) -> Value:
    """A layer of the closed forms: any geometry, dense, depthwise or in groups."""
    layer = random_layer(b.dice.randrange(2**32))
    if b.dice.random() < 0.35:
        layer = _widened(layer, b.dice)
    return _conv(b, layer)


def _widened(layer: Layer, dice: random.Random) -> Layer:
    """The layer with more channels than a block holds."""
    kind, many = dice.choice(("dense", "dense", "depthwise", "grouped")), dice.choice(WIDE)
    if kind == "dense":
        inputs = dice.choice((layer.inputs, layer.inputs, dice.choice(WIDE[:5])))
        outputs = many if inputs == layer.inputs else dice.randint(1, 70)
        return replace(layer, inputs=inputs, outputs=outputs, groups=1)
    if kind == "depthwise":
        return replace(layer, inputs=many, outputs=many * dice.choice((1, 1, 1, 2)), groups=many)
    return replace(layer, inputs=2 * dice.randint(1, 5), outputs=2 * many, groups=2)


def _conv(b: Builder, layer: Layer) -> Value:
    rows, columns = layer.rows, layer.columns
    x = b.input((1, layer.inputs, rows.size, columns.size))
    inside = layer.inputs // layer.groups
    summed = inside * rows.kernel * columns.kernel
    shape = (layer.outputs, inside, rows.kernel, columns.kernel)
    inputs: list[Value | str] = [x, b.weights(shape, summed)]
    if b.dice.random() < 0.6:
        inputs.append(b.constant(b.numbers((layer.outputs,))))
    return b.node(
        "Conv",
        inputs,
        (1, layer.outputs, rows.made, columns.made),
        2 * summed * x.most + 2,
        group=layer.groups,
        strides=[rows.stride, columns.stride],
        dilations=[rows.dilation, columns.dilation],
        pads=[rows.before, columns.before, rows.after, columns.after],
    )


def conv_transpose(b: Builder) -> Value | None:
    return windows.conv_transpose(b, _image(b))


def pool(b: Builder) -> Value | None:
    return windows.pool(b, _image(b))


def resize(b: Builder) -> Value | None:
    return moves.resize(b, _image(b))


def depth_to_space(b: Builder) -> Value | None:
    return moves.depth_to_space(b, _image(b))


def binary(b: Builder) -> Value:
    """Two images, the second broadcast now and then."""
    x = _image(b)
    other = b.input(tuple(n if b.dice.random() < 0.8 else 1 for n in x.shape))
    type_ = b.dice.choice(("Add", "Sub", "Mul"))
    pair: list[Value | str] = [x, other]
    b.dice.shuffle(pair)
    return b.node(type_, pair, x.shape, 9.0)


def softmax(b: Builder) -> Value | None:
    """Over the channels of each pixel (before opset 13 over all): not whole."""
    if b.whole:
        return None
    x = _image(b)
    return b.node("Softmax", [x], x.shape, 1.0, axis=1)


LAYERS = {
    conv: 16,
    conv_transpose: 3,
    pool: 5,
    resize: 2,
    depth_to_space: 1,
    binary: 3,
    softmax: 1,
}
