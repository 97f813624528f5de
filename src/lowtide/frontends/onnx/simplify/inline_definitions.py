"""Replace operators that have no entry by what ONNX says they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import onnx
import onnx_ir as ir
from onnx import AttributeProto, FunctionProto, NodeProto, TypeProto

from lowtide.frontends.onnx.simplify.edit import opset, put_in_place_of, remove, static_shape
from lowtide.ops import ENTRIES


def inline_definitions(model: ir.Model) -> ir.Model:
    """Write out operators that ONNX defines by others, where lowtide has no entry of its own.

        x ──> GroupNormalization ──> y   ->   x ──> Reshape ──> ReduceMean ──> Sub .. ──> y

    So too those of which more than the first output is read: entries make one. Needs shapes.
    """
    version = opset(model)
    for node in tuple(model.graph):
        if node.domain != "" or not onnx.defs.has(node.op_type, ""):
            continue
        if node.op_type in ENTRIES and sum(bool(out.name) for out in node.outputs) == 1:
            continue
        body = _body(node, version)
        if body is not None:
            _splice(node, body)
    return model


def written_out(version: int) -> list[str]:
    """The operators of opset `version` that are written out, where what is in them is understood.

    Without those with control flow in them, and those that draw numbers at random.
    """
    found = []
    for name in sorted({s.name for s in onnx.defs.get_all_schemas() if not s.domain}):
        schema: Any
        try:
            schema = onnx.defs.get_schema(name, version, "")
        except onnx.defs.SchemaError:
            continue
        plain, by_types = _definitions(schema, version)
        graphs = any(
            a.type == onnx.defs.OpSchema.AttrType.GRAPH for a in schema.attributes.values()
        )
        random = schema.node_determinism == onnx.defs.OpSchema.NodeDeterminism.NonDeterministic
        if name in ENTRIES or graphs or random or not plain + by_types:
            continue
        made = schema.get_function_with_opset_version(max(plain)) if plain else b""
        if _holds(FunctionProto.FromString(made), version):
            found.append(name)
    return found


def _definitions(schema: Any, version: int) -> tuple[list[int], list[int]]:
    """The versions, up to `version`, of its definitions: those for all types, those by types."""
    of = (schema.function_opset_versions, schema.context_dependent_function_opset_versions)
    plain, by_types = ([v for v in versions if v <= version] for versions in of)
    return plain, by_types


def _body(node: ir.Node, version: int) -> FunctionProto | None:
    """The node's definition in operators as opset `version` has them, without control flow."""
    schema: Any  # the stubs of onnx know nothing of functions
    try:
        schema = onnx.defs.get_schema(node.op_type, version, "")
    except onnx.defs.SchemaError:
        return None
    made: bytes = b""
    plain, by_types = _definitions(schema, version)
    if plain:
        made = schema.get_function_with_opset_version(max(plain))
    elif by_types:
        types = _types(node)
        if types is None:
            return None
        held = _with_defaults(node, schema).SerializeToString()
        made = schema.get_context_dependent_function_with_opset_version(max(by_types), held, types)
    if not made:
        return None
    body = FunctionProto.FromString(made)
    return body if _holds(body, version) else None


def _types(node: ir.Node) -> list[bytes] | None:
    """The inputs' types, serialized; None while one is unknown."""
    types = []
    for value in node.inputs:
        if value is None:
            types.append(TypeProto().SerializeToString())
            continue
        if value.dtype is None or value.shape is None:
            return None
        made = onnx.helper.make_tensor_type_proto(
            value.dtype.value, [d if isinstance(d, int) else None for d in value.shape]
        )
        types.append(made.SerializeToString())
    return types


def _with_defaults(node: ir.Node, schema: onnx.defs.OpSchema) -> NodeProto:
    """The node with every attribute that has a default written out."""
    proto = ir.serde.serialize_node(node)
    shape = static_shape(node.inputs[0])
    if node.op_type == "Attention" and shape is not None and len(shape) == 4:
        # They say how many heads three axes have; ONNX's definition goes by their being there.
        kept = [a for a in proto.attribute if a.name not in ("q_num_heads", "kv_num_heads")]
        del proto.attribute[:]
        proto.attribute.extend(kept)
    given = {attribute.name for attribute in proto.attribute}
    for name, attribute in schema.attributes.items():
        if name not in given and attribute.default_value.type != AttributeProto.UNDEFINED:
            proto.attribute.append(attribute.default_value)
    return proto


def _holds(body: FunctionProto, version: int) -> bool:
    """Whether the definition's operators mean the same in opset `version`, and are no subgraphs."""
    written = next((o.version for o in body.opset_import if o.domain == ""), version)
    for node in body.node:
        if node.domain not in ("", "ai.onnx"):
            return False
        if any(a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for a in node.attribute):
            return False
        found = [onnx.defs.get_schema(node.op_type, v, "") for v in (written, version)]
        # Later versions of these operators only add element types.
        if found[0].since_version != found[1].since_version and version < written:
            return False
    return True


def _splice(node: ir.Node, body: FunctionProto) -> None:
    """Puts the definition's nodes in the place of the node."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    names = [*body.input]
    given = [*node.inputs, *([None] * (len(names) - len(node.inputs)))]
    values: dict[str, ir.Value | None] = dict(zip(names, given, strict=True))
    defaults = {a.name: a for a in _defaults(node, body)}
    outputs = dict(zip(body.output, node.outputs, strict=False))
    for k, part in enumerate(body.node):
        new = ir.node(
            part.op_type,
            [values[name] if name else None for name in part.input],
            _attributes(part, defaults),
            num_outputs=len(part.output),
            name=f"{node.name}/{part.op_type}_{k}",
        )
        graph.insert_before(node, new)
        for name, value in zip(part.output, new.outputs, strict=True):
            value.name = f"{node.name}/{name}" if name else ""
            values[name] = value
    for name, old in outputs.items():
        held = values.get(name) if old.name else None
        if held is None:
            continue
        if held.producer() is None or held.is_graph_output():  # handed through, or twice an output
            same = ir.node("Identity", [held], name=f"{node.name}/{name}_handed_on")
            graph.insert_before(node, same)
            held = same.outputs[0]
        put_in_place_of(old, held)
    remove(node)


def _defaults(node: ir.Node, body: FunctionProto) -> Iterator[AttributeProto]:
    """The attributes that the body may refer to, those that are given last."""
    schema = onnx.defs.get_schema(node.op_type, "")
    for attribute in schema.attributes.values():
        if attribute.default_value.type != AttributeProto.UNDEFINED:
            yield attribute.default_value
    yield from body.attribute_proto
    yield from ir.serde.serialize_node(node).attribute


def _attributes(part: NodeProto, given: Mapping[str, AttributeProto]) -> dict[str, ir.Attr]:
    """A body node's attributes; those that refer to the operator's own take their values."""
    made = {}
    for attribute in part.attribute:
        held = attribute
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in given:
                continue
            held = AttributeProto()
            held.CopyFrom(given[attribute.ref_attr_name])
            held.name = attribute.name
        made[attribute.name] = ir.serde.deserialize_attribute(held)
    return made
