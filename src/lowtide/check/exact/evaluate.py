"""evaluate(): every node of a file in float64, one after the other, what is dead let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import FunctionProto, helper, numpy_helper
from onnx.defs import SchemaError
from onnx.reference import ReferenceEvaluator

from lowtide.check.exact.operators import OPERATORS
from lowtide.check.exact.widen import domain_of, in_range, names_inside, widen, widen_node
from lowtide.ir.graph import Array
from lowtide.quoting import for_terminal

Values = Mapping[str, Array]
Watch = Callable[[onnx.NodeProto, Values], None]

Run = Callable[[onnx.NodeProto, Values, Mapping[str, int]], dict[str, Array]]


class NotEvaluated(Exception):
    """The evaluator of the `onnx` package cannot run a node; the message names it."""


def evaluate(
    model: onnx.ModelProto,
    inputs: Values,
    watch: Watch = lambda node, values: None,
    run: Run | None = None,
) -> tuple[Array, ...]:
    """The outputs of a model without functions of its own, for some inputs, in float64.

    A node is evaluated by itself, its weights widened for the while and its inputs forgotten after
    their last reader, so that little is held at a time. `watch` sees each node with the values it
    read and made; `run` takes the place of `run_node`. Raises NotEvaluated.
    """
    graph = model.graph
    opsets = opsets_of(model)
    constants = {tensor.name: tensor for tensor in graph.initializer}
    values = {name: widen(np.asarray(x)) for name, x in inputs.items()}
    kept = {value.name for value in graph.output}
    nodes = in_order(graph.node, {*constants, *values})
    reads = [_reads(node) for node in nodes]
    last = {name: at for at, names in enumerate(reads) for name in names}
    for at, node in enumerate(nodes):
        held = {name: _value(name, values, constants) for name in reads[at]}
        made = (run or run_node)(_without_unread(node, last, kept), held, opsets)
        values |= made
        watch(node, {**held, **made})
        for name in (*reads[at], *made):
            if last.get(name, at) <= at and name not in kept:
                values.pop(name, None)
    return tuple(_value(value.name, values, constants) for value in graph.output)


def opsets_of(model: onnx.ModelProto) -> dict[str, int]:
    """The version of each domain."""
    return {domain_of(o): o.version for o in model.opset_import}


def _value(name: str, values: Values, constants: Mapping[str, onnx.TensorProto]) -> Array:
    if name in values:
        return values[name]
    if name not in constants:
        raise NotEvaluated(f"nothing makes '{name}'")
    return widen(np.asarray(numpy_helper.to_array(constants[name])))


def _reads(node: onnx.NodeProto) -> list[str]:
    """The names a node needs from outside, those of the graphs inside it too."""
    made = {name for name in node.output if name}
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            made.update(_made_inside(graph))
    return [name for name in {**dict.fromkeys(node.input), **dict.fromkeys(names_inside([node]))}
            if name and name not in made]  # fmt: skip


def _made_inside(graph: onnx.GraphProto) -> set[str]:
    made = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        made.update(node.output)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                made |= _made_inside(inner)
    return made


def in_order(nodes: Sequence[onnx.NodeProto], known: set[str]) -> list[onnx.NodeProto]:
    """The nodes, each after those that make what it reads; files need not have them so."""
    ready, rest, known = [], list(nodes), set(known)
    while rest:
        waiting = []
        for node in rest:
            if all(name in known for name in _reads(node)):
                known.update(node.output)
                ready.append(node)
            else:
                waiting.append(node)
        if len(waiting) == len(rest):
            raise NotEvaluated(f"nothing makes what {label(rest[0])} reads")
        rest = waiting
    return ready


def _without_unread(
    node: onnx.NodeProto, last: Mapping[str, int], kept: set[str]
) -> onnx.NodeProto:
    """The node without optional outputs that nobody reads."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    for i, name in enumerate(node.output[1:], 1):
        if name not in last and name not in kept:
            made.output[i] = ""
    while len(made.output) > 1 and not made.output[-1]:
        made.output.pop()
    return made


def run_node(node: onnx.NodeProto, values: Values, opsets: Mapping[str, int]) -> dict[str, Array]:
    """What one node makes of float64 values; raises NotEvaluated."""
    failed: Exception | None = None
    for nodes, versions in _ways(node, values, opsets):
        try:
            made = _run(nodes, list(node.output), values, versions)
            return {name: in_range(widen(y)) for name, y in made.items()}
        except Exception as error:  # it raises whatever its Python raises
            failed = failed or error
    assert failed is not None
    raise NotEvaluated(f"{label(node)}: {_first_line(failed)}") from failed


def _ways(
    node: onnx.NodeProto, values: Values, opsets: Mapping[str, int]
) -> Iterator[tuple[list[onnx.NodeProto], Mapping[str, int]]]:
    """A node as it is; by the body that ONNX defines it with; as later opsets have it.

    The evaluator knows some operators (DequantizeLinear) in their later forms only, which take what
    earlier files give them.
    """
    yield [widen_node(node)], opsets
    schema: Any = None
    domain = domain_of(node)
    with suppress(SchemaError):
        schema = onnx.defs.get_schema(node.op_type, opsets.get(domain, 1), domain)
    if schema is not None and (schema.has_function or schema.has_context_dependent_function):
        yield _definition(node, schema, values, opsets)
    if domain == "":
        yield from (([widen_node(node)], {**opsets, "": later}) for later in _later(node, opsets))


def _later(node: onnx.NodeProto, opsets: Mapping[str, int]) -> list[int]:
    schemas = onnx.defs.get_all_schemas_with_history()
    since = {s.since_version for s in schemas if (s.domain, s.name) == ("", node.op_type)}
    return sorted(version for version in since if version > opsets[""])


def _run(
    nodes: list[onnx.NodeProto], outputs: list[str], values: Values, opsets: Mapping[str, int]
) -> dict[str, Array]:
    types = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in values.items()
    ]
    named = [name for name in outputs if name]
    graph = helper.make_graph(nodes, "node", types, [onnx.ValueInfoProto(name=n) for n in named])
    evaluator = ReferenceEvaluator(graph, opsets=dict(opsets), new_ops=list(OPERATORS))
    with np.errstate(all="ignore"):
        made = evaluator.run(named, dict(values))
    return {name: np.asarray(y) for name, y in zip(named, made, strict=True)}


def _definition(
    node: onnx.NodeProto, schema: Any, values: Values, opsets: Mapping[str, int]
) -> tuple[list[onnx.NodeProto], Mapping[str, int]]:
    """The nodes of the body that ONNX defines an operator with, their constants widened as well."""
    body = FunctionProto()
    if schema.has_function:
        body.CopyFrom(schema.function_body)
    else:
        types = [_type(values[name]) if name else b"" for name in node.input]
        content = schema.get_context_dependent_function(node.SerializeToString(), types)
        body.ParseFromString(content)
    renamed = dict(zip(body.input, node.input, strict=False))
    renamed |= dict(zip(body.output, node.output, strict=False))
    given = {name: one.default_value for name, one in schema.attributes.items()}
    given = {name: one for name, one in given.items() if one.type}
    given |= {attribute.name: attribute for attribute in node.attribute}
    nodes = [_bound(one, renamed, given) for one in body.node]
    return nodes, {**opsets, **{o.domain: o.version for o in body.opset_import}}


def _bound(
    node: onnx.NodeProto, renamed: Mapping[str, str], given: Mapping[str, onnx.AttributeProto]
) -> onnx.NodeProto:
    """A node of a body with the names and attributes of the call."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    for names in (made.input, made.output):
        for i, name in enumerate(names):
            names[i] = renamed.get(name, f"{name} inside" if name else "")
    del made.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            made.attribute.append(attribute)
        elif attribute.ref_attr_name in given:
            made.attribute.append(given[attribute.ref_attr_name])
            made.attribute[-1].name = attribute.name
    return widen_node(made)


def _type(array: Array) -> bytes:
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return bytes(helper.make_tensor_type_proto(kind, array.shape).SerializeToString())


def label(node: onnx.NodeProto) -> str:
    """How messages name a node."""
    return f"node '{for_terminal(node.name or node.output[0])}' ({node.op_type})"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]
