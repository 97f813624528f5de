"""Where tensors lie: storages, memory orders, and which tensors are views of them.

ONNX speaks NCHW, the arena mostly HWC. Every computed tensor gets a storage or a place inside
one; views cost nothing where they compose with the memory order, and become copies, planned and
counted, where they do not. A concatenation is one storage that its parts are written into:

    conv1 [1,8,32,32] --+                      storage 'joined': 32 rows of 32 pixels of 24
                        +-- Concat -> joined     conv1 writes channels 0..7 of each pixel
    conv2 [1,16,32,32] -+                        conv2 writes channels 8..23
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from lowtide.ir.dtype import DType, dtype_of
from lowtide.ir.graph import Graph, Operator, Shape, Tensor
from lowtide.ir.view import Slice, Strided, View, contiguous
from lowtide.layout.memory_order import io_order, preferred_orders
from lowtide.ops import Join, Meaning, Views, meaning, understood


@dataclass(frozen=True)
class Storage:
    """A run of memory of its own: `elements` of type `dtype`, in rows of `row_elements`.

    A row consists of pixels of `pixel_elements`, the channels of one place of an image.
    """

    name: str
    dtype: DType
    elements: int
    row_elements: int
    pixel_elements: int

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.elements // self.row_elements

    @property
    def bytes(self) -> int:
        """Bytes of the whole storage."""
        return self.elements * self.dtype.bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.row_elements * self.dtype.bytes


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: its storage, and offset and strides in elements of that storage."""

    storage: str
    strided: Strided


MOST_VIEWS = 8
"""A copy sees its source through so many views: with each, its indices nest deeper."""


@dataclass(frozen=True)
class Layout:
    """The operators that compute, the storages, and where in them each tensor lies.

    `origins` gives, for each tensor, the computed tensors (and inputs) it consists of: itself, the
    tensor that it is a view of, or the parts that were joined. `graph.outputs` are the tensors
    that hold the network's outputs, `output_names` the network's own names for them; `graph.states`
    name tensors, too. `scratch` has
    the storages that kernels use while they make a step, by the tensor that they make; `tiles` how
    many pixels a kernel may make at a time, where it is told; `families` which processors' C is
    emitted beside the portable one (None: all).
    """

    graph: Graph
    storages: Mapping[str, Storage]
    places: Mapping[str, Place]
    origins: Mapping[str, frozenset[str]]
    output_names: tuple[str, ...]
    scratch: Mapping[str, str] = field(default_factory=dict)
    tiles: Mapping[str, int] = field(default_factory=dict)
    families: tuple[str, ...] | None = None


def lay_out(graph: Graph, io_layout: str = "nhwc") -> Layout:
    """Gives every tensor a place; views and joins disappear, copies are added where they must be.

    `io_layout` is the memory order of the network's inputs and outputs of rank 4: nhwc or nchw.
    """
    meanings = {op.output: meaning(op, graph) for op in graph.operators}
    orders = preferred_orders(graph, meanings, io_layout)
    return _Layouter(graph, io_layout, meanings, orders, dict(graph.tensors)).run()


def rows_of(shape: Shape, order: tuple[int, ...]) -> int:
    """How many rows a tensor has: the extent of its outermost axis, axes of extent 1 left out.

    A tensor with only one axis is one row.
    """
    extents = [shape[a] for a in order if shape[a] > 1]
    return extents[0] if len(extents) > 1 else 1


def pixel_of(shape: Shape, order: tuple[int, ...]) -> int:
    """How many elements a pixel has: the extent of the innermost axis.

    In an image in planes (NCHW) a pixel is one element.
    """
    extents = [shape[a] for a in order if shape[a] > 1]
    if len(shape) == 4 and (shape[1] == 1 or order[-1] != 1):
        return 1
    return extents[-1] if extents else 1


def storage_of(name: str, dtype: DType, whole: Strided) -> Storage:
    """The storage of a tensor that has one of its own."""
    shape, order = whole.shape, whole.order
    rows = rows_of(shape, order)
    row = prod(shape) // rows
    pixel = row if rows == 1 else pixel_of(shape, order)
    return Storage(name, dtype, prod(shape), row, pixel)


@dataclass
class _Layouter:
    graph: Graph
    io_layout: str
    meanings: Mapping[str, Meaning]
    orders: Mapping[str, tuple[int, ...]]
    tensors: dict[str, Tensor]
    storages: dict[str, Storage] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    # Copies to be made, by an output of the operator they come before (None: at the end).
    copies: dict[str | None, list[Operator]] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    origins: dict[str, frozenset[str]] = field(default_factory=dict)

    def run(self) -> Layout:
        graph = self.graph
        for name in graph.inputs:
            self._own(name)
            self.origins[name] = frozenset((name,))
        outputs = tuple(self._place_output(name) for name in graph.outputs)
        for op in reversed(graph.operators):
            held = self.meanings[op.output]
            if isinstance(held, Join):
                self._place_parts(op, held.axis)
        made: list[Operator] = []
        for op in graph.operators:
            for name in op.outputs:
                made += self._made(self.copies.pop(name, []))
            made += self._resolve(op)
        made += self._made(self.copies.pop(None, []))
        lying = dict(zip(graph.outputs, outputs, strict=True))
        states = tuple(replace(one, output=lying[one.output]) for one in graph.states)
        laid = replace(
            graph, outputs=outputs, operators=tuple(made), tensors=self.tensors, states=states
        )
        return Layout(understood(laid), self.storages, self.places, self.origins, graph.outputs)

    # Places that are demanded from behind: by outputs and by joins.

    def _place_output(self, name: str) -> str:
        """Gives an output a storage; returns the tensor in it, a copy if it is an input as well."""
        shape = self.graph.shape(name)
        wanted = contiguous(shape, io_order(self.graph, name, self.io_layout))
        place = Place(self._storage(name, shape, wanted), wanted)
        if self._claim(name, place):
            return name
        base, _ = self._behind(name)
        if name == base:
            return self._copy_to(name, place, _free(name, self.tensors), before=None)
        return self._copy_to(name, place, name, before=name)

    def _place_parts(self, op: Operator, axis: int) -> None:
        name = op.output
        shape = self.tensors[name].shape
        if name not in self.places:
            whole = contiguous(shape, self.orders[name])
            self.places[name] = Place(self._storage(name, shape, whole), whole)
        place, start = self.places[name], 0
        for part in op.inputs:
            extents = self.graph.shape(part)
            starts = tuple(start if a == axis else 0 for a in range(len(shape)))
            slice_ = Slice(starts, (1,) * len(shape), extents)
            wanted = Place(place.storage, slice_.strides(place.strided) or place.strided)
            if not self._claim(part, wanted):
                free = _free(part, self.tensors)
                part = self._copy_to(part, wanted, free, before=op.output)
            self.parts.setdefault(name, []).append(part)
            start += extents[axis]

    def _claim(self, name: str, wanted: Place) -> bool:
        """Makes the operator behind `name` write where `wanted` says, if nothing speaks against."""
        base, chain = self._behind(name)
        if base in self.places or base not in self.graph.producer:
            return False
        strided: Strided | None = wanted.strided
        for view, shape in reversed(chain):
            strided = view.inverse(strided, shape) if strided else None
        if strided is None:
            return False
        self.places[base] = Place(wanted.storage, strided)
        return True

    def _behind(self, name: str, most: int | None = None) -> tuple[str, list[tuple[View, Shape]]]:
        """The tensor that `name` is a view of, with the views and what each of them sees.

        Or the tensor that is `most` views behind it.
        """
        chain: list[tuple[View, Shape]] = []
        while name in self.graph.producer and (most is None or len(chain) < most):
            op = self.graph.producer[name]
            held = self.meanings[op.output]
            if not isinstance(held, Views):
                break
            shape, steps = self.graph.shape(op.inputs[0]), []
            for view in held.chains[op.outputs.index(name)]:
                steps.append((view, shape))
                shape = view.shape(shape)
            chain = steps + chain
            name = op.inputs[0]
        return name, chain

    def _copy_to(self, name: str, wanted: Place, target: str, before: str | None) -> str:
        base, chain = self._behind(name, MOST_VIEWS)
        known = self.tensors.get(name) or Tensor(name, (), self._dtype(name))
        self.tensors[target] = replace(known, name=target, shape=wanted.strided.shape)
        self.places[target] = wanted
        copy = _copy(target, base, tuple(view for view, _ in chain))
        self.copies.setdefault(before, []).append(copy)
        return target

    def _dtype(self, name: str) -> DType:
        if name in self.tensors:
            return self.tensors[name].dtype
        return dtype_of(self.graph.constants[name].dtype)

    # Everything else, forwards.

    def _resolve(self, op: Operator) -> list[Operator]:
        """The operators that are left of `op`: itself, nothing (a view), or a copy."""
        held = self.meanings[op.output]
        if isinstance(held, Join):
            parts = self.parts[op.output]
            self.origins[op.output] = frozenset().union(*(self.origins[p] for p in parts))
            return []
        if not isinstance(held, Views):
            if op.output not in self.places:
                self._own(op.output)
            return self._made([op])
        copies = []
        for name, chain in zip(op.outputs, held.chains, strict=True):
            place = self.places.get(op.inputs[0])
            strided = place.strided if place else None
            for view in chain:
                strided = view.strides(strided) if strided else None
            if name in self.places:
                continue  # an output that has a copy of its own
            if place is not None and strided is not None:
                self.places[name] = Place(place.storage, strided)
                self.origins[name] = self.origins[op.inputs[0]]
            else:
                self._own(name)
                copies.append(_copy(name, op.inputs[0], chain))
        return self._made(copies)

    def _made(self, ops: list[Operator]) -> list[Operator]:
        self.origins |= {op.output: frozenset((op.output,)) for op in ops}
        return ops

    def _own(self, name: str) -> None:
        shape = self.tensors[name].shape
        whole = contiguous(shape, self.orders[name])
        self.places[name] = Place(self._storage(name, shape, whole), whole)

    def _storage(self, name: str, shape: Shape, whole: Strided) -> str:
        free = _free(name, self.storages) if name in self.storages else name
        stored = self.graph.as_if or Tensor(name, shape, self._dtype(name)).stored
        self.storages[free] = storage_of(free, stored, whole)
        return free


def _copy(target: str, source: str, chain: tuple[View, ...]) -> Operator:
    return Operator(f"copy to {target}", "Copy", (source,), (target,), {"chain": chain})


def _free(name: str, taken: Mapping[str, object]) -> str:
    """A name that is not taken yet."""
    number = 1
    while f"{name}.copy{number}" in taken:
        number += 1
    return f"{name}.copy{number}"
