"""Drop tensors without elements: what has none is known before anything is computed."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx_ir as ir

from lowtide.frontends.onnx.simplify.edit import add_constant, opset, remove, replace, static_shape


def drop_empty(model: ir.Model) -> ir.Model:
    """Make empty tensors constants, and leave them out where parts are put together or cut.

        x ──> Slice 4:4 ──> e [1,0,8,8] ──> Concat <── y      ->      Concat <── y
        x ──> Split 4, 0 ──> a, e                             ->      x ──> Split 4 ──> a

    Needs shapes. An output of the network that has no elements stays, and is refused.
    """
    for node in tuple(model.graph):
        if any(_empty(out) for out in node.outputs):
            _make_constants(node)
        if node.op_type == "Split" and node.domain == "":
            _fewer_parts(node, opset(model))
        elif node.op_type == "Concat" and node.domain == "":
            _fewer_operands(node)
    return model


def _empty(value: ir.Value | None) -> bool:
    return prod(static_shape(value) or (1,)) == 0


def _make_constants(node: ir.Node) -> None:
    """Lets the readers of the node's empty outputs read a constant."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    for value in node.outputs:
        shape, kind = static_shape(value), value.dtype
        if shape is None or kind is None or not _empty(value) or not value.uses():
            continue
        if kind in (ir.DataType.UNDEFINED, ir.DataType.STRING):
            continue
        held = add_constant(graph, f"{value.name}_empty", np.zeros(shape, kind.numpy()))
        value.replace_all_uses_with(held)


def _fewer_operands(node: ir.Node) -> None:
    kept = [value for value in node.inputs if not _empty(value)]
    if 0 < len(kept) < len(node.inputs):
        replace(node, "Concat", kept, {"axis": node.attributes.get_int("axis", 1)})


def _fewer_parts(node: ir.Node, version: int) -> None:
    graph, kept = node.graph, [out for out in node.outputs if not _empty(out)]
    shapes = [static_shape(out) for out in kept]
    gone = [out for out in node.outputs if _empty(out)]
    if not gone or not kept or any(out.is_graph_output() for out in gone) or None in shapes:
        return
    assert isinstance(graph, ir.Graph)
    axis = node.attributes.get_int("axis", 0)
    parts = [shape[axis] for shape in shapes if shape is not None]
    attributes: dict[str, int | list[int]] = {"axis": axis}
    inputs = [node.inputs[0]]
    if version < 13:
        attributes["split"] = parts
    else:
        inputs.append(add_constant(graph, f"{node.name}_parts", np.array(parts, np.int64)))
    made = ir.node("Split", inputs, attributes, num_outputs=len(kept), name=node.name)
    graph.insert_before(node, made)
    for old, new in zip(kept, made.outputs, strict=True):
        name, old.name = old.name, None
        new.name, new.shape, new.type = name, old.shape, old.type
        old.replace_all_uses_with(new, replace_graph_outputs=True)
    remove(node)
