"""One operator of the file, where its function stands: what it reads, and how it says what it is.

@operator("RELU")
def relu(op: Site) -> None:
    op.make("Relu", [op.name(0)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
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
        return self.net.stored[self.node.inputs[k]]

    def output(self, k: int = 0) -> Stored:
        """An output as the file has it."""
        if k >= len(self.node.outputs):
            raise self.refuse(f"output {k} is missing")
        return self.net.stored[self.node.outputs[k]]

    def shape(self, shape: Shape, k: int = 0) -> None:
        """Says what the shape of an output is; files are wrong behind shapes that are computed."""
        held = self.output(k)
        if held.shape != shape:
            self.net.reshape(held.number, shape)

    def name(self, k: int, image: bool = False) -> str:
        """An input as the Graph has it; with channels first if `image`."""
        held = self.input(k)
        if image and len(held.shape) != 4:
            raise self.refuse(f"input {k} has shape {[*held.shape]}; 4 axes are needed")
        return self.net.name(held.number, image)

    def as_made(self, k: int, favoured: bool = False) -> tuple[str, bool]:
        """An input in the order of axes in which it was made, and whether that is channels first.

        `favoured`: channels first for every image.
        """
        held = self.input(k)
        image = self.net.is_image(held.number) or (favoured and len(held.shape) == 4)
        return self.net.name(held.number, image), image

    def pointwise(self) -> tuple[str, bool]:
        """Input 0 likewise, of an operator whose output has its shape."""
        self.shape(self.input(0).shape)
        return self.as_made(0)

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
        scales = self.scales(held)
        if held.quant is None or len(scales) != 1:
            raise self.refuse(f"'{held.name}' has {len(scales)} scales where one is needed")
        zero, ends = held.quant.zeros[0], np.iinfo(held.dtype.name)
        if not ends.min <= zero <= ends.max:
            raise self.refuse(f"'{held.name}' has zero point {zero}, no {held.dtype} number")
        if scales[0] < 0:
            raise self.refuse(f"'{held.name}' has a scale of {scales[0]:g}; it must be above 0")
        return scales[0], zero

    def scales(self, held: Stored) -> tuple[float, ...]:
        """All scales of a tensor of whole numbers; those of weights may be below 0."""
        scales = held.quant.scales if held.quant else ()
        wrong = [s for s in scales if s == 0 or not isfinite(s)]
        if wrong or not scales:
            found = f"a scale of {wrong[0]:g}" if wrong else "no scale"
            raise self.refuse(f"'{held.name}' has {found}")
        return scales

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
            raise self.refuse(f"'{held[0].name}' is {kind}; float32, int8 and uint8 are supported")
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
