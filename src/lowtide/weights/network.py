"""A network whose layers' weights can be exchanged: constants, layers, and runs in onnxruntime."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import numpy_helper

from lowtide.errors import UnsupportedModel
from lowtide.frontends.onnx.load import load
from lowtide.frontends.onnx.original import content_of, original_in
from lowtide.frontends.tflite.load import refuse_tflite
from lowtide.ir.codes import Array
from lowtide.ir.graph import Shape
from lowtide.room import MAX_ELEMENTS
from lowtide.weights.batch import free_batch
from lowtide.weights.format import Filters
from lowtide.weights.opset import lifted

OPERATORS = ("Conv", "Gemm", "MatMul")
Inputs = Mapping[str, Array]
"""Pictures for a network: arrays [N, ...] by the names of its inputs."""


@dataclass(frozen=True)
class Layer:
    """A Conv, Gemm or MatMul with constant weights that no other node reads.

    `pixels_in` and `pixels_out` are positions of its input and output (1 for a dense layer on one
    row), `shape` is the output's. `transposed`: the file holds the weights as [inputs, outputs].
    """

    name: str
    op: str
    weight: str
    bias: str | None
    input: str
    output: str
    filters: Filters
    pixels_in: int
    pixels_out: int
    shape: tuple[int, ...]
    transposed: bool
    attributes: Mapping[str, Any]

    @property
    def macs(self) -> int:
        """Multiply-adds of the dense layer."""
        return self.filters.size * self.pixels_out


@dataclass(frozen=True)
class Network:
    """A simplified model (batch norms folded), its layers in order, and its constants.

    `kept` are the names of float constants that are not weights of a layer: they stay as they are.
    `batch` says that any number of pictures may be run at once; else `rows` of them are. `sha256`
    is the digest of the file's bytes; a `copy` was stored small already.
    """

    name: str
    proto: onnx.ModelProto
    layers: tuple[Layer, ...]
    constants: Mapping[str, Array]
    kept: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    batch: bool
    rows: int
    sha256: str = ""
    copy: bool = False

    @property
    def dense_bytes(self) -> int:
        """All float constants at 32 bits."""
        names = {*self.kept, *(layer.weight for layer in self.layers)}
        return 4 * sum(self.constants[name].size for name in names)

    @property
    def kept_bytes(self) -> int:
        """Biases and whatever else stays float32."""
        return 4 * sum(self.constants[name].size for name in self.kept)

    @property
    def shared(self) -> tuple[str, ...]:
        """Weights that several layers read: they are among what stays float32."""
        nodes = [n for n in self.proto.graph.node if n.op_type in OPERATORS]
        reads = Counter(node.input[1] for node in nodes)
        return tuple(name for name in self.kept if reads[name] > 1)

    def weights(self, layer: Layer) -> Array:
        """The dense weights [outputs, inputs, *area], float32."""
        held = self.constants[layer.weight]
        return (held.T if layer.transposed else held).reshape(layer.filters.shape)


def read(
    source: str | os.PathLike[str] | onnx.ModelProto,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
) -> Network:
    """Takes in a network; raises ModelError, UnsupportedModel where it has no layer to store.

    `shapes` are those of inputs that the file leaves open; `max_elements` is what all its tensors
    may have together.
    """
    refuse_tflite(source, "storing weights small")
    proto = ir.serde.serialize_model(load(source, shapes, max_elements))
    file = None if isinstance(source, onnx.ModelProto) else os.fspath(source)
    try:
        found = _read(proto, file or proto.graph.name or "network")
        held = content_of(source)
        sha256 = hashlib.sha256(held).hexdigest()
        return replace(found, sha256=sha256, copy=original_in(held) is not None)
    except UnsupportedModel as error:
        raise error.within(file=file) from None


def take_in(
    source: str | os.PathLike[str] | onnx.ModelProto,
    shapes: Mapping[str, Shape] | None = None,
    max_elements: int = MAX_ELEMENTS,
) -> tuple[Network, onnx.ModelProto]:
    """The same without layers, and its model with the shape of every tensor and the batch it has.

    Raises ModelError, also for what is quantised already.
    """
    refuse_tflite(source, "--int8")
    held = content_of(source)
    proto = ir.serde.serialize_model(load(source, shapes, max_elements))
    name = os.fspath(source) if not isinstance(source, onnx.ModelProto) else proto.graph.name
    node = next((n for n in proto.graph.node if n.op_type.endswith("QuantizeLinear")), None)
    if node is not None:
        what = "its activations are quantised already"
        raise UnsupportedModel(what, file=name, node=node.name, hint="fit takes it as it is")
    try:
        proto = onnx.shape_inference.infer_shapes(lifted(proto, 8)[0])
    except UnsupportedModel as error:
        raise error.within(file=name) from None
    constants = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    inputs = tuple(v.name for v in proto.graph.input if v.name not in constants)
    outputs, copy = tuple(v.name for v in proto.graph.output), original_in(held) is not None
    freed, batch = free_batch(proto, inputs)
    rows = {(*_shapes(proto)[n], 1)[0] for n in inputs}
    if len(rows) > 1:
        hint = "pictures are handed in at one batch size"
        raise UnsupportedModel("inputs of several batch sizes", file=name, hint=hint)
    sha256 = hashlib.sha256(held).hexdigest()
    return Network(
        name or "network", freed, (), constants, (), inputs, outputs, batch,
        rows.pop() if rows else 1, sha256, copy,
    ), proto  # fmt: skip


def _read(proto: onnx.ModelProto, name: str) -> Network:
    if not any(node.op_type in OPERATORS for node in proto.graph.node):
        raise UnsupportedModel("no convolution or dense layer, nothing to compress")
    proto = _with_biases(_single_readers(proto))
    constants = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    shapes = _shapes(proto)
    reads = Counter(name for node in proto.graph.node for name in node.input)
    found = (_layer(node, constants, shapes, reads) for node in proto.graph.node)
    layers = tuple(layer for layer in found if layer is not None)
    if not layers:
        raise _without_layers(proto, constants, reads)
    ours = {layer.weight for layer in layers}
    kept = tuple(n for n, a in constants.items() if n not in ours and a.dtype.kind == "f")
    inputs = tuple(v.name for v in proto.graph.input if v.name not in constants)
    outputs = tuple(v.name for v in proto.graph.output)
    counts = {(*shapes[n], 1)[0] for n in inputs}
    if len(counts) > 1:
        raise UnsupportedModel("inputs of several batch sizes", hint="compress takes one for all")
    freed, batch = free_batch(proto, inputs)
    return Network(
        name, freed, layers, constants, kept, inputs, outputs, batch, counts.pop() if counts else 1
    )


def _without_layers(
    proto: onnx.ModelProto, constants: Mapping[str, Array], reads: Counter[str]
) -> UnsupportedModel:
    """Why the first that could be a layer is none."""
    node = next(n for n in proto.graph.node if n.op_type in OPERATORS)
    weight = node.input[1]
    if weight not in constants:
        why = f"its weights '{weight}' are no constant"
    elif reads[weight] > 1:
        why = f"its weights '{weight}' are shared with another operator"
    else:
        why = "scaled, transposed or not two-dimensional"
    return UnsupportedModel(
        f"{why}: stays float32, as does every other layer",
        node=node.name, operator=node.op_type, hint="nothing is left to compress",
    )  # fmt: skip


def _single_readers(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A constant bias read by several layers becomes one for each, so that it can be corrected."""
    tensors = {t.name: t for t in proto.graph.initializer}
    seen: set[str] = set()
    for number, node in enumerate(proto.graph.node):
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            continue
        name = node.input[2]
        if name in seen and name in tensors:
            copy = proto.graph.initializer.add()
            copy.CopyFrom(tensors[name])
            copy.name = node.input[2] = f"{name}_{number}"
        seen.add(name)
    return proto


def _with_biases(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Every convolution gets a bias, 0 where it had none: what compression shifts goes there."""
    tensors = {t.name: t for t in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Conv" and node.input[1] in tensors and len(node.input) < 3:
            zeros = np.zeros(tensors[node.input[1]].dims[0], np.float32)
            name = f"{node.output[0]}_bias"
            proto.graph.initializer.append(numpy_helper.from_array(zeros, name))
            node.input.append(name)
    return proto


def _shapes(proto: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    values = [*proto.graph.input, *proto.graph.value_info, *proto.graph.output]
    return {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values
    }  # fmt: skip


def _layer(
    node: onnx.NodeProto,
    constants: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
    reads: Counter[str],
) -> Layer | None:
    """The layer a node is, None if it is none or its weights are no constant of its own."""
    if node.op_type not in OPERATORS:
        return None
    held = constants.get(node.input[1])
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if held is None or held.dtype != np.float32 or reads[node.input[1]] != 1:
        return None
    if node.input[0] in constants or node.input[0] not in shapes:
        return None
    made = _conv(held, attributes) if node.op_type == "Conv" else _dense(node, held, attributes)
    if made is None:
        return None
    if not np.isfinite(held).all():
        raise UnsupportedModel(
            f"its weights '{node.input[1]}' hold NaN or infinity",
            node=node.name, operator=node.op_type, hint="train or export it again",
        )  # fmt: skip
    filters, transposed = made
    before, after = shapes[node.input[0]], shapes[node.output[0]]
    conv = node.op_type == "Conv"
    bias = node.input[2] if len(node.input) > 2 and node.input[2] in constants else None
    return Layer(
        node.name, node.op_type, node.input[1], bias, node.input[0], node.output[0], filters,
        prod((before[0], *before[2:]) if conv else before[:-1]),
        prod((after[0], *after[2:]) if conv else after[:-1]),
        after, transposed, attributes,
    )  # fmt: skip


def _conv(held: Array, attributes: Mapping[str, Any]) -> tuple[Filters, bool]:
    area = tuple(int(k) for k in held.shape[2:])
    groups = int(attributes.get("group", 1))
    return Filters(int(held.shape[0]), int(held.shape[1]), area, groups), False


def _dense(
    node: onnx.NodeProto, held: Array, attributes: Mapping[str, Any]
) -> tuple[Filters, bool] | None:
    """A dense layer [rows, inputs] -> [rows, outputs]; None where a Gemm scales or turns."""
    if held.ndim != 2 or attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0:
        return None
    if attributes.get("transA", 0):
        return None
    turned = node.op_type == "MatMul" or not attributes.get("transB", 0)
    outputs, inputs = held.shape[::-1] if turned else held.shape
    return Filters(int(outputs), int(inputs)), turned


def with_constants(network: Network, changed: Mapping[str, Array]) -> Network:
    """The network with some constants exchanged."""
    return replace(network, constants={**network.constants, **changed})
