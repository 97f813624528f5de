"""ONNX networks built node by node, each node spelled as its opset wants it.

The builder knows the shape of every value, so that what it writes always fits, and how large its
elements can get: a network of whole numbers stays below 2**22, where float32 is exact and every
order of summation gives the same bits.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]

EXACT = 2**22
LARGEST = 2500
"""Elements of a tensor: enough for rows that differ, little enough to run hundreds."""

# The opset in which parameters turned from attributes into constant inputs.
INPUTS_SINCE = {
    "Pad": 11, "Clip": 11, "Slice": 10, "Split": 13, "Squeeze": 13, "Unsqueeze": 13,
    "ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18, "ReduceMin": 18,
    "ReduceL1": 18, "ReduceL2": 18,
}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A tensor of the network; no element is larger than `most` (of networks of whole numbers)."""

    name: str
    shape: Shape
    most: float

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Network:
    """A model, inputs for it, and whether every sum in it is exact."""

    model: onnx.ModelProto
    inputs: Mapping[str, Array]
    whole: bool


class Builder:
    """Collects nodes; `dice` decides everything, so that a seed gives one network."""

    def __init__(self, dice: random.Random, opset: int, whole: bool) -> None:
        self.dice, self.opset, self.whole = dice, opset, whole
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        self.read: set[str] = set()
        self.random = np.random.default_rng(dice.randrange(2**32))
        self._count = 0

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{kind.lower()}{self._count}"

    def input(self, shape: Shape) -> Value:
        value = Value(self.name("in"), shape, 3.0)
        self.inputs.append(value)
        self.values.append(value)
        return value

    def constant(self, array: Array) -> str:
        """A constant: an initializer mostly, a Constant node now and then."""
        name = self.name("const")
        tensor = numpy_helper.from_array(array, name)
        if self.dice.random() < 0.1:
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.constants.append(tensor)
        return name

    def numbers(self, shape: Shape) -> Array:
        """Seeded float32 values: whole ones from -2 to 2, or about normal and never near zero."""
        if self.whole:
            return self.random.integers(-2, 3, shape).astype(np.float32)
        drawn = self.random.uniform(0.25, 1.5, shape) * self.random.choice((-1, 1), shape)
        return np.asarray(drawn, np.float32)

    def weights(self, shape: Shape, summed: int) -> str:
        """Weights that keep a sum of `summed` products about as large as its terms."""
        array = self.numbers(shape)
        return self.constant(array if self.whole else array / np.float32(max(summed, 1) ** 0.5))

    def fits(self, shape: Shape, most: float = 0.0) -> bool:
        """Whether a tensor of that shape and those values may be made."""
        return 0 < prod(shape) <= LARGEST and min(shape, default=1) > 0 and most < EXACT

    def node(
        self,
        type_: str,
        inputs: Sequence[Value | str],
        shape: Shape,
        most: float,
        parameters: Mapping[str, Any] | None = None,
        **attributes: Any,
    ) -> Value:
        """Adds a node with one output."""
        return self.split(type_, inputs, [shape], most, parameters, **attributes)[0]

    def split(
        self,
        type_: str,
        inputs: Sequence[Value | str],
        shapes: Sequence[Shape],
        most: float,
        parameters: Mapping[str, Any] | None = None,
        **attributes: Any,
    ) -> list[Value]:
        """Adds a node; `parameters` become attributes or constant inputs, as the opset wants."""
        names = [v.name if isinstance(v, Value) else v for v in inputs]
        self.read |= {v.name for v in inputs if isinstance(v, Value)}
        given = {k: v for k, v in (parameters or {}).items() if v is not None}
        if self.opset < INPUTS_SINCE.get(type_, 0):
            attributes |= given
        else:
            keys = parameters or {}
            names += [self._parameter(type_, given[k]) if k in given else "" for k in keys]
        made = [Value(self.name(type_), shape, most) for shape in shapes]
        outputs = [value.name for value in made]
        self.nodes.append(helper.make_node(type_, names, outputs, **attributes))
        self.values += made
        return made

    def _parameter(self, type_: str, value: Any) -> str:
        floats = type_ == "Clip" or isinstance(value, float)
        return self.constant(np.array(value, np.float32 if floats else np.int64))

    def finish(self, name: str, outputs: Sequence[Value]) -> Network:
        """The network with these outputs, and inputs for it."""
        infos = [
            [helper.make_tensor_value_info(v.name, TensorProto.FLOAT, v.shape) for v in values]
            for values in (self.inputs, outputs)
        ]
        graph = helper.make_graph(self.nodes, name, *infos, initializer=self.constants)
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        inputs = {
            v.name: self.random.integers(-3, 4, v.shape).astype(np.float32)
            if self.whole
            else self.random.standard_normal(v.shape, dtype=np.float32)
            for v in self.inputs
        }
        return Network(model, inputs, self.whole)
