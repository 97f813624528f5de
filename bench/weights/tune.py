"""The teacher of ResNet-20's students: the shared network, trained on with JPEG pictures.

    python -m bench.weights.tune --steps 1400 -o out/resnet20_jpeg.onnx
    torchrun --nproc-per-node 2 -m bench.weights.tune ...      # where other programs run as well

Its own training was on lossless pictures, which costs it about 10 points on JPEG ones. Two
processes of one thread each suffer less from others on the same cores than one process of two
threads, whose every operator waits for the slower one. Goes on from its checkpoint after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import onnx
import torch
import torch.distributed as dist
from onnx import numpy_helper

from bench.weights.teach import SHARED, loss, pictures
from lowtide.weights.network import Network, read
from lowtide.weights.sensitivity import stored
from lowtide.weights.train.compressed import spreads
from lowtide.weights.train.graph import TorchNetwork
from lowtide.weights.train.loop import Recipe, run
from lowtide.weights.train.measure import accuracy


def dense(graph: TorchNetwork, network: Network) -> onnx.ModelProto:
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


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    first = int(os.environ.get("RANK", 0)) == 0
    if "RANK" in os.environ:
        dist.init_process_group("gloo")
    torch.manual_seed(0)
    network = read(given.shared / "models/onnx/resnet20_cifar10_bn.onnx")
    train = pictures(given.shared, "train")
    graph = TorchNetwork(network)
    seen = train.normal(train.values[:256])
    graph.add_norms(spreads(graph, [x for x in network.layers if x.op == "Conv"], seen))
    graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe = Recipe(given.steps, rate=0.05, minutes=given.minutes)
    history = run(
        graph, loss, train, recipe, checkpoint=given.output.with_suffix(".checkpoint"),
        progress=say if first else lambda _: None,
    )  # fmt: skip
    if not first:
        return
    right = accuracy(graph, pictures(given.shared, "test"))
    minutes = f"{history.seconds / 60:.1f} minutes, {time.process_time() / 60:.1f} of a core"
    print(f"{100 * right:.2f} % after {history.steps} steps, {minutes} in this process")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(dense(graph, network), given.output)


if __name__ == "__main__":
    main()
