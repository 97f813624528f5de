"""The network's inputs and outputs as a caller of the program sees them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from lowtide.ir.dtype import F32, DType, dtype_of
from lowtide.ir.graph import Array
from lowtide.ir.quant import Quant
from lowtide.layout.lay_out import Layout, rows_of
from lowtide.quoting import identifier


@dataclass(frozen=True)
class Port:
    """An input or output as the caller sees it: ONNX's shape, and its axes as they lie in memory.

    `identifier` is its name in C, `tensor` the tensor that holds it, `order` lists axes outermost
    first. `streamed` is the number of rows in which it is handed over; 0: it lies in the arena.
    `dtype` names the type of its elements. Where these are whole numbers that stand for others, a
    real number is (number - zero) * scale; scale 0: they stand for themselves. `axes` names the
    axes, where they are not ONNX's.
    """

    name: str
    identifier: str
    tensor: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    streamed: int = 0
    dtype: str = F32.name
    scale: float = 0.0
    zero: int = 0
    axes: str = ""

    @property
    def type(self) -> DType:
        """The type of its elements."""
        return dtype_of(self.dtype)

    @property
    def c(self) -> str:
        """The type of its elements in C."""
        return self.type.c

    @property
    def bytes(self) -> int:
        """Bytes of all its elements."""
        return self.elements * self.type.bytes

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    def reals(self, numbers: Array) -> Array:
        """What numbers of it stand for."""
        wide = numbers.astype(np.float64)
        return (wide - self.zero) * self.scale if self.scale else wide

    @property
    def memory(self) -> str:
        """The memory order in words: [H 32][W 32][C 3]."""
        letters = self.axes or {4: "NCHW", 3: "NCL", 2: "NC"}.get(len(self.shape), "")
        axes = [a for a in self.order if self.shape[a] > 1] or [*self.order[-1:]]
        names = [letters[a] if letters else f"axis {a}" for a in axes]
        return "".join(f"[{n} {self.shape[a]}]" for n, a in zip(names, axes, strict=True)) or "[1]"


@dataclass(frozen=True)
class Carried:
    """What is carried from call to call: an output that lies where the input lies.

    Before the first call all its elements are `initial`.
    """

    output: Port
    input: Port
    initial: int

    @property
    def bytes(self) -> int:
        """Bytes that nothing else may touch between the calls."""
        return self.input.bytes


def carried(layout: Layout) -> tuple[Carried, ...]:
    """The network's states, in order."""
    names = dict(zip(layout.graph.outputs, layout.output_names, strict=True))
    states = layout.graph.states
    made = [state.output for state in states]
    outputs = _ports(layout, tuple(names[name] for name in made), tuple(made), False)
    read = tuple(state.input for state in states)
    return tuple(
        Carried(output, into, state.initial)
        for output, into, state in zip(
            outputs, _ports(layout, read, read, False), states, strict=True
        )
    )


def input_ports(layout: Layout, streamed: bool = False) -> tuple[Port, ...]:
    """The inputs that the caller writes, in order: one that is handed over in parts is one port,
    and what an earlier call has made is none."""
    crops, kept = layout.graph.crops, {state.input for state in layout.graph.states}
    handed = [name for name in reversed(layout.graph.inputs) if name not in kept]
    tensors = {crops[t].input if t in crops else t: t for t in handed}
    names = tuple(reversed(tensors))
    return _ports(layout, names, tuple(tensors[name] for name in names), streamed)


def output_ports(layout: Layout, streamed: bool = False) -> tuple[Port, ...]:
    """The network's outputs, in order, but for states that are not shown.

    Where an output is an input as well, its port is a copy of it.
    """
    hidden = {state.output for state in layout.graph.states if not state.shown}
    pairs = zip(layout.output_names, layout.graph.outputs, strict=True)
    shown = [pair for pair in pairs if pair[1] not in hidden]
    names, tensors = tuple(name for name, _ in shown), tuple(tensor for _, tensor in shown)
    return _ports(layout, names, tensors, streamed)


def _ports(
    layout: Layout, names: tuple[str, ...], tensors: tuple[str, ...], streamed: bool
) -> tuple[Port, ...]:
    taken: set[str] = set()
    found = []
    for name, tensor in zip(names, tensors, strict=True):
        place = layout.places[tensor]
        shape, order = place.strided.shape, place.strided.order
        if tensor in layout.graph.crops:
            shape, order = layout.graph.crops[tensor].shape, _order_of_whole(place.strided.strides)
        by_rows = streamed and tensor not in layout.graph.carried
        rows = rows_of(shape, order) if by_rows else 0
        held = layout.graph.tensors[tensor]
        scale, zero = _stands_for(held.quant)
        dtype = layout.storages[place.storage].dtype.name
        own = identifier(name, taken)
        axes = "NHWC" if held.channels_last else ""
        found.append(Port(name, own, tensor, shape, order, rows, dtype, scale, zero, axes))
    return tuple(found)


def _stands_for(quant: Quant | None) -> tuple[float, int]:
    """The scale and the zero point of a tensor that has one of each."""
    if quant is None or len(quant.scales) != 1:
        return 0.0, 0
    return quant.scales[0], quant.zeros[0]


def _order_of_whole(strides: tuple[int, ...]) -> tuple[int, ...]:
    """The memory order of what a crop is a part of.

    An axis of the crop may be 1 long where the whole's is not: its stride tells where it belongs.
    """
    return tuple(axis for _, axis in sorted((-stride, axis) for axis, stride in enumerate(strides)))
