"""How much the network minds an error in each layer, measured on calibration pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lowtide.clock import Part, Progress
from lowtide.ir.codes import Array
from lowtide.weights.candidates import Candidate
from lowtide.weights.network import Inputs, Layer
from lowtide.weights.runner import Runner

PROBES = (0.3, 0.1, 0.03)
"""Relative errors near which candidates are tried."""


def loss(outputs: Sequence[Array], dense: Sequence[Array]) -> float:
    """How far outputs [N, ...] are from the dense network's.

    A single output of classes [N, classes]: the mean Kullback-Leibler divergence of the softmaxes.
    Otherwise the squared error of each output against its variance, summed.
    """
    if len(outputs) == 1 and outputs[0].ndim == 2 and outputs[0].shape[1] > 1:
        p, q = _log_softmax(dense[0]), _log_softmax(outputs[0])
        return float((np.exp(p) * (p - q)).sum(1).mean())
    total = 0.0
    for y, ref in zip(outputs, dense, strict=True):
        total += float(((y - ref) ** 2).mean() / (ref.var() + 1e-12))
    return total


def _log_softmax(scores: Array) -> Array:
    shifted = scores.astype(np.float64) - scores.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


@dataclass(frozen=True)
class Sensitivity:
    """The loss that a relative error e of one layer's output costs: gain * e^power."""

    gain: float
    power: float

    def loss(self, error: float) -> float:
        return float(self.gain * max(error, 1e-12) ** self.power)


def measure(
    runner: Runner,
    inputs: Inputs,
    choices: Mapping[str, Sequence[Candidate]],
    progress: Progress,
) -> dict[str, Sensitivity]:
    """Each layer's sensitivity: candidates near `PROBES` put in, one layer at a time."""
    dense = runner.outputs(inputs)
    found = {}
    for number, layer in enumerate(runner.network.layers, 1):
        progress(Part("sensitivity of layer", number, len(runner.network.layers)))
        pairs = []
        for chosen in _near(choices[layer.name]):
            changed = {layer.weight: stored(layer, chosen.made.values)}
            pairs.append((chosen.error, loss(runner.outputs(inputs, changed), dense)))
        found[layer.name] = _fitted(pairs)
    return found


def stored(layer: Layer, weights: Array) -> Array:
    """Weights [outputs, inputs, *area] in the order in which the file holds them."""
    if layer.op == "Conv":
        return weights
    rows = weights.reshape(layer.filters.outputs, layer.filters.inputs)
    return np.ascontiguousarray(rows.T) if layer.transposed else rows


def _near(choices: Sequence[Candidate]) -> list[Candidate]:
    found = [min(choices, key=lambda c: abs(np.log(max(c.error, 1e-9) / e))) for e in PROBES]
    return list({id(c): c for c in found}.values())


def _fitted(pairs: Sequence[tuple[float, float]]) -> Sensitivity:
    """A power law through the probes, its exponent kept between 1/2 and 3/2."""
    usable = [(np.log(e), np.log(y)) for e, y in pairs if e > 0 and y > 0]
    if not usable:
        return Sensitivity(0.0, 1.0)
    x, y = np.array(usable).T
    spread = float(((x - x.mean()) ** 2).sum())
    power = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 1e-6 else 1.0
    power = min(max(power, 0.5), 1.5)
    return Sensitivity(float(np.exp((y - power * x).mean())), power)
