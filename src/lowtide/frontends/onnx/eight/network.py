"""The Graph in the making: 8-bit numbers where there are groups, reals where the rest needs them.

QDQ      x ─> Q ─> DQ ─> Conv ─> Relu ─> Q ─> DQ ─> Softmax ─> y        DQ of weights, bias
Graph    x ─> Q ───────> QConv ─────────────> DQ ─> Softmax ─> y        the file's constants
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lowtide.frontends.onnx.eight.whole import Whole
from lowtide.ir.dtype import F32
from lowtide.ir.graph import Array, Graph, Operator, Shape, Tensor
from lowtide.ops.fold import folded


class Network:
    """What was made of a graph's operators so far."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tensors: dict[str, Tensor] = {n: graph.tensors[n] for n in graph.inputs}
        self.constants: dict[str, Array] = dict(graph.constants)
        self.operators: list[Operator] = []
        self.whole: dict[str, Whole] = {}
        """Reals of the graph that are made where they are asked for, by their names."""
        self.done: set[str] = set()
        """What needs not be made any more, or is made."""
        self._same: dict[str, str] = {}
        self._taken = {*graph.tensors, *graph.constants}
        self._nodes = {op.name for op in graph.operators}

    def fresh(self, wanted: str) -> str:
        """A name that no tensor, constant or operator has."""
        name, count = wanted, 2
        while name in self._taken or name in self._nodes:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    def constant(self, array: Array, wanted: str) -> str:
        """Adds a constant; its name."""
        name = self.fresh(wanted)
        self.constants[name] = np.array(array, order="C")
        return name

    def same(self, name: str, as_: str) -> None:
        """A tensor of the graph is another one here."""
        self._same[name] = as_
        self.done.add(name)

    def name(self, name: str) -> str:
        """A tensor of the graph as it is here."""
        return self._same.get(name, name)

    def real(self, name: str) -> str:
        """An operand of an operator that is left as it is; made of whole numbers if need be."""
        whole = self.whole.get(name)
        if whole is None or name in self.tensors or name in self.constants:
            return self.name(name)
        if whole.name in self.constants:
            self.constants[name] = whole.real(self.constants[whole.name])
            return name
        parts = [
            self.constant(whole.scales.reshape(()), f"{name}_scale"),
            self.constant(whole.zeros.reshape(()).astype(whole.dtype.name), f"{name}_zero"),
        ]
        shape = self.tensors[whole.name].shape
        self.tensors[name] = Tensor(name, shape, F32)
        node = self.fresh(f"{name}_real")
        self.operators.append(Operator(node, "DequantizeLinear", (whole.name, *parts), (name,)))
        return name

    def keep(self, op: Operator) -> None:
        """The operator as it is; one of reals that are made of constants becomes constants."""
        held = replace(op, inputs=tuple(self.real(n) if n else n for n in op.inputs))
        self.tensors |= {n: self.graph.tensors[n] for n in op.outputs}
        known = self.whole.keys() & op.inputs and not any(n in self.tensors for n in held.inputs)
        if not known or not set(self.graph.outputs).isdisjoint(op.outputs):
            self.operators.append(held)
            return
        for name, array in folded(held, self.tensors, self.constants).items():
            self.constants[name] = array
            del self.tensors[name]

    def shape(self, name: str) -> Shape:
        """The shape of a tensor or constant here."""
        held = self.tensors.get(name)
        return held.shape if held is not None else tuple(self.constants[name].shape)

    def add(
        self, op: Operator, type_: str, inputs: Sequence[str], outputs: Sequence[Tensor],
        attributes: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Adds an operator in the place of `op`, whose name it takes."""
        names = tuple(tensor.name for tensor in outputs)
        self.tensors |= {tensor.name: tensor for tensor in outputs}
        self.operators.append(Operator(op.name, type_, tuple(inputs), names, attributes, op.opset))

    def made(self) -> Graph:
        """The Graph, with no constants but those that are read or handed out."""
        for name in self.graph.outputs:
            self._hand_out(name)
        read = {name for op in self.operators for name in op.inputs} | {*self.graph.outputs}
        kept = {name: array for name, array in self.constants.items() if name in read}
        return replace(
            self.graph, operators=tuple(self.operators), tensors=self.tensors, constants=kept
        )

    def _hand_out(self, name: str) -> None:
        """An output of the network has the name that it has in the file."""
        held = self.real(name)
        if held != name:
            self.tensors[name] = replace(self.tensors[held], name=name)
            node = self.fresh(f"{name}_out")
            self.operators.append(Operator(node, "Identity", (held,), (name,)))
