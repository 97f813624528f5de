"""Calls of an operator, drawn from its own signature in any opset.

ONNX's node cases show what an operator can be called with; its schemas, of all versions, say what
may be left out, written out or moved to another place. A drawn call differs from a case in

    each input         constant or made at run time; an optional one also "" or left off
    each output        an optional one is read, unread, "" or left off
    each attribute     as in the case, left out, its default written out, or another case's value
    its surroundings   alone, behind a layer that it may be fused onto, before an activation
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import onnx
from onnx import AttributeProto, helper
from onnx.defs import OpSchema

from lowtide.ir.graph import Array
from lowtide.ops import ENTRIES
from operator_examples import OPTIONAL, VARIADIC, Example, examples
from small_network import SmallNetwork


@dataclass(frozen=True)
class Drawn:
    """A network of one drawn call, inputs for it, and what was drawn, in words."""

    name: str
    type: str
    opset: int
    model: onnx.ModelProto
    inputs: Mapping[str, Array]
    words: tuple[str, ...]


@dataclass
class _Call:
    """A call in the making: what its schema of one opset knows of an example."""

    example: Example
    schema: OpSchema
    inputs: list[Array | None]
    attributes: dict[str, AttributeProto]
    words: list[str] = field(default_factory=list)

    @property
    def is_float(self) -> bool:
        """Whether all that counts is float32."""
        arrays = (*self.inputs[:1], *self.example.outputs[:1])
        return all(array is not None and array.dtype == np.float32 for array in arrays)

    @property
    def complete(self) -> bool:
        """Whether every input is there that must be."""
        formals = self.schema.inputs
        return all(
            array is not None or formals[min(k, len(formals) - 1)].option == OPTIONAL
            for k, array in enumerate(self.inputs)
        )


def draw(type_: str, opset: int, seed: int) -> Drawn:
    """The network of a seed, written as its opset wants it."""
    dice = random.Random(f"{type_} {opset} {seed}")
    schema = onnx.defs.get_schema(type_, opset, "")
    shown = [_as_of(example, schema) for example in examples()[type_]]
    # Most of what lowtide refuses it refuses for its type: one example in eight may be of others.
    shown = [call for call in shown if call.complete] or shown
    floats = [call for call in shown if call.is_float]
    call = dice.choice(floats if floats and dice.random() < 0.88 else shown)
    _draw_attributes(call, dice)
    network = SmallNetwork(opset)
    names = _draw_inputs(call, network, dice)
    outputs, read = _draw_outputs(call, dice)
    parts = call.attributes.get("num_outputs")
    if parts is not None and parts.i != len(outputs):
        del call.attributes["num_outputs"]  # the inference of onnx ends the process there
    node = helper.make_node(type_, names, outputs, name="drawn_node")
    node.attribute.extend(call.attributes.values())
    network.nodes.append(node)
    read[0] = _draw_behind(call, network, dice, read[0])
    name = f"{type_}-{opset}-{seed}"
    return Drawn(name, type_, opset, network.finish(read), network.feeds, tuple(call.words))


def _as_of(example: Example, schema: OpSchema) -> _Call:
    """The example's call as another opset writes it: inputs become attributes and the reverse."""
    latest = onnx.defs.get_schema(example.node.op_type, example.opset, "")
    shown = dict(zip((f.name for f in latest.inputs), example.inputs, strict=False))
    attributes = {a.name: a for a in example.node.attribute}
    moved = ENTRIES[schema.name].parameters if schema.name in ENTRIES else {}
    inputs: list[Array | None] = []
    for k, formal in enumerate(schema.inputs):
        if formal.option == VARIADIC:
            inputs += example.inputs[k:]
        elif formal.name in shown:
            inputs.append(shown[formal.name])
        elif formal.name in attributes:
            inputs.append(np.asarray(helper.get_attribute_value(attributes[formal.name])))
        else:
            inputs.append(example.inputs[k] if k < len(example.inputs) else None)
    for name, attribute in schema.attributes.items():
        held = shown.get(name)
        if held is None and name in moved and moved[name] < len(example.inputs):
            held = example.inputs[moved[name]]
        if name not in attributes and held is not None:
            made = _attribute(name, attribute.type, held)
            attributes |= {name: made} if made is not None else {}
    known = {k: a for k, a in attributes.items() if k in schema.attributes}
    return _Call(example, schema, inputs, known)


def _attribute(name: str, kind: OpSchema.AttrType, held: Array) -> AttributeProto | None:
    """A tensor as an attribute of a kind, None where that has no place for it."""
    kinds = OpSchema.AttrType
    values = np.ravel(held).astype(float if kind in (kinds.FLOAT, kinds.FLOATS) else int).tolist()
    number = kind.value  # type: ignore[attr-defined]
    if kind in (kinds.INTS, kinds.FLOATS):
        return helper.make_attribute(name, values, attr_type=number)
    if kind in (kinds.INT, kinds.FLOAT) and len(values) == 1:
        return helper.make_attribute(name, values[0], attr_type=number)
    return None


@cache
def _values(type_: str) -> dict[str, tuple[AttributeProto, ...]]:
    """The values of each attribute in all of an operator's cases."""
    found: dict[str, list[AttributeProto]] = defaultdict(list)
    for example in examples()[type_]:
        for attribute in example.node.attribute:
            found[attribute.name].append(attribute)
    return {name: tuple(held) for name, held in found.items()}


def _draw_attributes(call: _Call, dice: random.Random) -> None:
    for name, formal in sorted(call.schema.attributes.items()):
        default = formal.default_value
        written = default.type != AttributeProto.UNDEFINED
        others = _values(call.schema.name).get(name, ())
        chance = dice.random()
        if chance < 0.12 and not formal.required and name in call.attributes:
            del call.attributes[name]
            call.words.append(f"{name} absent")
        elif chance < 0.3 and written:
            call.attributes[name] = default
            call.words.append(f"{name} default")
        elif chance > 0.9 and others:
            call.attributes[name] = dice.choice(others)
            call.words.append(f"{name} drawn")


def _draw_inputs(call: _Call, network: SmallNetwork, dice: random.Random) -> list[str]:
    """The names of the node's inputs, made at run time or constant, or "" or left off."""
    names: list[str] = []
    first_fed = dice.random() < 0.85
    formals = list(call.schema.inputs)
    for k, array in enumerate(call.inputs):
        formal = formals[min(k, len(formals) - 1)]
        held = None if formal.option == OPTIONAL and dice.random() < 0.3 else array
        fed = (k == 0) == first_fed if k < 2 else dice.random() < 0.25
        if held is None:
            names.append("")
        elif fed and held.size:
            names.append(_draw_before(call, network, dice, held) if k == 0 else network.fed(held))
            call.words.append(f"{formal.name} at run time")
        else:
            names.append(network.constant(held))
            call.words.append(f"{formal.name} constant")
    off = dice.random() < 0.6
    end = max((k for k, name in enumerate(names) if name), default=-1) + 1
    for k in range(len(names)):
        if not names[k]:
            how = "left off" if off and k >= end else "empty"
            call.words.append(f"{formals[min(k, len(formals) - 1)].name} {how}")
    return names[:end] if off else names


def _draw_before(call: _Call, network: SmallNetwork, dice: random.Random, array: Array) -> str:
    """The first input: as fed, or behind a layer that hands it on with its values turned round."""
    name = network.fed(array)
    if array.dtype != np.float32 or array.ndim < 1 or not array.size or dice.random() < 0.4:
        return name
    if array.ndim in (3, 4, 5):
        channels = array.shape[1]
        weights = np.eye(channels, dtype=np.float32)[::-1].copy()
        held = network.constant(weights.reshape(channels, channels, *[1] * (array.ndim - 2)))
        call.words.append("behind Conv")
        return network.node("Conv", name, held)
    if array.ndim == 2:
        call.words.append("behind MatMul")
        turned = np.eye(array.shape[1], dtype=np.float32)[::-1].copy()
        return network.node("MatMul", name, network.constant(turned))
    call.words.append("behind Mul")
    return network.node("Mul", name, network.constant(np.asarray(1.0, np.float32)))


def _draw_outputs(call: _Call, dice: random.Random) -> tuple[list[str], list[str]]:
    """The names of the node's outputs, and those that the network hands out."""
    formals, wanted = list(call.schema.outputs), len(call.example.outputs)
    variadic = bool(formals) and formals[-1].option == VARIADIC
    count = wanted if variadic else len(formals)
    names, read = [], []
    for k in range(count):
        formal = formals[min(k, len(formals) - 1)]
        if k == 0 or formal.option != OPTIONAL:
            names.append(f"y{k}")
            read.append(names[-1])
            continue
        how = dice.choices(("read", "unread", "empty", "left off"), (1, 3, 2, 2))[0]
        call.words.append(f"output {formal.name} {how}")
        names.append(f"y{k}" if how in ("read", "unread") else "")
        read += [names[-1]] if how == "read" else []
        if how == "left off":
            break
    while names and not names[-1] and dice.random() < 0.5:
        names.pop()
    return names, read


_BEHIND = ("Relu", "Sigmoid", "Clip", "Add")


def _draw_behind(call: _Call, network: SmallNetwork, dice: random.Random, name: str) -> str:
    """What reads the first output: the caller, or an activation that may be fused onto it."""
    if call.example.outputs[0].dtype != np.float32 or dice.random() < 0.5:
        return name
    type_ = dice.choice(_BEHIND)
    call.words.append(f"before {type_}")
    if type_ == "Add":
        return network.node("Add", name, network.constant(np.asarray(0.5, np.float32)))
    if type_ == "Clip" and network.opset >= 11:
        return network.node("Clip", name, "", network.constant(np.asarray(0.4, np.float32)))
    return network.node(type_, name, **({"max": 0.4} if type_ == "Clip" else {}))
