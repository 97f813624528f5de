"""Run a network with some of its weights exchanged, without building it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx

from lowtide.weights.batch import session
from lowtide.weights.codes import Array
from lowtide.weights.network import Inputs, Layer, Network

CHUNK = 32
"""Pictures at once."""


class Runner:
    """onnxruntime with the layers' weights and biases as inputs, and what layers read as outputs."""

    def __init__(self, network: Network, capture: Sequence[Layer] = ()) -> None:
        self.network = network
        names = dict.fromkeys(
            name for layer in network.layers for name in (layer.weight, layer.bias) if name
        )
        self.held = {name: network.constants[name] for name in names}
        proto = onnx.ModelProto()
        proto.CopyFrom(network.proto)
        proto.ir_version = max(proto.ir_version, 4)
        self._feed(proto)
        reads = dict.fromkeys(layer.input for layer in capture)
        self.captured = [name for name in reads if name not in network.inputs]
        for name in self.captured:
            if name not in network.outputs:
                proto.graph.output.append(onnx.ValueInfoProto(name=name))
        self.session = session(proto)

    def _feed(self, proto: onnx.ModelProto) -> None:
        kept = [t for t in proto.graph.initializer if t.name not in self.held]
        del proto.graph.initializer[:]
        proto.graph.initializer.extend(kept)
        given = {value.name for value in proto.graph.input}
        for name, array in self.held.items():
            if name not in given:
                proto.graph.input.append(
                    onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, array.shape)
                )

    def chunks(self, inputs: Inputs) -> Iterator[dict[str, Array]]:
        """The pictures, as many at once as the network takes."""
        size = CHUNK if self.network.batch else 1
        for begin in range(0, count(inputs), size):
            yield {name: x[begin : begin + size] for name, x in inputs.items()}

    def outputs(self, inputs: Inputs, changed: Mapping[str, Array] | None = None) -> list[Array]:
        """The network's outputs [N, ...] with some weights and biases exchanged."""
        feeds = {**self.held, **(changed or {})}
        names = list(self.network.outputs)
        parts = [self.session.run(names, {**feeds, **chunk}) for chunk in self.chunks(inputs)]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def reads(
        self, chunk: Mapping[str, Array], names: Sequence[str], changed: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The values that layers read (of those that were captured), for one chunk."""
        asked = [name for name in names if name not in self.network.inputs]
        made = self.session.run(asked, {**self.held, **changed, **chunk}) if asked else []
        return {**chunk, **dict(zip(asked, made, strict=True))}


def count(inputs: Inputs) -> int:
    """How many pictures there are."""
    return len(next(iter(inputs.values())))
