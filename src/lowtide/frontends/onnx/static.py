"""Check that every value of a simplified model is a tensor whose size is known."""

from __future__ import annotations

from collections.abc import Iterator, Set
from math import prod

import onnx_ir as ir

from lowtide.errors import (
    CUT,
    FLOAT32,
    NO_OPERATOR,
    NO_SEQUENCES,
    OPERATORS,
    STATIC,
    UnreadableModel,
    UnsupportedModel,
    all_of,
)
from lowtide.frontends.onnx.simplify.edit import static_shape
from lowtide.frontends.onnx.tensors import MOST_ELEMENTS
from lowtide.ir.dtype import dtype_of
from lowtide.ops import ENTRIES
from lowtide.ops.entry import ANY


def check_static(model: ir.Model) -> None:
    """Every value is a tensor of a known shape, neither empty nor absurdly large.

    Raises UnsupportedModel, which names all nodes that make others and do not read such.
    """
    for value in model.graph.outputs:
        if value.is_initializer():
            _check_value(value, None)
    refused: list[UnsupportedModel] = []
    behind: set[ir.Value] = set()
    for node in model.graph:
        if not behind.isdisjoint(v for v in node.inputs if v is not None):
            behind.update(node.outputs)
            continue
        try:
            for value in node.outputs:
                if value.name:
                    _check_value(value, node)
        except UnsupportedModel as error:
            refused.append(error)
            behind.update(node.outputs)
            continue
        if node.op_type == "Reshape":
            # Shape inference believes a target without -1, whatever it reshapes.
            sizes = [prod(static_shape(v) or ()) for v in (node.inputs[0], node.outputs[0])]
            if sizes[0] != sizes[1]:
                raise UnreadableModel(
                    f"makes {sizes[1]} elements of {sizes[0]}", node=node.name, operator="Reshape"
                )
    if refused:
        raise all_of([*refused, *_not_there(model, behind)])


def _not_there(model: ir.Model, behind: Set[ir.Value]) -> Iterator[UnsupportedModel]:
    """What would be refused next: nodes that have no entry, and read what is sound."""
    for node in model.graph:
        if node.op_type not in ENTRIES and behind.isdisjoint(node.outputs):
            yield UnsupportedModel(
                NO_OPERATOR, hint=OPERATORS, node=node.name, operator=node.op_type
            )


def _check_value(value: ir.Value, node: ir.Node | None) -> None:
    shape, hint = static_shape(value), CUT
    shown = f"'{value.name}'" if node is not None else f"output '{value.name}'"
    if not isinstance(value.type, ir.TensorType | None):
        what, hint = f"{shown} is not a tensor", f"{NO_SEQUENCES}, or {CUT}"
    elif shape is None and node is not None and value is not node.outputs[0]:
        what = f"its output {shown} is not made"
    elif shape is None or value.type is None:
        what, hint = f"the shape of {shown} depends on the input's values", STATIC
    elif prod(shape) == 0:
        what, hint = f"{shown} has 0 elements", "take it out, nothing is computed there"
    elif prod(shape) > MOST_ELEMENTS:
        what = f"{shown} has {prod(shape)} elements"
    elif node is None and dtype_of(value.type.dtype.numpy()) not in ANY:
        what, hint = f"{shown}, a constant, is {value.type.dtype.name}", FLOAT32
    else:
        return
    place = {"node": node.name, "operator": node.op_type} if node is not None else {}
    raise UnsupportedModel(what, hint=hint, **place)
