"""One operator of the file, where its function stands: what it reads, and how it says what it is.

@operator("RELU")
def relu(op: Site) -> None:
    op.make("Relu", [op.name(0)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lowtide.errors import ModelError, UnsupportedModel
from lowtide.frontends.tflite.network import FIRST, Network
from lowtide.frontends.tflite.stored import Node, Stored
from lowtide.ir.dtype import F32, I8, U8, DType
from lowtide.ir.graph import Array, Shape
from lowtide.ir.quant import Quant

Reads = Callable[["Site"], None]
OPERATORS: dict[str, Reads] = {}


def operator(*kinds: str) -> Callable[[Reads], Reads]:
    """The function below reads TFLite's operators `kinds`."""

    def register(reads: Reads) -> Reads:
        OPERATORS.update(dict.fromkeys(kinds, reads))
        return reads

    return register


@dataclass(frozen=True, eq=False)
class Site:
    """An operator of the file in the network that is being made."""

    net: Network
    node: Node

    def refuse(self, what: str, hint: str | None = None) -> ModelError:
        """The error to raise for something that is not done; it names the operator."""
        return UnsupportedModel(what, node=self.node.name, operator=self.node.kind, hint=hint)

    def options(self, kind: Any) -> Any:
        """The operator's options."""
        return self.node.options(kind)

    def has(self, k: int) -> bool:
        """Whether an optional input is given."""
        return k < len(self.node.inputs) and self.node.inputs[k] >= 0

    def input(self, k: int) -> Stored:
        """An input as the file has it."""
        if not self.has(k):
            raise self.refuse(f"input {k} is missing")
        return self.net.file.tensors[self.node.inputs[k]]

    def output(self, k: int = 0) -> Stored:
        """An output as the file has it."""
        if k >= len(self.node.outputs):
            raise self.refuse(f"output {k} is missing")
        return self.net.file.tensors[self.node.outputs[k]]

    def name(self, k: int, image: bool = False) -> str:
        """An input as the Graph has it; with channels first if `image`."""
        held = self.input(k)
        if image and len(held.shape) != 4:
            raise self.refuse(f"input {k} has shape {[*held.shape]}; 4 axes are needed")
        return self.net.name(held.number, image)

    def constant(self, k: int) -> Array:
        """The elements of an input that must be known."""
        held = self.input(k)
        array = self.net.constants.get(self.net.name(held.number))
        if array is None:
            raise self.refuse(f"input {k} ('{held.name}') must be a constant")
        return array

    def is_constant(self, k: int) -> bool:
        """Whether an input is known."""
        return self.net.name(self.input(k).number) in self.net.constants

    def add_constant(self, array: Array, what: str) -> str:
        """A constant of this operator; its name."""
        name = self.net.fresh(f"{self.node.name}_{what}")
        return self.net.constant(np.ascontiguousarray(array), name)

    def scale(self, held: Stored) -> tuple[float, int]:
        """The one scale and zero point of a tensor of whole numbers."""
        if held.quant is None or len(held.quant.scales) != 1:
            count = len(held.quant.scales) if held.quant else 0
            raise self.refuse(f"'{held.name}' has {count} scales where one is needed")
        return held.quant.scales[0], held.quant.zeros[0]

    def is_eight(self, *inputs: int) -> bool:
        """Whether the operator is one of 8-bit numbers; refuses mixtures of types."""
        held = [self.input(k) for k in inputs] + [self.output()]
        kinds = {tensor.dtype for tensor in held}
        if len(kinds) > 1:
            mixed = F32 in kinds and kinds & {I8, U8}
            named = ", ".join(f"'{t.name}' {t.dtype}" for t in held)
            raise self.refuse(("a hybrid layer: " if mixed else "mixed types: ") + named,
                              "quantise the activations too" if mixed else None)  # fmt: skip
        (kind,) = kinds
        if kind not in (F32, I8, U8):
            raise self.refuse(f"'{held[0].name}' is {kind}; float32, int8 and uint8 are done")
        return kind != F32

    def between(
        self, type_: str, inputs: Sequence[str], to: Shape, dtype: DType,
        quant: Quant | None = None, **attributes: Any,
    ) -> str:  # fmt: skip
        """Adds an operator whose result is no tensor of the file; returns its name."""
        name = self.net.fresh(f"{self.node.name}_{type_}".lower())
        self.net.add(name, type_, inputs, [(name, to, dtype, quant)], attributes)
        return name

    def make(
        self, type_: str, inputs: Sequence[str], image: bool = False,
        attributes: Mapping[str, Any] | None = None, outputs: Sequence[int] = (0,),
    ) -> None:  # fmt: skip
        """Adds the operator that makes outputs of the file; with channels first if `image`."""
        made = []
        for k in outputs:
            held = self.output(k)
            shape = tuple(held.shape[a] for a in FIRST) if image else held.shape
            name = self.net.new_name(held.number, image)
            made.append((name, shape, held.dtype, held.quant))
        self.net.add(self.node.name, type_, inputs, made, attributes or {})

    def settle(self, array: Array) -> None:
        """The output is known."""
        held = self.output()
        self.net.settle(held.number, array.astype(held.dtype.name).reshape(held.shape))
