"""What the layers of a network meet on calibration pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lowtide.ir.codes import Array
from lowtide.weights.moments import Gathering, Moments
from lowtide.weights.network import Inputs, Layer
from lowtide.weights.patches import patches
from lowtide.weights.runner import Runner, count

PATCHES = 40_000
"""Of each layer, over all pictures: about ten for each unknown of a wide layer."""


def measure(runner: Runner, layers: Sequence[Layer], inputs: Inputs) -> dict[str, Moments]:
    """The moments of each layer's input, by the layer's name."""
    gathered = {layer.name: Gathering(layer.filters) for layer in layers}
    per = -(-PATCHES // count(inputs))
    names = list(dict.fromkeys(layer.input for layer in layers))
    dice = np.random.default_rng(0)
    for chunk in runner.chunks(inputs):
        values = runner.reads(chunk, names, {})
        for layer in layers:
            gathered[layer.name].add(
                patches(layer, values[layer.input], per * count(chunk), dice)
            )  # fmt: skip
    return {name: each.moments() for name, each in gathered.items()}


def compare(
    runner: Runner, layers: Sequence[Layer], inputs: Inputs, changed: Mapping[str, Array]
) -> dict[str, tuple[Gathering, Moments]]:
    """What layers meet in the changed network, set against the same patches of the dense one.

    Gives for each layer the gathering of both, and the moments in the dense network.
    """
    now = {layer.name: Gathering(layer.filters) for layer in layers}
    was = {layer.name: Gathering(layer.filters) for layer in layers}
    per = -(-PATCHES // count(inputs))
    names = list(dict.fromkeys(layer.input for layer in layers))
    for number, chunk in enumerate(runner.chunks(inputs)):
        dense, values = runner.reads(chunk, names, {}), runner.reads(chunk, names, changed)
        for layer in layers:
            both = []
            for held in (dense, values):
                dice = np.random.default_rng(number)
                both.append(patches(layer, held[layer.input], per * count(chunk), dice))
            was[layer.name].add(both[0])
            now[layer.name].add(both[1], both[0])
    return {name: (now[name], was[name].moments()) for name in now}
