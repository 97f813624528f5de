"""The Graph in the making: tensors in TFLite's order of axes or with channels first, constants.

    file      NHWC     x ──────────────> CONV_2D ──> y ──> RESHAPE ──> z
    Graph              x ─> Transpose ─> QConv ─> y_chw ─> Transpose ─> y ─> Reshape ─> z

The Transposes are views and move nothing. What depends on constants alone is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from lowtide.errors import UnsupportedModel
from lowtide.frontends.tflite.stored import File
from lowtide.ir.dtype import DType, dtype_of
from lowtide.ir.graph import Array, Graph, Operator, Shape, Tensor
from lowtide.ir.quant import Quant
from lowtide.ops.fold import folded
from lowtide.room import Room

FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""Channels first, of axes in TFLite's order; and back."""

LONGEST = 1000
"""Characters of a name."""


@dataclass(frozen=True)
class Frame:
    """What a tensor was before a frame was put around its image: top, left, bottom, right."""

    of: str
    pads: tuple[int, int, int, int]
    value: float


class Network:
    """What was made of a file's operators so far."""

    def __init__(self, file: File, room: Room) -> None:
        self.file = file
        self.room = room
        self.stored = list(file.tensors)
        self.tensors: dict[str, Tensor] = {}
        self.constants: dict[str, Array] = {}
        self.operators: list[Operator] = []
        self.frames: dict[str, Frame] = {}
        self._names: dict[tuple[int, bool], str] = {}
        self._taken: set[str] = set()
        for number in file.inputs:
            held = self.stored[number]
            self._declare(self.new_name(number, False), held.shape, held.dtype, held.quant)

    def _declare(self, name: str, shape: Shape, dtype: DType, quant: Quant | None) -> None:
        self.room.count(name, prod(shape))
        self.tensors[name] = Tensor(name, shape, dtype, quant)

    def reshape(self, number: int, shape: Shape) -> None:
        """Gives a tensor of the file its shape, where the file has that of another run."""
        self.room.count(self.stored[number].name, prod(shape))
        self.stored[number] = replace(self.stored[number], shape=shape)

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet."""
        name, count = wanted, 1
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name

    def new_name(self, number: int, image: bool) -> str:
        """The name in the Graph of a tensor of the file, with channels first or not."""
        name = self.fresh(_cut(self.stored[number].name) + ("_chw" if image else ""))
        self._names[number, image] = name
        return name

    @property
    def numbers(self) -> dict[str, tuple[int, bool]]:
        """Which tensor of the file each is, and whether with channels first, by name."""
        return {name: where for where, name in self._names.items()}

    def name(self, number: int, image: bool = False) -> str:
        """A tensor or constant of the file as the Graph has it; with channels first if `image`."""
        known = self._names.get((number, image))
        if known is not None:
            return known
        held = self.stored[number]
        other = self._names.get((number, not image))
        if other is None:
            if held.data is None:
                raise UnsupportedModel(f"'{held.name}' is read before it is made")
            data = held.data.transpose(FIRST) if image else held.data
            return self.constant(data, self.new_name(number, image))
        order = FIRST if image else LAST
        shape = tuple(self.shape(other)[a] for a in order)
        made = self.new_name(number, image)
        quant = held.quant
        self.add(f"{made}_view", "Transpose", [other], [(made, shape, held.dtype, quant)],
                 {"perm": order})  # fmt: skip
        return made

    def is_image(self, number: int) -> bool:
        """Whether a tensor of the file was made with channels first."""
        return (number, True) in self._names and (number, False) not in self._names

    def constant(self, array: Array, name: str) -> str:
        """Adds a constant of a name that is fresh."""
        self.room.count(name, array.size)
        self.constants[name] = array
        return name

    def shape(self, name: str) -> Shape:
        """The shape of a tensor or constant of the Graph."""
        held = self.tensors.get(name)
        return held.shape if held is not None else tuple(self.constants[name].shape)

    def dtype(self, name: str) -> DType:
        """The element type of a tensor or constant of the Graph."""
        held = self.tensors.get(name)
        return held.dtype if held is not None else dtype_of(self.constants[name].dtype)

    def add(
        self,
        node: str,
        type_: str,
        inputs: Sequence[str],
        outputs: Sequence[tuple[str, Shape, DType, Quant | None]],
        attributes: Mapping[str, Any],
    ) -> None:
        """Adds an operator; one that reads constants alone is computed and becomes constants."""
        names = tuple(name for name, *_ in outputs)
        operator = Operator(node, type_, tuple(inputs), names, attributes)
        for name, shape, dtype, quant in outputs:
            self._declare(name, shape, dtype, quant)
        if any(name in self.tensors for name in inputs):
            self.operators.append(operator)
            return
        for name, array in folded(operator, self.tensors, self.constants).items():
            self.constants[name] = array
            del self.tensors[name]

    def settle(self, number: int, array: Array) -> None:
        """A tensor of the file that is known: a constant from here on."""
        self.constant(array, self.new_name(number, False))

    def graph(self, name: str) -> Graph:
        """The Graph of all that is read; inputs and outputs have the file's order of axes."""
        outputs = [self._handed_out(number) for number in self.file.outputs]
        inputs = tuple(self._names[number, False] for number in self.file.inputs)
        read, alive = {*inputs, *outputs}, list[Operator]()
        for op in reversed(self.operators):
            if not read.isdisjoint(op.outputs):
                alive.append(op)
                read |= {*op.inputs, *op.outputs}
        tensors = {n: held for n, held in self.tensors.items() if n in read}
        constants = {n: held for n, held in self.constants.items() if n in read}
        for end in {*inputs, *outputs}:
            tensors[end] = replace(tensors[end], channels_last=len(tensors[end].shape) == 4)
        return Graph(name, inputs, tuple(outputs), tuple(reversed(alive)), tensors, constants)

    def _handed_out(self, number: int) -> str:
        """An output; one that is an input too is copied."""
        made, held = self.name(number), self.stored[number]
        if made in self.constants:
            raise UnsupportedModel(f"output '{held.name}' is a constant")
        if number not in self.file.inputs:
            return made
        copy = self.fresh(f"{made}_out")
        self.add(copy, "Identity", [made], [(copy, held.shape, held.dtype, held.quant)], {})
        return copy


def _cut(name: str) -> str:
    """A name that converters put together of many keeps both of its ends."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}..{name[-LONGEST // 2 :]}"
