"""A frozen view of a network: operators in order, tensors with shapes, constants with values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lowtide.ir.codes import Codes
from lowtide.ir.dtype import BOOL, F32, I8, I16, I32, I64, U8, U16, DType, dtype_of
from lowtide.ir.find_codes import find_codes
from lowtide.ir.pushes import Pushes
from lowtide.ir.quant import Quant
from lowtide.ir.state import State

if TYPE_CHECKING:
    from lowtide.ir.meaning import Meant

Shape = tuple[int, ...]
Array = np.ndarray[Any, np.dtype[Any]]


CARRIED = (BOOL, I8, U8, I16, U16, I32, I64)
"""Types whose tensors hold whole numbers that float32 has exactly, by the entries that make them:
truth values, places along an axis, quantised numbers, floats cut to whole ones."""

STORED = (I8, U8, I16, U16, I32)
"""Those of them that lie in memory as they are; int64 tensors lie there as int32, since what makes
them keeps within that, and the others as float32."""


def stored_as(dtype: DType) -> DType:
    """The type in which constants lie in memory."""
    return dtype if dtype in STORED else F32


@dataclass(frozen=True)
class Tensor:
    """A named activation: its shape in ONNX's axis order (NCHW for images) and its element type.

    `quant` says what its numbers stand for, if they are whole and stand for others. An input or
    output may be an image with `channels_last`, NHWC: so its file has it.
    """

    name: str
    shape: Shape
    dtype: DType
    quant: Quant | None = None
    channels_last: bool = False

    @property
    def stored(self) -> DType:
        """The type that its elements have in memory."""
        if self.dtype == I64:
            return I32
        return stored_as(self.dtype) if self.dtype in CARRIED else self.dtype

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Operator:
    """One node: its ONNX type, its inputs and outputs, and the pointwise operators fused onto it.

    `inputs` names tensors or constants of the graph; "" is an optional input left out.
    `inlined` is an operator that computes the only input where it is read, an element at a time;
    that tensor is never stored. `epilogue` is applied to the result, in order. Each operator in
    it reads the running value as its operand number `running`, whose name is "" too.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    opset: int = 21
    epilogue: tuple[Operator, ...] = ()
    inlined: Operator | None = None
    running: int = 0

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]

    @property
    def read(self) -> tuple[str, ...]:
        """What it reads from memory: its inputs, or those of the operator computed inside it."""
        return self.inlined.read if self.inlined else self.inputs


@dataclass(frozen=True)
class Crop:
    """Part of an input, of `shape`, that the caller hands in by itself: first .. end-1 by axis."""

    input: str
    shape: Shape
    region: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Graph:
    """A network: operators in an order that can be run; `inputs` and `outputs` name tensors.

    An input that is in `crops` is a part of one of the network's inputs. With `as_if`, all
    storages and constants are counted as if their elements had that type (`rewrites/as_if.py`).
    `meanings` has what the operators mean, by their first output (`ops/meanings.py`). `states` are
    the outputs that become inputs of the next call; `pushes` says what a call takes of an endless
    input.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: tuple[Operator, ...]
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, Array]
    crops: Mapping[str, Crop] = field(default_factory=dict)
    as_if: DType | None = None
    states: tuple[State, ...] = ()
    pushes: Pushes | None = None
    meanings: Mapping[str, Meant] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def carried(self) -> frozenset[str]:
        """The inputs and outputs that are carried from call to call: they lie in the arena."""
        return frozenset(name for one in self.states for name in (one.input, one.output))

    @cached_property
    def producer(self) -> dict[str, Operator]:
        """The operator that makes each tensor, by the tensor's name; graph inputs are left out."""
        return {name: op for op in self.operators for name in op.outputs}

    @cached_property
    def readers(self) -> dict[str, tuple[Operator, ...]]:
        """The operators that read each tensor, in order, each once."""
        found: dict[str, list[Operator]] = {name: [] for name in self.tensors}
        for op in self.operators:
            for name in dict.fromkeys(op.read):
                if name in found:
                    found[name].append(op)
        return {name: tuple(ops) for name, ops in found.items()}

    @cached_property
    def packed(self) -> dict[str, Codes]:
        """The constants that low-bit codes give exactly, by name; they are stored as such."""
        found = {name: find_codes(array) for name, array in self.constants.items()}
        return {name: codes for name, codes in found.items() if codes is not None}

    def constant_bytes(self, name: str) -> int:
        """Bytes of flash that a constant takes: codes and scales if packed, else its elements."""
        codes = self.packed.get(name)
        kept = self.as_if or stored_as(dtype_of(self.constants[name].dtype))
        whole = prod(self.shape(name)) * kept.bytes
        return whole if codes is None else min(codes.bytes, whole)

    def shape(self, name: str) -> Shape:
        """The shape of a tensor or constant."""
        if name in self.tensors:
            return self.tensors[name].shape
        return tuple(self.constants[name].shape)
