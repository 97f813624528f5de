"""Compute once what does not depend on the network's input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np
import onnx
import onnx.shape_inference
import onnx_ir as ir
from onnx.reference import ReferenceEvaluator

from lowtide.errors import ModelError
from lowtide.frontends.onnx.simplify.by_definition import by_definition
from lowtide.frontends.onnx.simplify.edit import (
    Array,
    constant,
    opset,
    register_constant,
    remove,
    static_shape,
)
from lowtide.frontends.onnx.simplify.infer_shapes import endangers_inference
from lowtide.frontends.onnx.simplify.recurrent import RECURRENT
from lowtide.frontends.onnx.simplify.sizes_as_run import needs_sizes, with_sizes
from lowtide.ir.find_codes import find_codes
from lowtide.room import Room

# Different at every run, so never constants.
RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"}
    | {"RandomUniform", "RandomUniformLike", "Dropout"}
)

# Their reference loops as often as an attribute says, whatever the result's size.
ENDLESS = frozenset({"TfIdfVectorizer"})

# Results whose size the values decide, but that are never larger than rank x input.
BOUNDED = frozenset({"NonZero", "Compress", "Unique"})


REFERENCE_FROM = {"DequantizeLinear": 19}
"""The first opset of which onnx's reference knows an operator that meant the same before."""


def fold_constants(model: ir.Model, room: Room | None = None, eight: bool = False) -> ir.Model:
    """Replace nodes that read constants only, and Shape and Size of static tensors.

        x [1,3,8,8] ──> Shape ──> Gather 0 ──> s         ->        s = 1
        a, b ──> Mul ──> c                               ->        c = a * b

    Random operators stay. So does a product of low-bit factors that takes more than they do: such
    weights are made where the network runs. So does a node whose result is of unknown size, and,
    if `eight`, what makes weights of 8 bits real in a network with such numbers for activations.
    Raises UnsupportedModel for results that `room` has no room for: their size is inferred before
    anything is computed.
    """
    room = room or Room()
    eight = eight and _computes_in_eight_bits(model)
    for node in tuple(model.graph):
        if eight and node.op_type == "DequantizeLinear" and _is_stored(node):
            continue
        results = _evaluate(node, opset(model), room)
        if results is not None:
            _become_constants(node, results)
    return model


def _computes_in_eight_bits(model: ir.Model) -> bool:
    """Whether any activation is made 8-bit numbers."""
    return any(
        node.op_type == "QuantizeLinear" and constant(node.inputs[0]) is None
        for node in model.graph
    )


def _is_stored(node: ir.Node) -> bool:
    """Whether a DequantizeLinear is one of a network's 8-bit weights, or of a bias."""
    kinds = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT32)
    held = node.inputs[0]
    return held is not None and held.dtype in kinds and not node.attributes.get_int("block_size", 0)


def _arrays(node: ir.Node) -> Iterator[Array]:
    arrays = (constant(value) for value in node.inputs)
    return (array for array in arrays if array is not None)


def _become_constants(node: ir.Node, results: list[Array]) -> None:
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    for old, array in zip(_used_outputs(node), results, strict=True):
        name, old.name = old.name or "", None
        new = register_constant(graph, name, array)
        old.replace_all_uses_with(new, replace_graph_outputs=True)
    remove(node)


def _used_outputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.outputs if value.name]


def _evaluate(node: ir.Node, version: int, room: Room) -> list[Array] | None:
    """The values of a node's outputs if they are constant, else None."""
    # Steps are written out before they are computed: the reference is wrong in some.
    if node.domain != "" or node.op_type in (*RANDOM, *ENDLESS, *RECURRENT):
        return None
    if node.op_type == "Constant" and "value" in node.attributes:
        return [node.attributes["value"].as_tensor().numpy()]
    shape = static_shape(node.inputs[0]) if node.op_type in ("Shape", "Size") else None
    if shape is not None:
        return [_of_shape(node, shape)]
    if any(value is not None and constant(value) is None for value in node.inputs):
        return None
    if _is_generated(node):
        return None
    return _run(node, version, room)


def _is_generated(node: ir.Node) -> bool:
    """Whether a node makes weights from factors of low bits that are stored in less than they."""
    if node.op_type != "MatMul":
        return False
    operands = [a for a in _arrays(node) if a.ndim >= 2]
    if len(operands) < 2:
        return False
    codes = [find_codes(a) for a in operands]
    if not any(codes):
        return False
    stored = sum(c.bytes if c else a.nbytes for c, a in zip(codes, operands, strict=True))
    first, second = operands
    rows = prod(np.broadcast_shapes(first.shape[:-2], second.shape[:-2])) * first.shape[-2]
    return bool(stored < rows * second.shape[-1] * first.itemsize)


def _of_shape(node: ir.Node, shape: tuple[int, ...]) -> Array:
    if node.op_type == "Size":
        return np.array(prod(shape), np.int64)
    start = node.attributes.get_int("start", 0)
    end = node.attributes.get_int("end", len(shape))
    # Python's slices clamp and count from the end exactly as Shape does.
    return np.array(shape[start:end], np.int64)


def _run(node: ir.Node, version: int, room: Room) -> list[Array] | None:
    proto = onnx.GraphProto(name="fold", node=[ir.serde.serialize_node(node)])
    feeds = {v.name or "": constant(v) for v in node.inputs if v is not None}
    for value in {v.name: v for v in node.inputs if v is not None}.values():
        proto.input.append(ir.serde.serialize_value(value))
    proto.output.extend(onnx.ValueInfoProto(name=v.name) for v in _used_outputs(node))
    known = max(version, REFERENCE_FROM.get(node.op_type, version))
    model = onnx.ModelProto(
        ir_version=10, graph=proto, opset_import=[onnx.helper.make_opsetid("", known)]
    )
    try:
        bounded = node.op_type in BOUNDED or endangers_inference(node)
        kinds = [] if bounded else _types(node, model)
        sizes = _most(node) if bounded else _sizes(kinds)
        if sizes is None:
            return None
        _take(node, sizes, room)
        defined = by_definition(node, version, kinds)
        if defined is not None:
            return [defined]
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(model).run(None, feeds)
    except (MemoryError, ModelError):
        raise
    except Exception:
        # NotDefined, and what the reference raises: it has gaps (operators, versions) and checks
        # less than onnxruntime. A node left alone is refused later, with its name, where nothing
        # else can compute it either.
        return None
    return [np.asarray(r) for r in results] if isinstance(results, list) else None


def _take(node: ir.Node, sizes: list[int], room: Room) -> None:
    """Counts a node's results; raises UnsupportedModel where they have no room."""
    place = node.name, node.op_type
    room.make(sum(sizes) - sum(a.size for a in _arrays(node)), *place)
    for value, size in zip(_used_outputs(node), sizes, strict=True):
        room.count(value.name or "", size, *place)


def _types(node: ir.Node, model: onnx.ModelProto) -> list[onnx.TypeProto]:
    """The types of the outputs as inference finds them."""
    with_values = onnx.ModelProto()
    with_values.CopyFrom(model)
    if needs_sizes(node):
        with_values.graph.node[0].CopyFrom(with_sizes(node) or model.graph.node[0])
    for value in node.inputs:
        if value is not None and value.const_value is not None and value.const_value.size < 1024:
            with_values.graph.initializer.append(ir.serde.serialize_tensor(value.const_value))
    inferred = onnx.shape_inference.infer_shapes(with_values, strict_mode=True, data_prop=True)
    return [info.type for info in inferred.graph.output]


def _most(node: ir.Node) -> list[int]:
    """What each output has at most, of a node that makes no more than it is given."""
    most = sum(a.size * max(a.ndim, 1) for a in _arrays(node))
    return [most for _ in _used_outputs(node)]


def _sizes(kinds: Sequence[onnx.TypeProto]) -> list[int] | None:
    """The elements of each output; None where that is not known."""
    sizes = [_elements(kind) for kind in kinds]
    return None if None in sizes else [size for size in sizes if size is not None]


def _elements(kind: onnx.TypeProto) -> int | None:
    """Elements of a tensor type; None where it is not a tensor of static shape."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    if not all(d.HasField("dim_value") for d in dims):
        return None
    elements: int = prod(d.dim_value for d in dims)
    return elements
