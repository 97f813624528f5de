"""What the parts of one emitted program share: names of storages, weights, tables, functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lowtide.backends.c99.packed import stored
from lowtide.backends.c99.text import function_name, function_source, table_name
from lowtide.ir.dtype import F32, DType, dtype_of
from lowtide.ir.graph import Array, stored_as
from lowtide.ir.index import Index, Lookup
from lowtide.ir.nest import Nest
from lowtide.ir.value import Call, Chosen, FromIndex, FromTable, walk
from lowtide.ir.whole import functions
from lowtide.kernels.kernel import Kernel, Use
from lowtide.kernels.packing import ByFamily, InOrder, Numbers, Order, Packing
from lowtide.layout.lay_out import Place
from lowtide.planner.plan import Plan
from lowtide.quoting import identifier
from lowtide.rows.task import Task

_LAYER_WIDTH = 32
"""Characters of a layer's name in that of its constants."""


def operator_function(number: int, task: Task) -> str:
    """The C function of an operator: op3_conv."""
    return f"op{number}_{identifier(task.operator.type, set())}"


@dataclass(frozen=True)
class Address:
    """An element of a storage: its C name, the row and the position in the row."""

    storage: str
    row: Index
    at: Index

    @property
    def c(self) -> str:
        """Its address in C, as macros of the judge take it."""
        return f"{self.storage}, {self.row.c()}, {self.at.c()}"

    @property
    def pointer(self) -> str:
        """A pointer to it in C."""
        return f"{self.storage}({self.row.c()}, {self.at.c()})"

    def where(self, at: Mapping[str, Index]) -> Address:
        """The element where variables of the position in the row are so."""
        return replace(self, at=self.at.substitute(at))


@dataclass
class Program:
    """Collects what the operators of one program use, while they are emitted.

    `layer` is the operator that is written now: constants are called after the first that reads
    them. `variants` are arrays of families of processors, in the place of those of `weights`;
    `factors` names arrays with a number for each channel, or some.
    """

    plan: Plan
    layer: str = ""
    weights: dict[str, Array] = field(default_factory=dict)
    variants: dict[str, dict[str, Array]] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    tables: dict[str, tuple[int, ...]] = field(default_factory=dict)
    numbers: dict[str, Array] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    shapes: list[Mapping[str, float | str]] = field(default_factory=list)
    branches: bool = False
    packed: set[str] = field(default_factory=set)
    factors: set[str] = field(default_factory=set)
    _weight_names: dict[Packing, str] = field(default_factory=dict)

    def storage(self, name: str) -> str:
        """The C name of a storage."""
        return f"S{list(self.plan.layout.storages).index(name)}"

    def stored(self, name: str) -> DType:
        """The type in which a tensor or a constant lies in memory."""
        layout = self.plan.layout
        if name in layout.places:
            return layout.storages[layout.places[name].storage].dtype
        return stored_as(dtype_of(layout.graph.constants[name].dtype))

    def address(self, place: Place, index: Sequence[Index]) -> Address:
        """Where an element of a placed tensor lies."""
        row_elements = self.plan.layout.storages[place.storage].row_elements
        linear = place.strided.at(index)
        row, at = linear // row_elements, linear % row_elements
        for used in (row, at):
            self.use_tables(used)
        return Address(self.storage(place.storage), row, at)

    def weight(self, packing: Packing) -> str:
        """The C name of a constant in the order in which it is read: w3_stage1_conv1."""
        key = packing
        if isinstance(packing, InOrder):
            # Axes of extent 1 make no difference to where elements lie.
            shape = self.plan.layout.graph.constants[packing.constant].shape
            key = replace(packing, axes=tuple(a for a in packing.axes if shape[a] > 1))
        if key not in self._weight_names:
            layer = identifier(self.layer, set(), _LAYER_WIDTH)
            name = self._weight_names[key] = f"w{len(self._weight_names)}_{layer}"
            by_family = packing if isinstance(packing, ByFamily) else ByFamily((), packing)
            self.weights |= self._arrays(name, by_family.others)
            for family, own in by_family.variants:
                self.variants.setdefault(family, {}).update(self._arrays(name, own))
        return self._weight_names[key]

    def _arrays(self, name: str, order: Order) -> dict[str, Array]:
        """The arrays of a constant by name: one, or that of its codes and that of their scales."""
        if isinstance(order, Numbers):
            self.factors.add(name)
            return {name: np.array(order.numbers, np.int32)}
        graph = self.plan.layout.graph
        array, codes = graph.constants[order.constant], graph.packed.get(order.constant)
        if array.ndim < 2:
            self.factors.add(name)
        if codes is None:
            return {name: order.pack(array)}
        arrays = stored(name, codes, order.pack(codes.codes.reshape(array.shape)))
        self.packed |= arrays.keys()
        self.factors |= arrays.keys() - {name}
        return arrays

    def use(self, use: Use) -> None:
        """Notes a kernel and the sizes that its C is compiled with."""
        if use.kernel not in self.kernels:
            self.kernels.append(use.kernel)
        for name, least in use.limits.items():
            self.limits[name] = max(self.limits.get(name, least), least)

    def use_tables(self, index: Index) -> None:
        """Notes the constant tables an index needs."""
        for one in index.lookups():
            self._table(one)

    def use_values(self, nest: Nest) -> None:
        """Notes the scalar functions and tables of a nest's arithmetic."""
        for value in nest.values:
            for part in walk(value):
                if isinstance(part, Call) and not functions(nest.arithmetic)[part.function].infix:
                    name = function_name(part.function, nest.arithmetic)
                    self.functions[name] = function_source(part.function, nest.arithmetic)
                if isinstance(part, FromIndex | FromTable):
                    self.use_tables(part.index)
                if isinstance(part, FromTable):
                    kind = np.float32 if nest.arithmetic == F32 else np.int32
                    self.numbers[table_name(part, nest.arithmetic)] = np.asarray(part.table, kind)
                if isinstance(part, Chosen):
                    self.numbers[part.name] = part.array

    def _table(self, one: Lookup) -> None:
        self.tables[one.name] = one.table
