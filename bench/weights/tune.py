"""The teacher of ResNet-20's students: the shared network, trained on with JPEG pictures.

    python -m bench.weights.tune --minutes 14 -o out/resnet20_jpeg.onnx

Its own training was on lossless pictures, which costs it about 10 points on JPEG ones.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from bench.weights.teach import SHARED, loss, pictures
from lowtide.weights.network import Network, read
from lowtide.weights.sensitivity import stored
from lowtide.weights.train.compressed import spreads
from lowtide.weights.train.graph import Graph
from lowtide.weights.train.loop import Recipe, run
from lowtide.weights.train.measure import accuracy


def dense(graph: Graph, network: Network) -> onnx.ModelProto:
    """A trained graph as ONNX, its batch norms folded."""
    changed = {}
    for layer in network.layers:
        module = graph.get_submodule(graph.names[layer.name])
        weight, bias = (
            module.get_parameter("weight").detach(),
            module.get_parameter("bias").detach(),
        )
        norm = graph.norm(layer)
        if norm is not None:
            gain, shift = norm.folded()
            weight, bias = weight * gain.view(-1, 1, 1, 1), bias * gain + shift
        assert layer.bias is not None
        changed[layer.weight] = stored(layer, weight.contiguous().numpy())
        changed[layer.bias] = bias.numpy()
    model = onnx.ModelProto()
    model.CopyFrom(network.proto)
    for tensor in model.graph.initializer:
        if tensor.name in changed:
            tensor.CopyFrom(numpy_helper.from_array(changed[tensor.name], tensor.name))
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--state", type=Path, help="weights of an earlier run; trains no more")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    torch.manual_seed(0)
    network = read(given.shared / "models/onnx/resnet20_cifar10_bn.onnx")
    train = pictures(given.shared, "train")
    graph: nn.Module = Graph(network)
    assert isinstance(graph, Graph)
    seen = train.normal(train.values[:256])
    graph.add_norms(spreads(graph, [x for x in network.layers if x.op == "Conv"], seen))
    graph.to(memory_format=torch.channels_last)
    if given.state is not None:
        graph.load_state_dict(torch.load(given.state, weights_only=True))
    else:
        recipe = Recipe(4000, rate=0.05, minutes=given.minutes)
        run(graph, loss, train, recipe, progress=lambda line: print(line, file=sys.stderr))
    print(f"{100 * accuracy(graph, pictures(given.shared, 'test')):.2f} %")
    onnx.save(dense(graph, network), given.output)


if __name__ == "__main__":
    main()
