"""What a .tflite file holds, read from its flatbuffer: tensors, operators, and nothing of meaning.

A damaged file sends the flatbuffer's offsets anywhere; whatever follows is an exception of Python's
(`load.py` catches them), since all is bounded by the file's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tflite
from flatbuffers import number_types

from lowtide.errors import UnreadableModel, UnsupportedModel
from lowtide.ir.dtype import DType, dtype_of
from lowtide.ir.graph import Array, Shape
from lowtide.ir.quant import Quant

_TYPES = {
    getattr(tflite.TensorType, name): dtype_of(name.lower())
    for name in (
        "FLOAT16", "FLOAT32", "FLOAT64", "INT8", "INT16", "INT32", "INT64",
        "UINT8", "UINT16", "UINT32", "UINT64", "BOOL",
    )
}  # fmt: skip
_KINDS = {v: name for name, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
_OPTIONS = {v: name for name, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
_DEFAULTS = bytes((8, 0, 0, 0, 4, 0, 4, 0, 4, 0, 0, 0))
"""A flatbuffer of a table without fields."""

MOST_AXES = 8
IDENTIFIER = b"TFL3"
_EXTERNAL = 24
"""Where a tensor's table has the number of an external buffer, which the package does not know."""


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor of the file; `data` are its elements if it is a constant."""

    number: int
    name: str
    shape: Shape
    dtype: DType
    quant: Quant | None
    data: Array | None


@dataclass(frozen=True, eq=False)
class Node:
    """An operator of the file: TFLite's name for it, its tensors (-1: left out), its options.

    `spread` are dilations and pads of a convolution that the file says in three operators.
    """

    number: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: Any
    options_kind: str
    spread: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def name(self) -> str:
        """CONV_2D_7"""
        return f"{self.kind}_{self.number}"

    def options(self, kind: Any) -> Any:
        """The options as one of the package's classes; all defaults where the file has none."""
        if self.table is None:
            return kind.GetRootAs(_DEFAULTS)
        if self.options_kind != kind.__name__:
            raise UnreadableModel(f"its options are {self.options_kind}, not {kind.__name__}")
        found = kind()
        found.Init(self.table.Bytes, self.table.Pos)
        return found


@dataclass(frozen=True, eq=False)
class File:
    """A network as the file has it."""

    tensors: tuple[Stored, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def stored_in(content: bytes) -> File:
    """Reads the one subgraph of a file. Raises ModelError, and anything where it is damaged."""
    if content[4:8] != IDENTIFIER:
        raise UnreadableModel("not a .tflite file, or one cut short")
    model = tflite.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() != 1:
        raise UnsupportedModel(
            f"{model.SubgraphsLength()} subgraphs; one is supported",
            hint="convert without control flow",
        )
    graph = model.Subgraphs(0)
    tensors = tuple(
        _tensor(model, graph.Tensors(k), k) for k in _range(graph.TensorsLength(), content)
    )
    nodes = tuple(
        _node(model, graph.Operators(k), k) for k in _range(graph.OperatorsLength(), content)
    )
    file = File(tensors, nodes, _ints(graph.InputsAsNumpy()), _ints(graph.OutputsAsNumpy()))
    _check_numbers(file)
    return file


def _range(length: int, content: bytes) -> range:
    if not 0 <= 4 * length <= len(content):
        raise UnreadableModel(f"damaged: a list of {length} in {len(content)} bytes")
    return range(length)


def _ints(held: Any) -> tuple[int, ...]:
    """A list of numbers; flatbuffers hand on 0 for one that is not there."""
    return () if isinstance(held, int) else tuple(int(v) for v in held)


def _tensor(model: Any, tensor: Any, number: int) -> Stored:
    name = (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor{number}"
    shape, kind = _ints(tensor.ShapeAsNumpy()), _TYPES.get(tensor.Type())
    what = f"tensor {number} '{name}'"
    if kind is None:
        raise UnsupportedModel(f"{what} has element type {tensor.Type()}, which is not supported")
    if len(shape) > MOST_AXES or min(shape, default=1) < 1:
        raise UnsupportedModel(f"{what} has shape {[*shape]}", hint="convert with fixed sizes")
    if tensor.Sparsity() is not None:
        raise UnsupportedModel(f"{what} is stored sparse", hint="store it dense")
    external = tensor._tab.Offset(_EXTERNAL)
    if external and tensor._tab.Get(number_types.Uint32Flags, external + tensor._tab.Pos):
        raise UnsupportedModel(f"{what} is in another file", hint="store it in this one")
    if tensor.IsVariable():
        raise UnsupportedModel(f"{what} is a variable, kept from run to run")
    data = _data(model, tensor.Buffer(), shape, kind, what)
    return Stored(number, name, shape, kind, _quant(tensor.Quantization(), shape, what), data)


def _data(model: Any, number: int, shape: Shape, kind: DType, what: str) -> Array | None:
    if number == 0:
        return None
    if not number < model.BuffersLength():
        raise UnreadableModel(f"{what} is in buffer {number} of {model.BuffersLength()}")
    buffer = model.Buffers(number)
    if buffer.Offset() > 1 or buffer.Size() > 1:
        raise UnsupportedModel(f"{what} is stored behind the flatbuffer", hint="2 GiB are enough")
    held = buffer.DataAsNumpy()
    if isinstance(held, int) or not held.size:
        return None
    needed = prod(shape) * kind.bytes
    if held.size != needed:
        raise UnreadableModel(f"{what} has {held.size} bytes, its shape asks for {needed}")
    return np.frombuffer(held.tobytes(), kind.name).reshape(shape)


def _quant(held: Any, shape: Shape, what: str) -> Quant | None:
    """Scales and zero points, if there are any."""
    if held is None or not held.ScaleLength():
        return None
    if held.DetailsType():
        raise UnsupportedModel(f"{what} is quantised in a way of its own")
    scales = tuple(float(s) for s in held.ScaleAsNumpy())
    zeros = _ints(held.ZeroPointAsNumpy()) or (0,) * len(scales)
    if len(zeros) == 1:
        zeros *= len(scales)
    if len(zeros) != len(scales):
        raise UnreadableModel(f"{what} has {len(scales)} scales and {len(zeros)} zero points")
    axis = held.QuantizedDimension() if len(scales) > 1 else None
    return Quant(scales, zeros, axis)


def _node(model: Any, operator: Any, number: int) -> Node:
    if not operator.OpcodeIndex() < model.OperatorCodesLength():
        raise UnreadableModel(f"operator {number} is of kind {operator.OpcodeIndex()}, not there")
    held = model.OperatorCodes(operator.OpcodeIndex())
    code = max(held.BuiltinCode(), held.DeprecatedBuiltinCode())
    kind = _KINDS.get(code, f"operator {code}")
    if kind == "CUSTOM":
        custom = (held.CustomCode() or b"").decode("utf-8", "replace")
        kind = f"CUSTOM {custom}"
    inputs, outputs = _ints(operator.InputsAsNumpy()), _ints(operator.OutputsAsNumpy())
    options = _OPTIONS.get(operator.BuiltinOptionsType(), "of no known kind")
    return Node(number, kind, inputs, outputs, operator.BuiltinOptions(), options)


def _check_numbers(file: File) -> None:
    """Every tensor that is spoken of is there, and made once, before it is read."""
    count = len(file.tensors)
    known = {t.number for t in file.tensors if t.data is not None} | set(file.inputs)
    for node in file.nodes:
        for k in (*node.inputs, *node.outputs):
            if not -1 <= k < count or (k == -1 and k in node.outputs):
                raise UnreadableModel(f"tensor {k} of {count}", node=node.name, operator=node.kind)
        for k in node.inputs:
            if k != -1 and k not in known:
                raise UnreadableModel(
                    f"input '{file.tensors[k].name}' is made nowhere before it is read",
                    node=node.name, operator=node.kind,
                )  # fmt: skip
        for k in node.outputs:
            if k in known:
                raise UnreadableModel(
                    f"'{file.tensors[k].name}' is made twice", node=node.name, operator=node.kind
                )
        known |= set(node.outputs)
    if not file.nodes or not file.outputs:
        raise UnreadableModel("no operators or no outputs in the graph")
    for k in (*file.inputs, *file.outputs):
        if not 0 <= k < count or k not in known:
            raise UnreadableModel(f"input or output {k} is no tensor that is made")
    if len({*file.inputs}) < len(file.inputs) or len({*file.outputs}) < len(file.outputs):
        raise UnreadableModel("an input or output appears twice")
