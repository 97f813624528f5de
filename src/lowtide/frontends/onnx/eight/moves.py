"""Operators that move elements or choose among them: they do so with the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lowtide.frontends.onnx.eight.ending import numbers_of
from lowtide.frontends.onnx.eight.site import Site, operator
from lowtide.frontends.onnx.eight.whole import EIGHT, Whole
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Tensor
from lowtide.ops import ENTRIES, Entry


def takes_numbers(entry: Entry) -> bool:
    """Whether an operator does the same with real numbers and with whole ones."""
    return {F32, *EIGHT} <= {*entry.types} and not entry.makes


def moved(op: Site) -> bool:
    """An operator whose entry takes real numbers and whole ones computes with none of them."""
    entry = ENTRIES.get(op.op.type)
    if entry is None or not takes_numbers(entry):
        return False
    inputs, parts = [*op.op.inputs], list[Whole]()
    for k, name in enumerate(op.op.inputs):
        if name and k not in entry.parameters.values() and k not in entry.other_types:
            held = op.active(k)
            if held is None or not held.is_like((parts or [held])[0]):
                return False
            parts.append(held)
            inputs[k] = held.name
    _make(op, inputs, parts[0])
    return True


def _make(op: Site, inputs: list[str], like: Whole) -> None:
    """Adds the operator on whole numbers, and says what its results stand for."""
    graph, made = op.net.graph, []
    for name in op.op.outputs:
        whole = _made_of(op, name, like)
        made.append(Tensor(whole.name, graph.shape(name), like.dtype, like.quant))
        op.net.whole[name] = whole
    op.net.add(op.op, op.op.type, inputs, made, op.op.attributes)


def _made_of(op: Site, name: str, like: Whole) -> Whole:
    """What a real tensor is made of: the numbers that it is made into again, if they are those."""
    readers = op.net.graph.readers[name]
    if [one.type for one in readers] == ["QuantizeLinear"] and name not in op.net.graph.outputs:
        again = numbers_of(readers[0], op.net.graph)
        if again is not None and again.is_like(like):
            op.net.done.add(again.name)
            return again
    return like.named(op.net.fresh(f"{name}_whole"))


@operator("Transpose")
def transpose(op: Site) -> bool:
    """Weights that are turned are known as well."""
    held = op.stored(0)
    if held is None:
        return moved(op)
    numbers = op.array(held)
    order = op.op.attributes.get("perm") or tuple(reversed(range(numbers.ndim)))
    name = op.add_constant(numbers.transpose(order), "turned")
    axis = None if held.axis is None else [*order].index(held.axis)
    op.net.whole[op.op.output] = replace(held, name=name, axis=axis)
    return True


@operator("Pad")
def pad(op: Site) -> bool:
    """A frame of zeros is one of zero points."""
    held, value = op.active(0), op.constant(2)
    if held is None or op.op.attributes.get("mode", "constant") != "constant":
        return moved(op)
    if op.op.attributes.get("value") or (op.has(2) and (value is None or value.any())):
        return False
    zero = op.add_constant(np.asarray(held.zero, held.dtype.name), "zero")
    rest = op.op.inputs[3:]
    pads = op.op.inputs[1:2]
    if not pads:  # before opset 11
        given = {**op.op.attributes, "value": float(held.zero)}
        site = Site(op.net, replace(op.op, attributes=given))
        _make(site, [held.name], held)
        return True
    _make(op, [held.name, *pads, zero, *rest], held)
    return True


@operator("Resize", "Upsample")
def resize(op: Site) -> bool:
    """The nearest pixels."""
    given = op.op.attributes
    cropped = given.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    return given.get("mode", "nearest") == "nearest" and not cropped and moved(op)


@operator("ArgMax", "ArgMin")
def arg_extreme(op: Site) -> bool:
    """The place is the same among the numbers."""
    held = op.active(0)
    if held is None:
        return False
    op.net.keep(replace(op.op, inputs=(held.name, *op.op.inputs[1:])))
    return True
