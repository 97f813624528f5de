"""Write the type and shape of every tensor onto the model."""

from __future__ import annotations

from math import prod

import onnx
import onnx.shape_inference
import onnx_ir as ir

from lowtide.errors import EXPORT, UnreadableModel
from lowtide.frontends.onnx.simplify.edit import constant, operand, static_shape
from lowtide.frontends.onnx.simplify.sizes_as_run import needs_sizes, with_sizes
from lowtide.room import Room

# Inference looks into constants that are shapes, axes or sizes; it needs no weights, and one
# protobuf message cannot hold 2 GiB of them.
LARGEST_CONSTANT_SHOWN = 1024


def infer_shapes(model: ir.Model, room: Room | None = None) -> ir.Model:
    """Give every value its element type and shape, from the network's inputs forward.

        x [1,3,8,8] ──> Conv 3x3 ──> a [?]      ->      x [1,3,8,8] ──> Conv 3x3 ──> a [1,4,6,6]

    What was noted on values before is not trusted but computed again. Raises UnreadableModel
    where an operator cannot take the shapes it is given, UnsupportedModel where `room` has none.
    """
    room = room or Room()
    waiting = None
    while waiting != (waiting := _infer(model, room)) and waiting:
        pass
    return model


def _infer(model: ir.Model, room: Room) -> int:
    """One round; how many nodes have to wait for the shapes of their inputs."""
    known, left_out = _without_weights(model)
    try:
        proto = onnx.shape_inference.infer_shapes(
            known, check_type=True, strict_mode=True, data_prop=True
        )
    except onnx.shape_inference.InferenceError as error:
        raise UnreadableModel(f"shapes do not fit: {_first_line(error)}", hint=EXPORT) from error
    found = {info.name: info.type for info in (*proto.graph.value_info, *proto.graph.output)}
    for node in model.graph:
        for value in node.outputs:
            if value.name in found:
                value.type = ir.serde.deserialize_type_proto_for_type(found[value.name])
                value.shape = ir.serde.deserialize_type_proto_for_shape(found[value.name])
            shape = static_shape(value) if value.name else None
            if shape is not None:
                room.count(value.name or "", prod(shape), node.name, node.op_type)
    return left_out


def endangers_inference(node: ir.Node) -> bool:
    """Whether inferring the node's shapes may end the process.

    onnx's C++ asserts where a Slice with a negative step gets no elements, and writes where it
    should not for an axis that a normalisation's input has not. Such nodes wait until the shape of
    their input is known, and if it is wrong for ever: the importer refuses them.
    """
    shape = static_shape(operand(node, 0))
    if node.op_type in ("LayerNormalization", "RMSNormalization"):
        axis = node.attributes.get_int("axis", -1)
        return axis != -1 and (shape is None or not -len(shape) <= axis < len(shape))
    if node.op_type != "Slice" or operand(node, 4) is None:
        return False
    steps = constant(operand(node, 4))
    forward = steps is not None and (steps > 0).all()
    return not forward and (shape is None or 0 in shape)


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text.removeprefix("[ShapeInferenceError] ").removeprefix("Inference error(s): ")


def _without_weights(model: ir.Model) -> tuple[onnx.ModelProto, int]:
    """The model with its large constants turned into inputs and no shapes but those of inputs.

    Without the nodes that have to wait, too, and how many they are.
    """
    graph = onnx.GraphProto(name="shapes")
    left_out: set[ir.Value] = set()
    waiting = 0
    for node in model.graph:
        proto = None
        if left_out.isdisjoint(node.inputs) and not endangers_inference(node):
            proto = with_sizes(node) if needs_sizes(node) else ir.serde.serialize_node(node)
        if proto is None:
            left_out.update(node.outputs)
            waiting += 1
        else:
            graph.node.append(proto)
    graph.input.extend(ir.serde.serialize_value(value) for value in model.graph.inputs)
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        assert tensor is not None
        if tensor.nbytes <= LARGEST_CONSTANT_SHOWN:
            graph.initializer.append(ir.serde.serialize_tensor(tensor))
        else:
            dims = [int(d) for d in tensor.shape.numpy()]
            info = onnx.helper.make_tensor_value_info(name, tensor.dtype.value, dims)
            graph.input.append(info)
    for value in model.graph.outputs:
        if value in left_out:
            continue
        if value.is_graph_input():
            graph.output.append(ir.serde.serialize_value(value))
            continue
        # Only the type: a shape written by an exporter for another batch would be an error.
        info = graph.output.add(name=value.name or "")
        if value.dtype is not None:
            info.type.tensor_type.elem_type = value.dtype.value
    imports = [onnx.helper.make_opsetid(*item) for item in model.opset_imports.items()]
    return onnx.ModelProto(ir_version=10, graph=graph, opset_import=imports), waiting
