"""An ONNX network as a torch module: what `lowtide train-compressed` trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from lowtide.errors import UnsupportedModel
from lowtide.weights.network import Layer, Network
from lowtide.weights.train.operators import OPERATORS


class Norm(nn.Module):
    """A batch norm put back where one was folded: changes nothing at first, trains as they do."""

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(len(mean))
        with torch.no_grad():
            self.bn.weight.copy_(torch.sqrt(std**2 + self.bn.eps))
            self.bn.bias.copy_(mean)
            assert self.bn.running_mean is not None
            assert self.bn.running_var is not None
            self.bn.running_mean.copy_(mean)
            self.bn.running_var.copy_(std**2)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(x)

    def folded(self) -> tuple[Tensor, Tensor]:
        """y = gain * x + shift, per channel."""
        bn = self.bn
        assert bn.running_mean is not None
        assert bn.running_var is not None
        gain = bn.weight / torch.sqrt(bn.running_var + bn.eps)
        return gain.detach(), (bn.bias - bn.running_mean * gain).detach()


class TorchNetwork(nn.Module):
    """The network's nodes in order; layers are modules called after their number, `layer_3`.

    Raises UnsupportedModel for operators that `operators` does not name.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.names = {layer.name: f"layer_{i}" for i, layer in enumerate(network.layers)}
        self.nodes = list(network.proto.graph.node)
        for layer in network.layers:
            self.add_module(self.names[layer.name], _module(network, layer))
        self.run = [self._step(node) for node in self.nodes]
        for name, array in _others(network).items():
            self.register_buffer(_buffer(name), torch.from_numpy(array.copy()))

    def _step(self, node: onnx.NodeProto) -> Callable[..., Tensor] | None:
        if node.name in self.names:
            return None
        make = OPERATORS.get(node.op_type)
        if make is None:
            raise UnsupportedModel(
                "cannot be trained", node=node.name, operator=node.op_type,
                hint="train the torch model itself with lowtide.weights.train.generate",
            )  # fmt: skip
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        return make(attributes)

    def add_norms(self, spread: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Puts a batch norm behind layers, given the mean and spread of what they give."""
        for name, (mean, std) in spread.items():
            self.add_module(f"norm_{self.names[name]}", Norm(mean, std).to(mean.device))

    def norm(self, layer: Layer) -> Norm | None:
        """The batch norm behind a layer, if there is one."""
        found = self._modules.get(f"norm_{self.names[layer.name]}")
        return found if isinstance(found, Norm) else None

    def forward(self, *inputs: Tensor) -> Tensor:
        values: dict[str, Tensor] = dict(zip(self.network.inputs, inputs, strict=True))
        for node, step in zip(self.nodes, self.run, strict=True):
            if step is None:
                name = self.names[node.name]
                made = self.get_submodule(name)(values[node.input[0]])
                norm = self._modules.get(f"norm_{name}")
                values[node.output[0]] = made if norm is None else norm(made)
            else:
                given = [self._value(name, values) for name in node.input]
                values[node.output[0]] = step(*given)
        return values[self.network.outputs[0]]

    def _value(self, name: str, values: Mapping[str, Tensor]) -> Tensor | None:
        if not name:
            return None
        return values[name] if name in values else self.get_buffer(_buffer(name))


def _buffer(name: str) -> str:
    return "held_" + name.replace(".", "_")


def _others(network: Network) -> dict[str, Any]:
    """Constants that no layer owns."""
    owned = {n for layer in network.layers for n in (layer.weight, layer.bias)}
    tensors = {t.name: t for t in network.proto.graph.initializer}
    return {n: numpy_helper.to_array(t) for n, t in tensors.items() if n not in owned}


def _module(network: Network, layer: Layer) -> nn.Module:
    """The layer as a Conv2d or Linear that holds its weights."""
    weights = torch.from_numpy(network.weights(layer).copy())
    f, a = layer.filters, layer.attributes
    bias = None if layer.bias is None else torch.from_numpy(network.constants[layer.bias].copy())
    if layer.op != "Conv":
        made: nn.Module = nn.Linear(f.inputs, f.outputs, bias is not None)
    else:
        pads = a.get("pads", [0] * 4)
        if len(f.area) != 2 or pads[:2] != pads[2:] or a.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise UnsupportedModel(
                "cannot be trained: only 2-D with the same padding on opposite sides can",
                node=layer.name, operator="Conv",
            )  # fmt: skip
        made = nn.Conv2d(
            f.inputs * f.groups, f.outputs, (f.area[0], f.area[1]), tuple(a.get("strides", [1, 1])),
            (pads[0], pads[1]), tuple(a.get("dilations", [1, 1])), f.groups, bias is not None,
        )  # fmt: skip
    with torch.no_grad():
        made.weight.copy_(weights.view_as(made.weight))  # type: ignore[operator, arg-type]
        if bias is not None:
            made.bias.copy_(bias.reshape(-1).expand(f.outputs))  # type: ignore[operator, union-attr]
    return made
