"""Run a network with some of its weights exchanged, without building it anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from lowtide.ir.codes import Array
from lowtide.runtime import onnxruntime
from lowtide.weights.batch import session
from lowtide.weights.network import Inputs, Network

CHUNK = 32
"""Pictures at once."""


class Runner:
    """onnxruntime with the layers' weights and biases as inputs.

    `reads` gives what layers read: for each set of layers asked for, a session of the nodes that
    those need.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        names = dict.fromkeys(
            name for layer in network.layers for name in (layer.weight, layer.bias) if name
        )
        self.held = {name: network.constants[name] for name in names}
        proto = onnx.ModelProto()
        proto.CopyFrom(network.proto)
        proto.ir_version = max(proto.ir_version, 4)
        self._feed(proto)
        self.proto, self.session = proto, session(proto)
        self.parts: dict[tuple[str, ...], onnxruntime.InferenceSession] = {}

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
        """The pictures, as many at once as the network takes.

        Where that is a fixed number, the first ones fill the last chunk up.
        """
        total, free = count(inputs), self.network.batch
        size = CHUNK if free else self.network.rows
        for begin in range(0, total, size):
            index = np.arange(begin, min(begin + size, total) if free else begin + size) % total
            yield {name: x[index] for name, x in inputs.items()}

    def outputs(self, inputs: Inputs, changed: Mapping[str, Array] | None = None) -> list[Array]:
        """The network's outputs [N, ...] with some weights and biases exchanged.

        N is that of `chunks`: a fixed batch size rounds it up.
        """
        feeds = {**self.held, **(changed or {})}
        names = list(self.network.outputs)
        parts = [self.session.run(names, {**feeds, **chunk}) for chunk in self.chunks(inputs)]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def reads(
        self, chunk: Mapping[str, Array], names: Sequence[str], changed: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The values `names` inside the network, for one chunk of pictures."""
        asked = tuple(name for name in names if name not in self.network.inputs)
        if not asked:
            return dict(chunk)
        if asked not in self.parts:
            self.parts = {asked: session(until(self.proto, asked))}
        part = self.parts[asked]
        feeds = {**self.held, **changed, **chunk}
        given = {value.name: feeds[value.name] for value in part.get_inputs()}
        return {**chunk, **dict(zip(asked, part.run(list(asked), given), strict=True))}


def until(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """The part of a model that computes these values, its only outputs."""
    makers = {name: node for node in proto.graph.node for name in node.output}
    needed, todo = set(names), list(names)
    while todo:
        node = makers.get(todo.pop())
        for name in node.input if node is not None else ():
            if name not in needed:
                needed.add(name)
                todo.append(name)
    part = onnx.ModelProto()
    part.CopyFrom(proto)
    graph = part.graph
    for field in (graph.node, graph.initializer, graph.input, graph.output):
        kept = [x for x in field if _needed(x, needed)]
        del field[:]
        field.extend(kept)
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return part


def _needed(thing: Any, names: set[str]) -> bool:
    if isinstance(thing, onnx.NodeProto):
        return any(name in names for name in thing.output)
    return thing.name in names


def count(inputs: Inputs) -> int:
    """How many pictures there are."""
    return len(next(iter(inputs.values())))
