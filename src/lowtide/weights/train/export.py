"""From a trained torch model of the user's own to a small ONNX file, and its first factors."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from lowtide.errors import CheckError, UsageError
from lowtide.ir.codes import Array
from lowtide.weights.fit_layer import fit
from lowtide.weights.format import Generated
from lowtide.weights.moments import Moments, even
from lowtide.weights.network import Network, read
from lowtide.weights.setting import Setting
from lowtide.weights.store import store
from lowtide.weights.train.generate import filters_of, settle


def fitted(
    model: nn.Module, settings: Mapping[str, Setting], moments: Mapping[str, Moments] | None = None
) -> dict[str, Generated]:
    """The weights of modules (by name) as each setting stores them: where training begins.

    Alternating least squares in the norm of what layers meet (`meets.meets`), or without `moments`
    in the plain one. Raises UsageError where a name is no Conv or Linear.
    """
    modules, found = dict(model.named_modules()), {}
    for name, setting in settings.items():
        module = modules.get(name)
        filters = filters_of(module) if module is not None else None
        if module is None or filters is None:
            raise UsageError(f"'{name}' is no Conv or Linear of the model")
        weights = module.get_parameter("weight").detach().cpu().numpy()
        met = even(filters) if moments is None else moments[name]
        found[name] = fit(weights, filters, setting, met)
    return found


def export(model: nn.Module, example: Tensor) -> onnx.ModelProto:
    """A small ONNX model of a torch model on which `generate` was called; that stays as it is.

    torch's exporter writes the dense weights; each layer in the file that holds the weights of a
    generated one, up to a factor for each output (a folded batch norm), is stored small instead.
    Raises CheckError where one is not found.
    """
    dense = copy.deepcopy(model).cpu().eval()
    made = settle(dense)
    network = read(_exported(dense, example.cpu()))
    placed: dict[str, Generated] = {}
    for name, stored in made.items():
        layer, gains = _place(network, stored, set(placed), name)
        placed[layer] = stored.scaled(gains)
    return store(network, placed, {})


def _exported(dense: nn.Module, example: Tensor) -> onnx.ModelProto:
    buffer: Any = io.BytesIO()  # open files work, torch's annotation names paths alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is old, but needs no further package
        torch.onnx.export(
            dense, (example,), buffer, dynamo=False, opset_version=17, input_names=["input"],
            output_names=["output"],
        )  # fmt: skip
    return onnx.load_from_string(buffer.getvalue())


def _place(
    network: Network, stored: Generated, taken: set[str], name: str
) -> tuple[str, Array]:  # fmt: skip
    """The layer in the file that is this one, and what its outputs were multiplied with."""
    ours = stored.values.reshape(stored.filters.outputs, -1).astype(np.float64)
    for layer in network.layers:
        size = (layer.filters.outputs, layer.filters.inputs * layer.filters.taps)
        if (
            layer.name in taken
            or size != ours.shape
            or layer.filters.groups != stored.filters.groups
        ):
            continue
        theirs = network.weights(layer).reshape(ours.shape).astype(np.float64)
        below = (ours**2).sum(1)
        gains = np.where(below > 0, (ours * theirs).sum(1) / np.where(below > 0, below, 1.0), 1.0)
        rest = np.abs(theirs - gains[:, None] * ours).max()
        if rest <= 1e-5 * max(np.abs(theirs).max(), 1e-30):
            return layer.name, gains
    raise CheckError(f"the exported file has no layer with the weights of '{name}'")
