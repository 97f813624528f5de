"""What an operator's entry is, and how entries are found.

An entry is a function with the operator's name above it. It gets the operator bound to its shapes
(`Bound`) and returns one of

    Nest     it computes: a loop nest over the output's elements
    Views    it moves nothing: each output is its input seen through a chain of views
    Join     its inputs lie side by side along an axis of one storage

What an entry does not name it refuses: attributes, inputs that must be constant, element types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np

from lowtide.errors import (
    EXPORT,
    FINITE,
    FLOAT32,
    NO_OPERATOR,
    OPERATORS,
    STATIC,
    ModelError,
    UnsupportedModel,
)
from lowtide.ir import dtype
from lowtide.ir.dtype import F32, FLOATS, I32, I64, DType, dtype_of
from lowtide.ir.graph import CARRIED, STORED, Array, Graph, Operator, Shape, Tensor
from lowtide.ir.meaning import Join, Meaning
from lowtide.ir.nest import Nest
from lowtide.ir.view import Reshape
from lowtide.ops.arithmetic_of import in_whole_numbers

MOST_ROUNDS = 2**31 - 1
"""What an int of C counts to."""

AxisOrder = Literal["channels_last", "input", "row_major"]

FLOAT = (F32,)
BOOL = (dtype.BOOL,)
WHOLE = (I32, I64)
ANY = (F32, *CARRIED)
"""What an operator can hand on that only moves elements."""
CHOSEN = (F32, *STORED)
"""What an operator takes that only chooses among its operands' elements."""


@dataclass(frozen=True)
class Entry:
    """One operator: what it understands and what it means.

    `attributes` gives each attribute's default (None: none). `parameters` gives the input that
    carries a parameter in opsets where it is not an attribute; such an input must be constant.
    `order` says how its result prefers to lie: pixel by pixel, as its input does, or row-major.
    `kernel` gives the extents of the windows that its `pads` surround. `goes_on` is the operator
    that computes the same on top of sums that are there, instead of a bias: its filters are the
    first axis of input 1, and each makes a channel of the output, axis 1.
    `types` are those of inputs and outputs; `other_types` those of single inputs that differ, and
    `makes` those of outputs that do.
    """

    type: str
    meaning: Callable[[Bound], Meaning]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    order: AxisOrder = "input"
    pointwise: bool = False
    types: tuple[DType, ...] = FLOAT
    other_types: Mapping[int, tuple[DType, ...]] = field(default_factory=dict)
    makes: tuple[DType, ...] = ()
    kernel: Callable[[Bound], tuple[int, ...]] | None = None
    goes_on: str = ""

    @property
    def says(self) -> str:
        """What it computes, in the first words of its function."""
        return " ".join((self.meaning.__doc__ or "").partition("\n\n")[0].split())

    def takes(self, operand: int) -> tuple[DType, ...]:
        """The element types that an input may have."""
        return self.other_types.get(operand, self.types)


ENTRIES: dict[str, Entry] = {}


def entry(
    *types: str,
    attributes: Mapping[str, Any] | None = None,
    parameters: Mapping[str, int] | None = None,
    order: AxisOrder = "input",
    pointwise: bool = False,
    take: tuple[DType, ...] = FLOAT,
    other_types: Mapping[int, tuple[DType, ...]] | None = None,
    makes: tuple[DType, ...] = (),
    kernel: Callable[[Bound], tuple[int, ...]] | None = None,
    goes_on: str = "",
) -> Callable[[Callable[[Bound], Meaning]], Callable[[Bound], Meaning]]:
    """Registers the function below as the entry of the operators `types`."""

    def register(meaning: Callable[[Bound], Meaning]) -> Callable[[Bound], Meaning]:
        for type_ in types:
            ENTRIES[type_] = Entry(
                type_,
                meaning,
                attributes or {},
                parameters or {},
                order,
                pointwise,
                take,
                other_types or {},
                makes,
                kernel,
                goes_on,
            )
        return meaning

    return register


@dataclass(frozen=True)
class Bound:
    """An operator with the shapes and constants it is used with: what an entry sees."""

    operator: Operator
    inputs: tuple[Tensor | None, ...]
    constants: Mapping[int, Array]
    outputs: tuple[Tensor, ...]

    @property
    def type(self) -> str:
        """The operator's ONNX type."""
        return self.operator.type

    @property
    def opset(self) -> int:
        """The version of ONNX's operators that the node is written in."""
        return self.operator.opset

    @property
    def out(self) -> Shape:
        """The shape of the first output."""
        return self.outputs[0].shape

    def has(self, operand: int) -> bool:
        """Whether an optional input is given."""
        return operand < len(self.inputs) and self.inputs[operand] is not None

    def shape(self, operand: int) -> Shape:
        """The shape of an input."""
        tensor = self.inputs[operand] if operand < len(self.inputs) else None
        if tensor is None:
            raise self.refuse(f"input {operand} is missing")
        return tensor.shape

    def attribute(self, name: str) -> Any:
        """The value of an attribute, or the entry's default."""
        return self.operator.attributes.get(name, ENTRIES[self.type].attributes[name])

    def parameter(self, name: str, default: Any = None) -> Any:
        """The value of a parameter: an attribute in older opsets, a constant input in newer ones.

        `default` is returned where the optional input is left out.
        """
        if name in self.operator.attributes:
            return self.operator.attributes[name]
        operand = ENTRIES[self.type].parameters[name]
        if not self.has(operand):
            return default
        return self.constants[operand].tolist()

    def meaning(self) -> Meaning:
        """What the entry says that it means, in int32 where all of it is whole."""
        held = ENTRIES[self.type].meaning(self)
        if not isinstance(held, Nest):
            return held
        read = [self.inputs[k] for k in {read.operand for read in held.reads}]
        return in_whole_numbers(held, [t.dtype for t in read if t], self.outputs[0].dtype)

    def refuse(self, what: str, hint: str | None = None) -> ModelError:
        """Makes the error to raise for something that this entry does not do; it names the node."""
        return UnsupportedModel(
            what, node=self.operator.name, operator=f"{self.type} (opset {self.opset})", hint=hint
        )


def bind(operator: Operator, graph: Graph) -> Bound:
    """Gives an operator its shapes and constants; raises UnsupportedModel for what is not known.

    That is: an operator without an entry, and attributes, element types and inputs that are not
    constant which the entry does not name.
    """
    inputs = tuple(_tensor(graph, name) if name else None for name in operator.inputs)
    constants = {
        i: graph.constants[name]
        for i, name in enumerate(operator.inputs)
        if name in graph.constants
    }
    if not all(operator.outputs):
        raise UnsupportedModel(
            "an output before the last is left out", node=operator.name, operator=operator.type
        )
    outputs = tuple(graph.tensors[name] for name in operator.outputs)
    bound = Bound(operator, inputs, constants, outputs)
    found = ENTRIES.get(operator.type)
    if found is None:
        raise bound.refuse(NO_OPERATOR, OPERATORS)
    _refuse_unnamed(bound, found)
    return bound


def _tensor(graph: Graph, name: str) -> Tensor:
    if name in graph.tensors:
        return graph.tensors[name]
    array = graph.constants[name]
    return Tensor(name, tuple(array.shape), dtype_of(array.dtype))


def _refuse_unnamed(bound: Bound, found: Entry) -> None:
    """Refuses attributes, element types and non-constant parameters the entry does not name."""
    for name in bound.operator.attributes:
        if name not in found.attributes and name not in found.parameters:
            raise bound.refuse(f"attribute '{name}' is not supported")
    parameters = set(found.parameters.values())
    for i, tensor in enumerate(bound.inputs):
        if tensor is None:
            continue
        if i in parameters:
            if i not in bound.constants:
                raise bound.refuse(f"input {i} ('{tensor.name}') must be a constant", STATIC)
        elif tensor.dtype not in found.takes(i):
            raise _of_type(bound, f"input {i}", tensor, found.takes(i))
    makes = found.makes or found.types
    for i, tensor in enumerate(bound.outputs):
        if tensor.dtype not in makes:
            if i:
                raise bound.refuse(f"its output {i} ('{tensor.name}') is not supported")
            raise _of_type(bound, "output", tensor, makes)


def _of_type(bound: Bound, what: str, tensor: Tensor, types: tuple[DType, ...]) -> ModelError:
    hint = FLOAT32 if tensor.dtype in FLOATS else None
    return bound.refuse(f"{what} is {tensor.dtype}; {' or '.join(map(str, types))} is needed", hint)


def understand(operator: Operator, graph: Graph) -> Meaning:
    """Works out what an operator computes, without its epilogue: a nest, views or a join.

    Raises UnsupportedModel for what the entry does not name, and where the shapes in a damaged file
    are not those that the operator makes.
    """
    bound = bind(operator, graph)
    try:
        held = bound.meaning()
        fits = _fits(held, bound)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise bound.refuse(f"its operands and attributes do not fit ({error})", EXPORT) from error
    if isinstance(held, Nest):
        for i in sorted(held.factors & bound.constants.keys()):
            if not np.isfinite(bound.constants[i]).all():
                name = operator.inputs[i]
                raise bound.refuse(f"its weights '{name}' hold NaN or infinities", FINITE)
        longest = max((v.extent for r in held.reductions for v in r.loops), default=0)
        if longest > MOST_ROUNDS:
            raise bound.refuse(
                f"one element takes a loop of {longest} rounds; at most {MOST_ROUNDS} are supported"
            )
    if not fits:
        shapes = ", ".join(str([*t.shape]) for t in bound.inputs if t is not None)
        raise bound.refuse(f"does not make {[*bound.out]} of {shapes}", EXPORT)
    return held


def _fits(held: Meaning, bound: Bound) -> bool:
    """Whether a meaning is about tensors of the shapes that the graph has."""
    if isinstance(held, Nest):
        ranks = [len(t.shape) if t is not None else -1 for t in bound.inputs]
        return len(held.axes) == len(bound.out) == len(held.shape) and all(
            len(read.index) == ranks[read.operand] for read in held.reads
        )
    if isinstance(held, Join):
        return (
            sum(bound.shape(i)[held.axis] for i in range(len(bound.inputs)))
            == (bound.out[held.axis])
        )
    shapes = []
    for chain in held.chains:
        shape = bound.shape(0)
        for view in chain:
            to = view.shape(shape)
            if isinstance(view, Reshape) and prod(to) != prod(shape):
                return False
            shape = to
        shapes.append(shape)
    return shapes == [tensor.shape for tensor in bound.outputs]


def ints(values: Any) -> tuple[int, ...]:
    """A parameter (a number or a list) as a tuple of ints."""
    return tuple(int(v) for v in np.atleast_1d(np.asarray(values, np.int64)))
