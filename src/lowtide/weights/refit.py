"""Layer by layer, in order: fit each anew to what it meets once those before it are compressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lowtide.clock import Part, Progress
from lowtide.ir.codes import Array
from lowtide.weights.calibrate import compare
from lowtide.weights.fit_layer import fit
from lowtide.weights.format import Generated
from lowtide.weights.moments import Gathering, Moments
from lowtide.weights.network import Inputs, Layer
from lowtide.weights.runner import Runner
from lowtide.weights.sensitivity import stored
from lowtide.weights.setting import Setting


@dataclass(frozen=True, eq=False)
class Settled:
    """Every layer's stored form by its name, and corrected biases by theirs.

    `errors` are E|W x - W' z|^2 / E|W x|^2 with z what the layer meets in the compressed network
    and x in the dense one, both without their biases.
    """

    made: Mapping[str, Generated]
    biases: Mapping[str, Array]
    errors: Mapping[str, float]

    def changed(self, layers: tuple[Layer, ...]) -> dict[str, Array]:
        """Constants to run the network with."""
        held = {
            layer.weight: stored(layer, self.made[layer.name].values)
            for layer in layers
            if layer.name in self.made
        }
        return {**held, **self.biases}


def settle(
    runner: Runner,
    settings: Mapping[str, Setting],
    inputs: Inputs,
    progress: Progress,
) -> Settled:
    """Fits the layers in the order in which they run.

    Each layer's target is what makes up best for the errors before it: W E[x z^T] E[z z^T]^-1.
    Then the mean and the spread of each output channel are set to those of the dense network: the
    spread through the scales, the mean through the bias. That is what recalibrating batch norms
    does, also where they are folded.
    """
    made: dict[str, Generated] = {}
    biases: dict[str, Array] = {}
    errors: dict[str, float] = {}
    held = Settled(made, biases, errors)
    layers = runner.network.layers
    for number, layer in enumerate(layers, 1):
        progress(Part("fitting layer", number, len(layers)))
        now, was = compare(runner, [layer], inputs, held.changed(layers))[layer.name]
        dense = runner.network.weights(layer).reshape(layer.filters.outputs, -1)
        dense = dense.astype(np.float64)
        meets = now.moments()
        target = now.shifted(dense)
        chosen = fit(target, layer.filters, settings[layer.name], meets)
        chosen = _spread(layer, dense, was, chosen, meets)
        made[layer.name] = chosen
        errors[layer.name] = _error(layer, dense, was, chosen, meets, now)
        if layer.bias is not None:
            biases[layer.bias] = _bias(runner, layer, dense, was, chosen, meets)
    return held


def _rows(made: Generated) -> Array:
    return np.asarray(made.values.reshape(made.filters.outputs, -1), np.float64)


def _variance(rows: Array, moments: Moments, groups: int) -> Array:
    """The variance of each output channel."""
    squares = (moments.turned(rows) * rows).sum(1)
    if groups > 1:  # only the average over groups is kept, without its mean
        return np.asarray(squares)
    return np.asarray(np.maximum(squares - (rows @ moments.mean[0]) ** 2, 0.0))


def _spread(layer: Layer, dense: Array, was: Moments, made: Generated, meets: Moments) -> Generated:
    before = _variance(dense, was, layer.filters.groups)
    after = _variance(_rows(made), meets, layer.filters.groups)
    usable = (before > 0) & (after > 1e-6 * before)
    gains = np.where(usable, np.sqrt(before / np.where(usable, after, 1.0)), 1.0)
    return made.scaled(np.clip(gains, 0.5, 2.0))


def _means(rows: Array, moments: Moments, groups: int) -> Array:
    """The mean of each output channel, without bias."""
    each = rows.reshape(groups, -1, rows.shape[1])
    return np.asarray((each @ moments.mean[:, :, None]).reshape(-1))


def _bias(
    runner: Runner, layer: Layer, dense: Array, was: Moments, made: Generated, meets: Moments
) -> Array:
    assert layer.bias is not None
    groups = layer.filters.groups
    shift = _means(dense, was, groups) - _means(_rows(made), meets, groups)
    old = runner.network.constants[layer.bias]
    return np.asarray(np.broadcast_to(old, shift.shape) + shift, np.float32)


def _error(
    layer: Layer, dense: Array, was: Moments, made: Generated, meets: Moments, now: Gathering
) -> float:
    """E|W x - W' z|^2 / E|W x|^2, 0 for weights of zeros."""
    rows, groups = _rows(made), layer.filters.groups
    if not dense.any():
        return 0.0
    if now.cross is None or groups > 1:
        rest = meets.error(dense - rows, groups)
        return float(rest / max(meets.error(dense, groups), 1e-30))
    cross = now.cross / max(now.count, 1)
    before = was.error(dense)
    total = before + meets.error(rows) - 2 * float(((dense @ cross) * rows).sum())
    return float(max(total, 0.0) / max(before, 1e-30))
