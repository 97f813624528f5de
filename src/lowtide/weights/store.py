"""Generated weights in an ONNX file: low-bit constants and standard operators.

    Conv x, W     ->     Conv 1x1 (U), Conv grouped (B), Conv 1x1 (V), of DequantizeLinear each,
                         or, where that takes fewer multiply-adds, W = MatMul(V, MatMul(U, B))

Codes are INT2, INT4 (two or four to a byte) or INT8, where the opset has the type. A description
of every layer's factors is kept in the model's metadata, from which `recall` reads them back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lowtide.ir.codes import Array, Codes
from lowtide.ir.original import LAYERS
from lowtide.weights.account import Form
from lowtide.weights.format import Filters, Generated
from lowtide.weights.network import Layer, Network
from lowtide.weights.nodes import Emitter
from lowtide.weights.opset import lifted

KEY = LAYERS
"""The metadata's key."""


def store(
    network: Network,
    made: Mapping[str, Generated],
    biases: Mapping[str, Array],
    execution: Form | None = None,
) -> onnx.ModelProto:
    """The network with the layers in `made` (by name) stored small; other layers stay float32.

    `execution` asks for one form everywhere (factored only where it can be); None: the cheaper.
    """
    bits = [factor.bits for stored in made.values() for factor in stored.factors]
    model, opset = lifted(network.proto, min(bits, default=8))
    owned = {layer.weight for layer in network.layers if layer.name in made}
    _constants(model, owned, biases)
    emitter = Emitter(opset)
    described: dict[str, object] = {}
    layers = {layer.name: layer for layer in network.layers}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        layer = layers.get(node.name)
        if layer is None or layer.name not in made:
            nodes.append(node)
            continue
        stored = made[layer.name]
        number = len(described)
        nodes.extend(emitter.layer(number, node, layer, stored, execution))
        described[str(number)] = _about(layer, stored)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(emitter.tensors)
    del model.graph.value_info[:]
    helper.set_model_props(model, {KEY: json.dumps({"version": 1, "layers": described})})
    onnx.checker.check_model(model)
    return model


def _constants(model: onnx.ModelProto, owned: set[str], biases: Mapping[str, Array]) -> None:
    """Takes out the dense weights, and constants that nothing reads; exchanges biases."""
    read = {name for node in model.graph.node for name in node.input}
    kept = []
    for tensor in model.graph.initializer:
        if tensor.name in owned or tensor.name not in read:
            continue
        if tensor.name in biases:
            tensor = numpy_helper.from_array(biases[tensor.name].astype(np.float32), tensor.name)
        tensor.ClearField("doc_string")
        kept.append(tensor)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _about(layer: Layer, made: Generated) -> dict[str, object]:
    f = made.filters
    factors = {"B": made.basis, "U": made.inside, "V": made.across}
    bits = {name: [c.bits, int(c.centred), c.scale_bits] for name, c in factors.items() if c}
    return {"name": layer.name, "shape": f.shape, "groups": f.groups, "factors": bits}


def recall(model: onnx.ModelProto) -> dict[str, Generated]:
    """The generated layers of a file that `store` made, by the names of their layers."""
    held = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in held:
        return {}
    tensors = {t.name: t for t in model.graph.initializer}
    found = {}
    for number, about in json.loads(held[KEY])["layers"].items():
        outputs, inputs, *area = about["shape"]
        filters = Filters(outputs, inputs, tuple(area), about["groups"])
        parts = {
            name: _codes(tensors, f"{number}.{name}", *bits)
            for name, bits in about["factors"].items()
        }
        found[about["name"]] = Generated(filters, parts["B"], parts.get("U"), parts.get("V"))
    return found


def _codes(
    tensors: Mapping[str, TensorProto], name: str, bits: int, centred: int, scale_bits: int
) -> Codes:
    held = numpy_helper.to_array(tensors[f"{name}s"]).astype(np.float32)
    steps = numpy_helper.to_array(tensors[name]).astype(np.int8)
    # Rows of U are kernels, of which each has several filters (of one scale) in a 1x1 Conv.
    vectors = prod(tensors[f"{name[:-1]}Bs"].dims) if name.endswith("U") else held.size
    scales = held.reshape(-1)[:: held.size // vectors]
    codes = steps.reshape(vectors, -1)
    if centred and held.ndim == 1:  # held as 2c + 1
        codes, scales = (codes - 1) // 2, scales * 2
    return Codes(bits, bool(centred), codes, scales, scale_bits)
