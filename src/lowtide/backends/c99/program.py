"""What the parts of one emitted program share: names of storages, weights, tables, functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lowtide.backends.c99.packed import stored
from lowtide.ir.functions import FUNCTIONS
from lowtide.ir.graph import Array
from lowtide.ir.index import Index, Lookup
from lowtide.ir.nest import Call, FromIndex, FromTable, Nest, walk
from lowtide.layout.lay_out import Place
from lowtide.planner.plan import Plan

BLOCK = 16
"""Channels of a block of weights: BLOCK of parts/vectors.h."""


@dataclass(frozen=True)
class Address:
    """An element of a storage: its C name, the row and the position in the row."""

    storage: str
    row: Index
    at: Index

    @property
    def c(self) -> str:
        return f"{self.storage}, {self.row.c()}, {self.at.c()}"


@dataclass
class Program:
    """Collects what is used while the operators are emitted."""

    plan: Plan
    weights: dict[str, Array] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    tables: dict[str, tuple[int, ...]] = field(default_factory=dict)
    numbers: dict[str, tuple[float, ...]] = field(default_factory=dict)
    kernels: dict[str, None] = field(default_factory=dict)
    row_kernels: dict[str, None] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    _weight_names: dict[tuple[str, tuple[int, ...]], str] = field(default_factory=dict)

    def storage(self, name: str) -> str:
        """The C name of a storage."""
        return f"S{list(self.plan.layout.storages).index(name)}"

    def address(self, place: Place, index: Sequence[Index]) -> Address:
        """Where an element of a placed tensor lies."""
        row_elements = self.plan.layout.storages[place.storage].row_elements
        linear = place.strided.at(index)
        row, at = linear // row_elements, linear % row_elements
        for used in (row, at):
            self.use_tables(used)
        return Address(self.storage(place.storage), row, at)

    def weight(self, constant: str, order: Sequence[int]) -> str:
        """The C name of a constant whose axes lie in `order`, outermost first."""
        array = self.plan.layout.graph.constants[constant]
        # Axes of extent 1 make no difference to where elements lie.
        key = constant, tuple(a for a in order if array.shape[a] > 1)
        if key not in self._weight_names:
            name = f"w{len(self._weight_names)}"
            self._weight_names[key] = name
            codes = self.plan.layout.graph.packed.get(constant)
            if codes is None:
                self.weights[name] = np.ascontiguousarray(array.transpose(order)).ravel()
            else:
                ordered = codes.codes.reshape(array.shape).transpose(order)
                self.weights |= stored(name, codes, np.ascontiguousarray(ordered))
        return self._weight_names[key]

    def blocks(self, constant: str, groups: int) -> str:
        """The C name of a convolution's weights as conv_rows reads them, block by block.

        Blocks of 16 output channels of a group, [ky][kx][in][16] each, the last one narrower. A
        vector that begins at its last channel ends up to 15 elements behind the array.
        """
        key = constant, (-1, groups)
        if key not in self._weight_names:
            name = self._weight_names[key] = f"w{len(self._weight_names)}"
            held = self.plan.layout.graph.constants[constant]
            taps = held.transpose(2, 3, 1, 0).reshape(-1, held.shape[0])
            each = held.shape[0] // groups
            starts = [g * each + m for g in range(groups) for m in range(0, each, BLOCK)]
            ends = [*starts[1:], held.shape[0]]
            parts = [taps[:, a:b].ravel() for a, b in zip(starts, ends, strict=True)]
            spare = np.zeros(BLOCK - 1 if each % BLOCK else 0, np.float32)
            self.weights[name] = np.concatenate([*parts, spare])
        return self._weight_names[key]

    def limit(self, name: str, least: int) -> None:
        """Notes a size that the parts of the program are compiled with."""
        self.limits[name] = max(self.limits.get(name, 1), least)

    def use_tables(self, index: Index) -> None:
        """Notes the constant tables an index needs."""
        for one in index.lookups():
            self._table(one)

    def use_values(self, nest: Nest) -> None:
        """Notes the scalar functions and tables of a nest's arithmetic."""
        values = [nest.finish]
        values += [v for r in nest.reductions for v in (r.start, r.update)]
        for value in values:
            for part in walk(value):
                if isinstance(part, Call) and not FUNCTIONS[part.function].infix:
                    self.functions.add(part.function)
                if isinstance(part, FromIndex | FromTable):
                    self.use_tables(part.index)
                if isinstance(part, FromTable):
                    self.numbers[part.name] = part.table

    def _table(self, one: Lookup) -> None:
        self.tables[one.name] = one.table
