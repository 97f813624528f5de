"""What a plan must know of a .tflite file: sizes, who reads and makes which tensor, in which order.

A tensor is planned if TensorFlow Lite Micro would give it bytes of its arena's head: it has no data
in the file, is no variable (those lie in the tail) and has elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from lowtide.errors import LowtideError, UnreadableModel, UnsupportedModel
from lowtide.frontends.tflite.stored import IDENTIFIER, Node

_TYPES = {
    getattr(tflite.TensorType, name): name.lower()
    for name in (
        "BOOL", "INT8", "UINT8", "INT16", "UINT16", "FLOAT16", "INT32", "UINT32", "FLOAT32",
        "INT64", "UINT64", "FLOAT64", "COMPLEX64",
    )
} | {tflite.TensorType.RESOURCE: "int32"}  # fmt: skip
"""numpy's names of the types that the head of an arena can hold."""

MOST_TAPS = 1 << 12
"""Of a window along one axis; nothing is said of wider ones."""

MOST_TOLD = 256
"""Bytes of a constant that tells a kernel something, such as the pads of an image."""

_KINDS = {v: name for name, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
_OPTIONS = {v: name for name, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
_OWN_ORDER = frozenset({"CUSTOM", "CALL_ONCE", "IF", "WHILE", "VAR_HANDLE", "READ_VARIABLE",
                        "ASSIGN_VARIABLE"})  # fmt: skip
"""Operators that may do more than turn inputs into outputs."""


@dataclass(frozen=True)
class Held:
    """A tensor: `bytes` of the head, 0 if it takes none; numpy's name of its type, or ""."""

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int
    variable: bool

    @property
    def unit(self) -> int:
        """Bytes of an element."""
        return np.dtype(self.type).itemsize


@dataclass(frozen=True)
class Window:
    """What a convolution or pool reads for a pixel: along rows, and along columns."""

    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    same: bool
    """Padded, so that every `stride`-th pixel has one."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The first subgraph of a file; `more` tensors are in others, which the interpreter plans."""

    tensors: tuple[Held, ...]
    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    more: int
    numbers: Mapping[int, npt.NDArray[np.int64]]
    """Short constants of whole numbers, by tensor: what kernels are told that way."""
    windows: Mapping[int, Window]
    """By the operator's number."""
    any_order: bool
    """Whether every order will do in which what is read was made before."""

    @property
    def planned(self) -> tuple[int, ...]:
        """The numbers of the tensors that lie in the head."""
        return tuple(k for k, tensor in enumerate(self.tensors) if tensor.bytes)


def outline(content: bytes) -> Outline:
    """Raises ModelError where a file is damaged, or cannot be planned."""
    if content[4:8] != IDENTIFIER:
        raise UnreadableModel("not a .tflite file, or one cut short")
    with reading():
        return _outline(tflite.Model.GetRootAs(content, 0), len(content))


@contextmanager
def reading() -> Iterator[None]:
    """Offsets of a damaged file lead anywhere, and end in any error of Python's."""
    try:
        yield
    except (LowtideError, MemoryError):
        raise
    except Exception as error:
        raise UnreadableModel(f"damaged: {type(error).__name__}: {error}") from error


def _window(tensors: Sequence[Held], node: Node) -> Window | None:
    """Of an operator that has one, and reads images."""
    options: Any
    if node.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        options, dilation = node.options(tflite.Pool2DOptions), (1, 1)
        size = (options.FilterHeight(), options.FilterWidth())
    elif node.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and node.inputs[1:2] > (-1,):
        conv = node.kind == "CONV_2D"
        options = node.options(tflite.Conv2DOptions if conv else tflite.DepthwiseConv2DOptions)
        weights = tensors[node.inputs[1]].shape
        if len(weights) != 4:
            return None
        size, dilation = weights[1:3], (options.DilationHFactor(), options.DilationWFactor())
    else:
        return None
    stride = (options.StrideH(), options.StrideW())
    if min(*size, *stride, *dilation) < 1 or max(*size, *dilation) > MOST_TAPS:
        return None
    return Window(size, stride, dilation, options.Padding() == tflite.Padding.SAME)


def _outline(model: Any, room: int) -> Outline:
    for k in _range(model.BuffersLength(), room):
        if model.Buffers(k).Offset() > 1 or model.Buffers(k).Size() > 1:
            raise UnsupportedModel(f"buffer {k} is stored behind the flatbuffer",
                                   hint="convert to a file of less than 2 GiB")  # fmt: skip
    if not model.SubgraphsLength():
        raise UnreadableModel("no graph in the file")
    first, *others = (model.Subgraphs(k) for k in _range(model.SubgraphsLength(), room))
    tensors = tuple(_held(model, first.Tensors(k), k) for k in _range(first.TensorsLength(), room))
    nodes = tuple(
        _node(model, first.Operators(k), k) for k in _range(first.OperatorsLength(), room)
    )
    more = 0
    for other in others:
        more += len(_range(other.TensorsLength(), room))
        if any(other.Tensors(k).IsVariable() for k in range(other.TensorsLength())):
            raise UnsupportedModel(
                "a variable in a second subgraph",
                hint="TensorFlow Lite Micro finds it no place beside a plan",
            )
    plain = not others and not any(t.variable for t in tensors)
    plain = plain and not any(node.kind in _OWN_ORDER or not node.outputs for node in nodes)
    ends = _ints(first.InputsAsNumpy()), _ints(first.OutputsAsNumpy())
    _check(tensors, nodes, *ends)
    windows = {n.number: found for n in nodes if (found := _window(tensors, n)) is not None}
    return Outline(tensors, nodes, *ends, more, _numbers(model, first, tensors), windows, plain)


def _range(length: int, room: int) -> range:
    if not 0 <= 4 * length <= room:
        raise UnreadableModel(f"damaged: a list of {length} in {room} bytes")
    return range(length)


def _ints(held: Any) -> tuple[int, ...]:
    """A list of numbers; flatbuffers hand on 0 for one that is not there."""
    return () if isinstance(held, int) else tuple(int(v) for v in held)


def _held(model: Any, tensor: Any, number: int) -> Held:
    name = (tensor.Name() or b"").decode("utf-8", "replace") or f"tensor{number}"
    shape, variable = _ints(tensor.ShapeAsNumpy()), bool(tensor.IsVariable())
    if not tensor.Buffer() < model.BuffersLength():
        raise UnreadableModel(f"'{name}' is in buffer {tensor.Buffer()} of {model.BuffersLength()}")
    type_ = _TYPES.get(tensor.Type(), "")
    if variable or model.Buffers(tensor.Buffer()).DataLength():
        return Held(name, shape, type_, 0, variable)
    if not type_:
        raise UnsupportedModel(f"tensor {number} '{name}' has element type {tensor.Type()}")
    if min(shape, default=1) < 0:
        raise UnsupportedModel(f"tensor {number} '{name}' has shape {[*shape]}",
                               hint="convert with fixed sizes")  # fmt: skip
    return Held(name, shape, type_, prod(shape) * np.dtype(type_).itemsize, False)


def _numbers(model: Any, graph: Any, tensors: Sequence[Held]) -> dict[int, npt.NDArray[np.int64]]:
    found = {}
    for k, tensor in enumerate(tensors):
        held = model.Buffers(graph.Tensors(k).Buffer())
        if tensor.type in ("int32", "int64") and 0 < held.DataLength() <= MOST_TOLD:
            found[k] = np.frombuffer(held.DataAsNumpy().tobytes(), tensor.type).astype(np.int64)
    return found


def _node(model: Any, operator: Any, number: int) -> Node:
    held = model.OperatorCodes(operator.OpcodeIndex())
    code = max(held.BuiltinCode(), held.DeprecatedBuiltinCode())
    return Node(
        number,
        _KINDS.get(code, f"operator {code}"),
        _ints(operator.InputsAsNumpy()),
        _ints(operator.OutputsAsNumpy()),
        operator.BuiltinOptions(),
        _OPTIONS.get(operator.BuiltinOptionsType(), "of no known kind"),
    )


def _check(
    tensors: Sequence[Held], nodes: Sequence[Node], inputs: Sequence[int], outputs: Sequence[int]
) -> None:
    """Every tensor that is spoken of is there, and made once, before it is read."""
    count, made = len(tensors), {*inputs}
    for k in (*inputs, *outputs):
        if not 0 <= k < count:
            raise UnreadableModel(f"input or output {k} of {count} tensors")
    constant = {k for k, held in enumerate(tensors) if not held.bytes and not held.variable}
    if held := constant & made:
        raise UnreadableModel(f"input '{tensors[min(held)].name}' takes no bytes, or is a constant")
    for node in nodes:
        where = {"node": node.name, "operator": node.kind}
        for k in (*node.inputs, *node.outputs):
            if not -1 <= k < count or (k == -1 and k in node.outputs):
                raise UnreadableModel(f"tensor {k} of {count}", **where)
        for k in node.inputs:
            if k != -1 and tensors[k].bytes and k not in made:
                raise UnreadableModel(
                    f"'{tensors[k].name}' is made nowhere before it is read", **where
                )
        for k in node.outputs:
            if k in made or k in constant:
                what = "made twice" if k in made else "made, and a constant or without bytes"
                raise UnreadableModel(f"'{tensors[k].name}' is {what}", **where)
        made |= {*node.outputs}
    for k in outputs:
        if k not in made and tensors[k].bytes:
            raise UnreadableModel(f"output '{tensors[k].name}' is made nowhere")
