"""The few graph edits that every rewrite is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

Array = np.ndarray[Any, np.dtype[Any]]


def constant(value: ir.Value | None) -> Array | None:
    """The array of an initializer, or None where the value is computed, fed in or left out."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return None
    return value.const_value.numpy()


def static_shape(value: ir.Value | None) -> tuple[int, ...] | None:
    """The shape as ints, or None where it is unknown or not static."""
    if value is None or value.shape is None:
        return None
    return tuple(value.shape.numpy()) if value.shape.is_static() else None


def opset(model: ir.Model) -> int:
    """The version of ONNX's own operators that the model is written in."""
    return int(model.opset_imports[""])


def operand(node: ir.Node, index: int) -> ir.Value | None:
    """Input `index` of a node, None where it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def parameter(node: ir.Node, name: str, index: int) -> tuple[int, ...] | None:
    """A list of ints that older opsets hold as attribute `name`, newer ones as input `index`.

    None where it is in neither place or is not constant.
    """
    if name in node.attributes:
        return tuple(node.attributes.get_ints(name, ()))
    array = constant(operand(node, index))
    return None if array is None else tuple(int(x) for x in array.reshape(-1))


def sole_reader(value: ir.Value) -> ir.Node | None:
    """The one node that reads the value, once; None if it has more readers or is an output."""
    uses = tuple(value.uses())
    if len(uses) != 1 or value.is_graph_output():
        return None
    return uses[0].node


def add_constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    """A new initializer called `name`, or `name_2`, `name_3` ... where that is taken."""
    taken = {v.name for n in graph for v in n.outputs} | {v.name for v in graph.inputs}
    taken |= set(graph.initializers)
    fresh, count = name, 1
    while fresh in taken:
        count += 1
        fresh = f"{name}_{count}"
    return register_constant(graph, fresh, array)


def shared_constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    """The initializer called `name` where it holds the same numbers, else a new one.

    Layers that share their weights, and the steps of an LSTM, go on sharing what is made of them.
    """
    held = graph.initializers.get(name)
    there = constant(held)
    if held is None or there is None:
        return add_constant(graph, name, array)
    same = (there.dtype, there.shape) == (array.dtype, array.shape)
    if same and there.tobytes() == array.tobytes():
        return held
    return add_constant(graph, name, array)


def register_constant(graph: ir.Graph, name: str, array: Array) -> ir.Value:
    """A new initializer under a name that is known to be free."""
    tensor = ir.tensor(np.ascontiguousarray(array).reshape(array.shape), name=name)
    value = ir.Value(
        name=name,
        shape=ir.Shape(array.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def remove(node: ir.Node) -> None:
    """Take out a node that nothing reads any more."""
    assert node.graph is not None
    node.graph.remove(node, safe=True)


def put_in_place_of(old: ir.Value, new: ir.Value) -> None:
    """Let `new`, made by a node, take the name, the readers and the output role of `old`."""
    name, old.name = old.name, None
    new.name = name
    new.shape, new.type = old.shape, old.type
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def bypass(node: ir.Node, source: ir.Value) -> bool:
    """Let the readers of a node's first output read `source`; True if the graph changed.

    An output of the graph keeps its name: `source` takes it, or, where `source` has a name that
    must stay too (an input, a constant, another output), the node becomes an Identity.
    """
    out = node.outputs[0]
    if not out.is_graph_output():
        out.replace_all_uses_with(source)
    elif source.producer() is None or source.is_graph_output():
        return _as_identity(node, source)
    else:
        put_in_place_of(out, source)
    remove(node)
    return True


def _as_identity(node: ir.Node, source: ir.Value) -> bool:
    if node.op_type == "Identity":
        return False
    replace(node, "Identity", [source], {})
    return True


def replace(
    node: ir.Node,
    op_type: str,
    inputs: Sequence[ir.Value | None],
    attributes: dict[str, int | float | str | Sequence[int]],
) -> ir.Node:
    """Put a new node with one output in the place of `node`, whose name and output it takes."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    new = ir.node(op_type, list(inputs), attributes)
    graph.insert_before(node, new)
    put_in_place_of(node.outputs[0], new.outputs[0])
    name = node.name
    remove(node)
    new.name = name
    return new
