"""The paper's four networks without training: bytes, multiply-adds, error, and the files' equality.

    python -m bench.weights.networks         # writes bench/weights/results/networks.json

No trained weights of them are at hand: all are random (He-normal, seeded), which compress worst.
Bytes and multiply-adds do not depend on that.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test

from bench.weights.untrained import RESULTS, SHARED
from lowtide.ir.codes import Array
from lowtide.weights.account import macs
from lowtide.weights.batch import session
from lowtide.weights.compress import noise
from lowtide.weights.fit_layer import fit
from lowtide.weights.moments import even
from lowtide.weights.network import Network, read, with_constants
from lowtide.weights.runner import Runner
from lowtide.weights.sensitivity import stored
from lowtide.weights.setting import Setting, plain, published
from lowtide.weights.store import store

LIGHT = Path(onnx.backend.test.__file__).parent / "data/light"
NETWORKS: dict[str, tuple[str, int, int, tuple[int, int, int]]] = {
    "ResNet-18": ("resnet18", 2, 44, (3, 6, 3)),
    "DenseNet-121": ("light_densenet121", 1, 25, (4, 6, 6)),
    "MobileNetV2": ("mobilenet_v2", 5, 40, (4, 4, 4)),
    "MobileNetV3-S": ("mobilenet_v3_small", 5, 40, (4, 4, 4)),
}
"""File, and the paper's Bi, Bc and bits; those of MobileNetV3-S are MobileNetV2's."""


def taken_in(file: str, shared: Path) -> Network:
    """The network with random weights."""
    path = shared / f"models/structure/{file}.onnx"
    if path.exists():
        sys.path.insert(0, str(shared / "models"))
        from fill_weights import fill  # type: ignore[import-not-found]

        return read(fill(onnx.load(path, load_external_data=False)))
    network = read(LIGHT / f"{file}.onnx")
    rng, made = np.random.default_rng(0), {}
    for layer in network.layers:
        shape = layer.filters.shape
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        weights = rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
        made[layer.weight] = stored(layer, weights)
    return with_constants(network, made)


def measured(network: Network, settings: dict[str, Setting]) -> dict[str, Any]:
    """One way of storing all layers."""
    began = time.perf_counter()
    made, rest, whole, count = {}, 0.0, 0.0, 0
    for layer in network.layers:
        weights = network.weights(layer)
        ours = fit(weights, layer.filters, settings[layer.name], even(layer.filters), sweeps=0)
        made[layer.name] = ours
        rest += float(((weights - ours.values) ** 2).sum())
        whole += float((weights**2).sum())
        count += macs(layer, ours)
    size = network.kept_bytes + sum(m.bytes for m in made.values())
    model = store(network, made, {})
    return {
        "bytes": size, "factor": network.dense_bytes / size, "error": rest / whole, "macs": count,
        "file_bytes": model.ByteSize(), "difference": difference(network, made, model),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def difference(network: Network, made: dict[str, Any], model: onnx.ModelProto) -> float:
    """max|y - ref| / max|ref| of the file and of the network with the same dense weights."""
    inputs = {name: x[:1] for name, x in noise(network).items()}
    changed = {x.weight: stored(x, made[x.name].values) for x in network.layers}
    expected: list[Array] = Runner(network).outputs(inputs, changed)
    found = session(model).run(None, inputs)
    pairs = zip(found, expected, strict=True)
    return max(float(np.abs(y - r).max() / np.abs(r).max()) for y, r in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = []
    for name, (file, rank, kernels, bits) in NETWORKS.items():
        network = taken_in(file, given.shared)
        last = network.layers[-1].name
        paper = {
            layer.name: plain(8)
            if layer.name == last
            else published(layer.filters, rank, kernels, bits, first=number == 0)
            for number, layer in enumerate(network.layers)
        }
        ways = {f"{rank}-{kernels}, {'-'.join(map(str, bits))}": paper}
        ways |= {f"{n}-bit": {x.name: plain(n) for x in network.layers} for n in (4, 2)}
        for label, settings in ways.items():
            row = {"network": name, "weights": label, **measured(network, settings)}
            row |= {"dense_bytes": network.dense_bytes}
            row |= {"dense_macs": sum(layer.macs for layer in network.layers)}
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
            given.results.mkdir(exist_ok=True)
            (given.results / "networks.json").write_text(
                json.dumps({"rows": rows}, indent=1) + "\n"
            )


if __name__ == "__main__":
    main()
