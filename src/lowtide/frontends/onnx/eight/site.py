"""One operator of the graph, where its function stands: what it reads, and what becomes of it.

@operator("GlobalAveragePool")
def mean(op: Site) -> bool:
    x, end = op.active(0), op.ending()
    if x is None or end is None:
        return False                        # it stays among real numbers
    return op.make("QSum", [x.name, factor], end, ends)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lowtide.frontends.onnx.eight.ending import Ending, Passes, ending
from lowtide.frontends.onnx.eight.network import Network
from lowtide.frontends.onnx.eight.whole import EIGHT, Whole
from lowtide.ir.graph import Array, Operator, Shape, Tensor

Reads = Callable[["Site"], bool]
OPERATORS: dict[str, Reads] = {}


def operator(*types: str) -> Callable[[Reads], Reads]:
    """The function below takes the operators `types`, or says that they stay as they are."""

    def register(reads: Reads) -> Reads:
        OPERATORS.update(dict.fromkeys(types, reads))
        return reads

    return register


@dataclass(frozen=True, eq=False)
class Site:
    """An operator of the graph in the network that is being made."""

    net: Network
    op: Operator

    def has(self, k: int) -> bool:
        """Whether an optional input is given."""
        return k < len(self.op.inputs) and bool(self.op.inputs[k])

    def whole(self, k: int) -> Whole | None:
        """The 8-bit numbers, of one scale, that an input is made of; None where it is not."""
        held = self.net.whole.get(self.op.inputs[k]) if self.has(k) else None
        return held if held is not None and held.axis is None and held.dtype in EIGHT else None

    def active(self, k: int) -> Whole | None:
        """The same of an input that depends on the network's inputs."""
        held = self.whole(k)
        return None if held is None or held.name in self.net.constants else held

    def stored(self, k: int) -> Whole | None:
        """The whole numbers that an input that is known is made of."""
        held = self.net.whole.get(self.op.inputs[k]) if self.has(k) else None
        return held if held is not None and held.name in self.net.constants else None

    def constant(self, k: int) -> Array | None:
        """The elements of an input that is known as it is."""
        return self.net.constants.get(self.op.inputs[k]) if self.has(k) else None

    def array(self, whole: Whole) -> Array:
        """The numbers of a constant."""
        return self.net.constants[whole.name]

    def shape(self, k: int) -> Shape:
        """The shape of an input."""
        return self.net.graph.shape(self.op.inputs[k])

    @property
    def out(self) -> Shape:
        """The shape of the output."""
        return self.net.graph.shape(self.op.output)

    def ending(self, passes: Passes | None = None) -> Ending | None:
        """How the output becomes 8-bit numbers."""
        return ending(self.op, self.net.graph, passes)

    def add_constant(self, array: Array, what: str) -> str:
        """A constant of this operator; its name."""
        return self.net.constant(array, f"{self.op.name}_{what}")

    def add_factor(self, factors: Array | np.float32) -> str:
        """The factor M of rounding "float", one or one a channel; equal ones become one."""
        held = np.asarray(factors, np.float32).reshape(-1)
        return self.add_constant(held[:1] if (held == held[0]).all() else held, "M")

    def between(
        self, type_: str, inputs: Sequence[str], shape: Shape, made: Whole, **attributes: Any
    ) -> str:
        """Adds an operator whose result is no tensor of the graph; the name of that."""
        name = self.net.fresh(f"{self.op.name}_{type_}".lower())
        node = Operator(name, type_, (), ())
        tensor = Tensor(name, shape, made.dtype, made.quant)
        self.net.add(node, type_, inputs, [tensor], attributes)
        return name

    def make(
        self, type_: str, inputs: Sequence[str], end: Ending, attributes: Mapping[str, Any]
    ) -> bool:
        """Adds what makes the numbers that this operator ends in; True."""
        made, views = end.made, end.views
        names = [self.net.fresh(f"{op.output}_whole") for op in (self.op, *views)[:-1]]
        names.append(made.name)
        shapes = [self.net.graph.shape(op.output) for op in (self.op, *views)]
        tensors = [
            Tensor(name, shape, made.dtype, made.quant)
            for name, shape in zip(names, shapes, strict=True)
        ]
        self.net.add(self.op, type_, inputs, tensors[:1], attributes)
        for op, before, after in zip(views, names, tensors[1:], strict=False):
            self.net.add(op, op.type, [before, *op.inputs[1:]], [after], op.attributes)
        self.net.done |= {*end.passed}
        return True


def ends(end: Ending, **zeros: int) -> dict[str, Any]:
    """The attributes that say how a result is rounded and what it is kept within."""
    found = {"y_zero": end.made.zero, "low": end.low, "high": end.high, "rounding": "float"}
    return {**found, **zeros}
